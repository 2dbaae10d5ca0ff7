/** An expression constraint as a tree. */
export type Ecl =
  | { kind: 'any' }
  | { kind: 'concept'; operator: '' | '<' | '<<' | '>' | '>>' | '<!'; code: string }
  | { kind: 'member'; code: string }
  | { kind: 'and' | 'or' | 'minus'; parts: Ecl[] }
  | { kind: 'refined'; focus: Ecl; attributes: EclAttribute[] }

export interface EclAttribute {
  name: string
  isEqual: boolean
  value: Ecl
}

/** Longest constraint, deepest nesting and most parts that are taken. */
const CHARS_MAX = 10_000
const DEPTH_MAX = 20
const PARTS_MAX = 200

/**
 * Parse SNOMED CT's Expression Constraint Language (http://snomed.org/ecl), the part that value sets use most: `*`, a concept with
 * `<`, `<<`, `>`, `>>` or `<!`, `^` members of a reference set, `AND`, `OR`, `MINUS`, brackets, and refinements
 * (`<< 404684003 : 363698007 = << 39057004, 116676008 = 79654002`; groups are read as their attributes). Undefined for the rest.
 */
export function parseEcl(source: string): Ecl | undefined {
  if (source.length > CHARS_MAX) return undefined
  const parser = new Parser(source)
  try {
    const tree = parser.expression(0)
    return parser.isAtEnd ? tree : undefined
  } catch (error) {
    if (error instanceof EclError) return undefined
    throw error
  }
}

class EclError extends Error {}

const TOKEN = /\s*(?:(\d{6,18})(?:\s*\|[^|]*\|)?|(<<|<!|>>|!=|[<>^*():,={}])|(AND|OR|MINUS)\b)/iy

class Parser {
  readonly #tokens: string[] = []
  #at = 0
  #parts = 0

  constructor(source: string) {
    const text = source.replace(/\/\*[^]*?\*\//g, ' ').trimEnd()
    TOKEN.lastIndex = 0
    while (TOKEN.lastIndex < text.length) {
      const found = TOKEN.exec(text)
      // What is no token makes no constraint.
      if (!found) {
        this.#tokens.length = 0
        this.#tokens.push('?')
        return
      }
      this.#tokens.push(found[1] ?? found[2] ?? (found[3] as string).toUpperCase())
    }
  }

  get isAtEnd(): boolean {
    return this.#at === this.#tokens.length
  }

  expression(depth: number): Ecl {
    if (depth > DEPTH_MAX) throw new EclError()
    const first = this.#refined(depth)
    const operator = this.#peek()
    if (operator !== 'AND' && operator !== 'OR' && operator !== 'MINUS') return first
    const parts = [first]
    // Different operators in one row need brackets, as the specification has it.
    while (this.#take(operator)) parts.push(this.#refined(depth))
    if (operator === 'MINUS' && parts.length > 2) throw new EclError()
    return { kind: operator.toLowerCase() as 'and', parts }
  }

  #refined(depth: number): Ecl {
    const focus = this.#operand(depth)
    if (!this.#take(':')) return focus
    const attributes = [this.#attribute(depth)]
    while (this.#take(',') || this.#take('AND')) attributes.push(this.#attribute(depth))
    return { kind: 'refined', focus, attributes: attributes.flat() }
  }

  #attribute(depth: number): EclAttribute[] {
    if (this.#take('{')) {
      const inside = [this.#attribute(depth)]
      while (this.#take(',')) inside.push(this.#attribute(depth))
      if (!this.#take('}')) throw new EclError()
      return inside.flat()
    }
    const name = this.#code()
    const isEqual = this.#take('=')
    if (!isEqual && !this.#take('!=')) throw new EclError()
    return [{ name, isEqual, value: this.#operand(depth + 1) }]
  }

  #operand(depth: number): Ecl {
    if (++this.#parts > PARTS_MAX) throw new EclError()
    if (this.#take('*')) return { kind: 'any' }
    if (this.#take('(')) {
      const inner = this.expression(depth + 1)
      if (!this.#take(')')) throw new EclError()
      return inner
    }
    if (this.#take('^')) return { kind: 'member', code: this.#code() }
    for (const operator of ['<<', '<!', '<', '>>', '>'] as const)
      if (this.#take(operator)) return { kind: 'concept', operator, code: this.#code() }
    return { kind: 'concept', operator: '', code: this.#code() }
  }

  #code(): string {
    const token = this.#tokens[this.#at]
    if (token === undefined || !/^\d+$/.test(token)) throw new EclError()
    this.#at++
    return token
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at]
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false
    this.#at++
    return true
  }
}
