import type { BinaryOperator, Expression, TypeSpecifier } from './ast.ts'
import { FhirPathError } from './fhirpath-error.ts'
import { type Token, tokenize } from './lexer.ts'

/** The longest expression accepted. The longest in the R4 definitions has about 2,700 characters. */
export const EXPRESSION_CHARS_MAX = 10_000

/** How deep parentheses, arguments and right-hand sides may nest: protects the stack of the parser. */
export const NESTING_MAX = 200

/** How high the tree may become through chains (`a.b.c`, `a | b | c`): protects the stack of compiler and closures. */
export const TREE_HEIGHT_MAX = 1_000

/**
 * Parses a FHIRPath expression (normative 2.0 grammar, http://hl7.org/fhirpath/N1/grammar.html).
 * Pure. Throws `FhirPathError`: `syntax` where the text is not FHIRPath, `limit` beyond `EXPRESSION_CHARS_MAX`,
 * `NESTING_MAX` or `TREE_HEIGHT_MAX`.
 */
export function parse(expression: string): Expression {
  if (expression.length > EXPRESSION_CHARS_MAX) {
    throw new FhirPathError('limit', `an expression may have at most ${EXPRESSION_CHARS_MAX} characters`, 0)
  }
  return new Parser(tokenize(expression)).whole()
}

/** Binding strength of each operator, weakest first; `is` and `as` stand between `|` and `+`. */
const STRENGTH: Record<string, number> = {
  implies: 1,
  or: 2,
  xor: 2,
  and: 3,
  in: 4,
  contains: 4,
  '=': 5,
  '~': 5,
  '!=': 5,
  '!~': 5,
  '<=': 6,
  '<': 6,
  '>': 6,
  '>=': 6,
  '|': 7,
  is: 8,
  as: 8,
  '+': 9,
  '-': 9,
  '&': 9,
  '*': 10,
  '/': 10,
  div: 10,
  mod: 10,
}
const UNARY_STRENGTH = 11

/** Words that are operators and yet may start a path: the grammar names the first four, `div` is an element of FHIR. */
const OPERATOR_NAMES = new Set(['as', 'contains', 'in', 'is', 'div', 'mod'])
const RESERVED = new Set(['and', 'or', 'xor', 'implies'])

const CALENDAR_UNITS: Record<string, string> = {}
for (const unit of ['year', 'month', 'week', 'day', 'hour', 'minute', 'second', 'millisecond']) {
  CALENDAR_UNITS[unit] = unit
  CALENDAR_UNITS[`${unit}s`] = unit
}

class Parser {
  readonly #tokens: Token[]
  readonly #heights = new WeakMap<Expression, number>()
  #next = 0
  #nesting = 0

  constructor(tokens: Token[]) {
    this.#tokens = tokens
  }

  whole(): Expression {
    const expression = this.#expression(0)
    if (this.#peek().kind !== 'end') throw this.#unexpected('an operator or the end')
    return expression
  }

  #expression(weakest: number): Expression {
    this.#nesting += 1
    if (this.#nesting > NESTING_MAX) {
      throw new FhirPathError('limit', `an expression may nest at most ${NESTING_MAX} deep`, this.#peek().at)
    }
    let left = this.#operand()
    for (;;) {
      const operator = this.#peek()
      const strength = operator.kind === 'word' || operator.kind === 'symbol' ? strengthOf(operator.text) : 0
      if (strength === 0 || strength <= weakest) break
      this.#next += 1
      left = this.#binary(left, operator, strength)
    }
    this.#nesting -= 1
    return left
  }

  #binary(left: Expression, operator: Token, strength: number): Expression {
    const { text, at } = operator
    if (text === 'is' || text === 'as') {
      return this.#checked({ kind: 'type', op: text, operand: left, type: this.#typeSpecifier(), at }, left)
    }
    const right = this.#expression(strength)
    return this.#checked({ kind: 'binary', op: text as BinaryOperator, left, right, at }, left, right)
  }

  #operand(): Expression {
    const token = this.#peek()
    if (token.kind === 'symbol' && (token.text === '-' || token.text === '+')) {
      this.#next += 1
      const operand = this.#expression(UNARY_STRENGTH - 1)
      return this.#checked({ kind: 'unary', op: token.text, operand, at: token.at }, operand)
    }
    let expression = this.#term()
    for (;;) {
      const at = this.#peek().at
      if (this.#accept('.')) expression = this.#afterDot(expression)
      else if (this.#accept('[')) {
        const index = this.#expression(0)
        this.#expect(']')
        expression = this.#checked({ kind: 'indexer', of: expression, index, at }, expression, index)
      } else return expression
    }
  }

  #afterDot(of: Expression): Expression {
    const token = this.#peek()
    const name = token.kind === 'word' || token.kind === 'quoted'
    if (name) {
      this.#next += 1
      return this.#invocation(of, token)
    }
    if (token.kind === 'symbol' && token.text.startsWith('$')) {
      throw new FhirPathError('syntax', `${token.text} cannot follow a dot`, token.at)
    }
    throw this.#unexpected('an element or function name')
  }

  /** An element, or a function when an opening parenthesis follows. */
  #invocation(of: Expression | null, name: Token): Expression {
    const children = of === null ? [] : [of]
    if (!this.#accept('(')) {
      return this.#checked({ kind: 'member', of, name: name.text, at: name.at }, ...children)
    }
    const args: Expression[] = []
    const sorts = name.text === 'sort'
    const descending: boolean[] = []
    if (!this.#accept(')')) {
      do {
        const arg = this.#expression(0)
        const minus = sorts && arg.kind === 'unary' && arg.op === '-'
        args.push(minus ? arg.operand : arg)
        if (sorts) descending.push(this.#direction() !== minus)
      } while (this.#accept(','))
      this.#expect(')')
    }
    const call = { kind: 'call', of, name: name.text, args, at: name.at } as const
    return this.#checked(sorts ? { ...call, descending } : call, ...children, ...args)
  }

  /** Whether a key of `sort` is followed by `desc`. */
  #direction(): boolean {
    const { kind, text } = this.#peek()
    if (kind !== 'word' || (text !== 'asc' && text !== 'desc')) return false
    this.#next += 1
    return text === 'desc'
  }

  #term(): Expression {
    const token = this.#peek()
    const at = token.at
    this.#next += 1
    switch (token.kind) {
      case 'string':
        return { kind: 'string', value: token.text, at }
      case 'number':
        return this.#number(token)
      case 'date':
      case 'dateTime':
      case 'time':
        return { kind: token.kind, text: token.text, at }
      case 'quoted':
        return this.#invocation(null, token)
      case 'word':
        return this.#word(token)
      case 'symbol':
        return this.#symbolTerm(token)
      case 'end':
        this.#next -= 1
        throw this.#unexpected('an expression')
    }
  }

  #word(token: Token): Expression {
    const { text, at } = token
    if (text === 'true' || text === 'false') return { kind: 'boolean', value: text === 'true', at }
    if (RESERVED.has(text) || (OPERATOR_NAMES.has(text) && this.#startsOperand())) {
      throw new FhirPathError('syntax', 'an operator stands where an expression is expected', at)
    }
    return this.#invocation(null, token)
  }

  /** Whether the next token starts an operand, which means the word before it was an operator without a left side. */
  #startsOperand(): boolean {
    const { kind } = this.#peek()
    return kind === 'string' || kind === 'number' || kind === 'quoted'
  }

  #symbolTerm(token: Token): Expression {
    const at = token.at
    switch (token.text) {
      case '$this':
        return { kind: 'this', at }
      case '$index':
        return { kind: 'index', at }
      case '$total':
        return { kind: 'total', at }
      case '{':
        this.#expect('}')
        return { kind: 'empty', at }
      case '(': {
        const inner = this.#expression(0)
        this.#expect(')')
        return inner
      }
      case '%': {
        const name = this.#peek()
        if (name.kind !== 'word' && name.kind !== 'quoted' && name.kind !== 'string') throw this.#unexpected('a name')
        this.#next += 1
        return { kind: 'constant', name: name.text, at }
      }
    }
    this.#next -= 1
    throw this.#unexpected('an expression')
  }

  #number(token: Token): Expression {
    const { text, at } = token
    const unit = this.#peek()
    if (unit.kind === 'string') {
      this.#next += 1
      return { kind: 'quantity', text, unit: unit.text, calendar: false, at }
    }
    const calendar = unit.kind === 'word' && Object.hasOwn(CALENDAR_UNITS, unit.text) && CALENDAR_UNITS[unit.text]
    if (calendar) {
      this.#next += 1
      return { kind: 'quantity', text, unit: calendar, calendar: true, at }
    }
    if (text.includes('.')) return { kind: 'decimal', text, at }
    return { kind: 'integer', value: Number(text), at }
  }

  #typeSpecifier(): TypeSpecifier {
    const first = this.#name()
    if (!this.#accept('.')) return { name: first }
    return { namespace: first, name: this.#name() }
  }

  #name(): string {
    const token = this.#peek()
    if (token.kind !== 'word' && token.kind !== 'quoted') throw this.#unexpected('a type name')
    this.#next += 1
    return token.text
  }

  /** Records the height of a node whose children are known and refuses the one that is too high. */
  #checked<T extends Expression>(node: T, ...children: Expression[]): T {
    let height = 0
    for (const child of children) height = Math.max(height, this.#heights.get(child) ?? 0)
    if (height >= TREE_HEIGHT_MAX) {
      throw new FhirPathError('limit', `an expression may chain at most ${TREE_HEIGHT_MAX} steps`, node.at)
    }
    this.#heights.set(node, height + 1)
    return node
  }

  #peek(): Token {
    return this.#tokens[this.#next] as Token
  }

  #accept(symbol: string): boolean {
    const token = this.#peek()
    if (token.kind !== 'symbol' || token.text !== symbol) return false
    this.#next += 1
    return true
  }

  #expect(symbol: string): void {
    if (!this.#accept(symbol)) throw this.#unexpected(`'${symbol}'`)
  }

  #unexpected(wanted: string): FhirPathError {
    return new FhirPathError('syntax', `expected ${wanted}`, this.#peek().at)
  }
}

function strengthOf(text: string): number {
  return Object.hasOwn(STRENGTH, text) ? (STRENGTH[text] as number) : 0
}
