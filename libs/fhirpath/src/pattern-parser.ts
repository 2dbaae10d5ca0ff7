import { FhirPathError } from './fhirpath-error.ts'

/** The syntax tree of a regular expression. */
export type PatternNode =
  | { kind: 'char'; test: CharTest }
  | { kind: 'sequence'; parts: PatternNode[] }
  | { kind: 'either'; options: PatternNode[] }
  | { kind: 'group'; index: number; body: PatternNode }
  | { kind: 'repeat'; body: PatternNode; min: number; max: number; lazy: boolean }
  | { kind: 'look'; body: PatternNode; negative: boolean }
  | { kind: 'start' | 'end' | 'boundary' | 'noBoundary' }

/** Tests one UTF-16 code unit. */
export type CharTest = (code: number) => boolean

/** Longest pattern and deepest group accepted: patterns can come from a profile or a patch. */
const PATTERN_CHARS_MAX = 1_000
const GROUP_DEPTH_MAX = 50

export interface ParsedPattern {
  root: PatternNode
  groups: number
}

/**
 * Parses the part of the ECMAScript syntax that FHIRPath expressions use: everything except back-references,
 * look-behind and named groups. `position` is where the pattern stands in the expression.
 */
export function parsePattern(source: string, position: number): ParsedPattern {
  return new PatternParser(source, position).whole()
}

const ANY: CharTest = () => true
const QUANTIFIER = /[*+?]|\{(\d{1,4})(?:(,)(\d{1,4})?)?\}/y
const CLASS = /\[(?:[^\]\\]|\\[\s\S])*\]/y
const ESCAPE = /\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[pP]\{[A-Za-z_=]{1,40}\}|[^0-9ckxupP]|0)/y

class PatternParser {
  readonly #source: string
  readonly #position: number
  #at = 0
  #groups = 0
  #depth = 0

  constructor(source: string, position: number) {
    this.#source = source
    this.#position = position
    if (source.length > PATTERN_CHARS_MAX) throw this.#refused(`may have at most ${PATTERN_CHARS_MAX} characters`)
  }

  whole(): ParsedPattern {
    const root = this.#either()
    if (this.#at < this.#source.length) throw this.#refused('closes a group that was not opened')
    return { root, groups: this.#groups }
  }

  #either(): PatternNode {
    this.#depth += 1
    if (this.#depth > GROUP_DEPTH_MAX) throw this.#refused(`may nest at most ${GROUP_DEPTH_MAX} groups`)
    const options = [this.#sequence()]
    while (this.#accept('|')) options.push(this.#sequence())
    this.#depth -= 1
    return options.length === 1 ? (options[0] as PatternNode) : (oneChar(options) ?? { kind: 'either', options })
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = []
    while (this.#at < this.#source.length && !'|)'.includes(this.#source.charAt(this.#at))) {
      parts.push(this.#quantified(this.#atom()))
    }
    return parts.length === 1 ? (parts[0] as PatternNode) : { kind: 'sequence', parts }
  }

  #quantified(body: PatternNode): PatternNode {
    QUANTIFIER.lastIndex = this.#at
    const match = QUANTIFIER.exec(this.#source)
    if (match === null) return body
    this.#at = QUANTIFIER.lastIndex
    const lazy = this.#accept('?')
    const [min, max] = bounds(match)
    if (max < min) throw this.#refused('repeats at most less than at least')
    return { kind: 'repeat', body, min, max, lazy }
  }

  #atom(): PatternNode {
    const char = this.#source.charAt(this.#at)
    if (char === '[') return { kind: 'char', test: this.#native(CLASS, 'has a character class that is not closed') }
    if (char === '\\') return this.#escape()
    this.#at += 1
    switch (char) {
      case '.':
        return { kind: 'char', test: ANY }
      case '^':
        return { kind: 'start' }
      case '$':
        return { kind: 'end' }
      case '(':
        return this.#group()
      case '*':
      case '+':
      case '?':
        throw this.#refused('repeats nothing')
    }
    const code = char.charCodeAt(0)
    return { kind: 'char', test: (other) => other === code }
  }

  #escape(): PatternNode {
    const next = this.#source.charAt(this.#at + 1)
    if (next === 'b' || next === 'B') {
      this.#at += 2
      return { kind: next === 'b' ? 'boundary' : 'noBoundary' }
    }
    return { kind: 'char', test: this.#native(ESCAPE, 'has an escape that is not supported') }
  }

  #group(): PatternNode {
    if (!this.#accept('?')) {
      this.#groups += 1
      return this.#closed({ kind: 'group', index: this.#groups, body: this.#either() })
    }
    if (this.#accept(':')) return this.#closed(this.#either())
    if (this.#accept('=')) return this.#closed({ kind: 'look', negative: false, body: this.#either() })
    if (this.#accept('!')) return this.#closed({ kind: 'look', negative: true, body: this.#either() })
    throw this.#refused('has a kind of group that is not supported')
  }

  #closed(node: PatternNode): PatternNode {
    if (!this.#accept(')')) throw this.#refused('has a group that is not closed')
    return node
  }

  /** One character class or escape, tested by the engine of the host: over a single character it cannot backtrack. */
  #native(shape: RegExp, problem: string): CharTest {
    shape.lastIndex = this.#at
    const match = shape.exec(this.#source)
    if (match === null) throw this.#refused(problem)
    this.#at = shape.lastIndex
    let tester: RegExp
    try {
      tester = new RegExp(`^${match[0]}$`, /\\[pP]\{/.test(match[0]) ? 'u' : '')
    } catch {
      throw this.#refused(problem)
    }
    const ascii = Array.from({ length: 128 }, (_, code) => tester.test(String.fromCharCode(code)))
    return (code) => (code < 128 ? (ascii[code] as boolean) : tester.test(String.fromCharCode(code)))
  }

  #accept(char: string): boolean {
    if (this.#source.charAt(this.#at) !== char) return false
    this.#at += 1
    return true
  }

  #refused(problem: string): FhirPathError {
    return new FhirPathError('execution', `the regular expression ${problem}`, this.#position)
  }
}

/** `\S|\s` is one character class: repeating it then needs no recursion. */
function oneChar(options: PatternNode[]): PatternNode | undefined {
  const tests: CharTest[] = []
  for (const option of options) {
    if (option.kind !== 'char') return undefined
    tests.push(option.test)
  }
  return { kind: 'char', test: (code) => tests.some((test) => test(code)) }
}

function bounds(match: RegExpExecArray): [number, number] {
  switch (match[0]) {
    case '*':
      return [0, Number.POSITIVE_INFINITY]
    case '+':
      return [1, Number.POSITIVE_INFINITY]
    case '?':
      return [0, 1]
  }
  const min = Number(match[1])
  if (match[2] === undefined) return [min, min]
  return [min, match[3] === undefined ? Number.POSITIVE_INFINITY : Number(match[3])]
}
