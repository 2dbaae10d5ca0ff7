/** JSON text of all that is kept, over all tenants; parsed it takes some five times as much memory. */
const BYTES_MAX = 64 * 1024 * 1024
/** What an entry takes beside its texts: a key, a promise and its place. */
const ENTRY_BYTES = 500

/** What was looked up, found or not, with the bytes of its text. */
export interface Looked<V> {
  value: V
  bytes: number
}

interface Entry<V> {
  looked: Promise<Looked<V>>
  bytes: number
}

/** Look-ups by name, remembered up to a number of bytes; those not asked for longest are forgotten first. */
export class StoredCache<V> {
  readonly #entries = new Map<string, Entry<V>>()
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax = BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** `fetch` is asked once for those who wait for the same; what fails is forgotten. */
  async of(key: string, fetch: () => Promise<Looked<V>>): Promise<V> {
    const known = this.#entries.get(key)
    if (known) {
      this.#entries.delete(key)
      this.#entries.set(key, known)
      return (await known.looked).value
    }
    const entry: Entry<V> = { looked: fetch(), bytes: ENTRY_BYTES + key.length * 2 }
    this.#entries.set(key, entry)
    this.#bytes += entry.bytes
    try {
      const { value, bytes } = await entry.looked
      if (this.#entries.get(key) === entry) {
        entry.bytes += bytes
        this.#bytes += bytes
        this.#shrink()
      }
      return value
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#forget(key, entry)
      throw error
    }
  }

  #shrink(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return
      this.#forget(key, entry)
    }
  }

  #forget(key: string, entry: Entry<V>): void {
    this.#entries.delete(key)
    this.#bytes -= entry.bytes
  }
}
