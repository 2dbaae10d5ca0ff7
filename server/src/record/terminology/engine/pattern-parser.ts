/** Whether a UTF-16 code unit is one of those meant. */
export type CharTest = (code: number) => boolean

export type PatternNode =
  | { kind: 'char'; test: CharTest }
  | { kind: 'anchor'; at: 'start' | 'end' }
  | { kind: 'sequence'; parts: PatternNode[] }
  | { kind: 'choice'; parts: PatternNode[] }
  | { kind: 'repeat'; part: PatternNode; min: number; max: number }

/** Groups within groups; a code filter needs two. */
const NESTING_MAX = 50
/** Bound of `{n,m}`. */
const REPEAT_MAX = 1_000

/** The syntax tree of a regular expression without look-around and back-references; undefined when it is none. */
export function parsePattern(source: string): PatternNode | undefined {
  const parser = new Parser(source)
  try {
    const root = parser.choice(0)
    return parser.isAtEnd ? root : undefined
  } catch (error) {
    if (error instanceof PatternError) return undefined
    throw error
  }
}

class PatternError extends Error {}

const CLASSES: Record<string, CharTest> = {
  d: (code) => code >= 48 && code <= 57,
  w: (code) => (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95,
  s: (code) => code === 32 || (code >= 9 && code <= 13) || code === 160,
}
const CONTROLS: Record<string, number> = { n: 10, r: 13, t: 9, f: 12, v: 11 }

class Parser {
  readonly #source: string
  #at = 0

  constructor(source: string) {
    this.#source = source
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#source.length
  }

  choice(depth: number): PatternNode {
    if (depth > NESTING_MAX) throw new PatternError()
    const parts = [this.#sequence(depth)]
    while (this.#take('|')) parts.push(this.#sequence(depth))
    return parts.length === 1 ? (parts[0] as PatternNode) : { kind: 'choice', parts }
  }

  #sequence(depth: number): PatternNode {
    const parts: PatternNode[] = []
    while (!this.isAtEnd && this.#peek() !== '|' && this.#peek() !== ')') parts.push(this.#repeated(depth))
    return { kind: 'sequence', parts }
  }

  #repeated(depth: number): PatternNode {
    const part = this.#atom(depth)
    const bounds = this.#bounds()
    if (!bounds) return part
    this.#take('?')
    if (part.kind === 'anchor' || this.#bounds()) throw new PatternError()
    return { kind: 'repeat', part, ...bounds }
  }

  #bounds(): { min: number; max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY }
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY }
    if (this.#take('?')) return { min: 0, max: 1 }
    const found = /^\{(\d{1,5})(?:(,)(\d{1,5})?)?\}/.exec(this.#source.slice(this.#at, this.#at + 16))
    if (!found) return undefined
    this.#at += found[0].length
    const min = Number(found[1])
    const max = found[2] === undefined ? min : found[3] === undefined ? Number.POSITIVE_INFINITY : Number(found[3])
    if (min > REPEAT_MAX || max < min || (max !== Number.POSITIVE_INFINITY && max > REPEAT_MAX))
      throw new PatternError()
    return { min, max }
  }

  #atom(depth: number): PatternNode {
    const char = this.#next()
    switch (char) {
      case '(': {
        if (this.#take('?') && !this.#take(':')) throw new PatternError()
        const inner = this.choice(depth + 1)
        if (!this.#take(')')) throw new PatternError()
        return inner
      }
      case '[':
        return { kind: 'char', test: this.#set() }
      case '.':
        return { kind: 'char', test: () => true }
      case '^':
        return { kind: 'anchor', at: 'start' }
      case '$':
        return { kind: 'anchor', at: 'end' }
      case '\\':
        return { kind: 'char', test: this.#escape().test }
      case '*':
      case '+':
      case '?':
        throw new PatternError()
      default: {
        const code = char.charCodeAt(0)
        return { kind: 'char', test: (one) => one === code }
      }
    }
  }

  #escape(): { test: CharTest; code?: number } {
    const char = this.#next()
    const named = CLASSES[char]
    if (named) return { test: named }
    const negated = CLASSES[char.toLowerCase()]
    if (negated) return { test: (code) => !negated(code) }
    if (/[1-9bBpPkuxc]/.test(char)) throw new PatternError()
    const code = CONTROLS[char] ?? char.charCodeAt(0)
    return { test: (one) => one === code, code }
  }

  #set(): CharTest {
    const isNegated = this.#take('^')
    const tests: CharTest[] = []
    for (let isFirst = true; isFirst || this.#peek() !== ']'; isFirst = false) {
      if (this.isAtEnd) throw new PatternError()
      tests.push(this.#member())
    }
    this.#at++
    return (code) => tests.some((test) => test(code)) !== isNegated
  }

  #member(): CharTest {
    const from = this.#single()
    const source = this.#source
    if (from.code === undefined || this.#peek() !== '-' || source[this.#at + 1] === ']') return from.test
    this.#at++
    const to = this.#single()
    const { code: low } = from
    const { code: high } = to
    if (high === undefined || high < low) throw new PatternError()
    return (code) => code >= low && code <= high
  }

  #single(): { test: CharTest; code?: number } {
    const char = this.#next()
    if (char === '\\') return this.#escape()
    const code = char.charCodeAt(0)
    return { test: (one) => one === code, code }
  }

  #peek(): string | undefined {
    return this.#source[this.#at]
  }

  #take(char: string): boolean {
    if (this.#source[this.#at] !== char) return false
    this.#at++
    return true
  }

  #next(): string {
    return this.#source[this.#at++] ?? raisePattern()
  }
}

function raisePattern(): never {
  throw new PatternError()
}
