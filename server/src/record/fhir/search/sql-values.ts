/** The values of one statement, in the order of their placeholders. A value that is asked for again is sent once. */
export class SqlValues {
  readonly list: unknown[] = []
  readonly #named = new Map<string, string>()

  /** A placeholder with its type, so that PostgreSQL never has to guess. */
  add(value: unknown, cast: string): string {
    this.list.push(value)
    return `$${this.list.length}::${cast}`
  }

  /** The same placeholder each time `name` is asked for. */
  once(name: string, value: unknown, cast: string): string {
    const known = this.#named.get(name)
    if (known !== undefined) return known
    const placeholder = this.add(value, cast)
    this.#named.set(name, placeholder)
    return placeholder
  }
}
