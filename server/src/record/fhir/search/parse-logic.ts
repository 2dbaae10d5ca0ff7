import type { SearchParameterDef } from '@salus/fhir-model'
import { raise } from '#kernel'
import { definition, type FilterContext, unknown } from './filter-context.ts'
import { parseChain, parseHas } from './parse-chain.ts'
import { parseValue } from './parse-value.ts'
import { SEARCH_LIMITS } from './search-limits.ts'
import type { Filter, Modifier } from './search-request.ts'

/**
 * The value of `_filter`: comparisons joined by `and`, `or`, `not (...)` and parentheses, read from left to right without
 * precedence between `and` and `or`, as the specification says. Faults: `fhir.search.filter-invalid` (names the character it stopped at),
 * `fhir.search.filter-too-large` and those of chains and values. https://hl7.org/fhir/R4/search_filter.html
 */
export function parseLogic(text: string, context: FilterContext): Filter {
  if (text.length > SEARCH_LIMITS.filterCharsMax) raise(TOO_LARGE)
  const reader = new Reader(text)
  const filter = reader.logic(context, 0)
  if (!reader.ended()) reader.stop('and, or, or the end')
  return filter
}

const TOO_LARGE = {
  category: 'too-costly',
  code: 'fhir.search.filter-too-large',
  message: `_filter takes at most ${SEARCH_LIMITS.filterCharsMax} characters, ${SEARCH_LIMITS.filterPartsMax} comparisons and ${SEARCH_LIMITS.filterDepthMax} levels of parentheses. Split the search.`,
} as const

class Reader {
  readonly #text: string
  #at = 0
  #parts = 0

  constructor(text: string) {
    this.#text = text
  }

  ended(): boolean {
    this.#take(/\s*/y)
    return this.#at === this.#text.length
  }

  stop(wanted: string): never {
    return raise({
      category: 'invalid',
      code: 'fhir.search.filter-invalid',
      message: `_filter cannot be read from its character ${this.#at + 1} on, where ${wanted} is expected.`,
    })
  }

  logic(context: FilterContext, depth: number): Filter {
    if (depth > SEARCH_LIMITS.filterDepthMax) raise(TOO_LARGE)
    let left = this.#term(context, depth)
    for (;;) {
      const op = this.#take(/\s*(and|or)(?=[\s(])/y)?.[1] as 'and' | 'or' | undefined
      if (op === undefined) return left
      const right = this.#term(context, depth)
      // Alternatives of one level stay one list, so that long ones are not deep.
      left =
        left.logic?.op === op && !this.#closed.has(left)
          ? joined(op, [...left.logic.of, right])
          : joined(op, [left, right])
    }
  }

  /** What stood in parentheses of its own. */
  readonly #closed = new WeakSet<Filter>()

  #term(context: FilterContext, depth: number): Filter {
    if (this.#take(/\s*not\s*\(/y)) return joined('not', [this.#rest(context, depth, ')')])
    if (this.#take(/\s*\(/y)) {
      const inner = this.#rest(context, depth, ')')
      this.#closed.add(inner)
      return inner
    }
    this.#take(/\s*/y)
    return this.#path(context, depth)
  }

  #rest(context: FilterContext, depth: number, end: ')' | ']'): Filter {
    const inner = this.logic(context, depth + 1)
    if (!this.#take(end === ')' ? /\s*\)/y : /\s*\]/y)) this.stop(`a closing ${end}`)
    return inner
  }

  #path(context: FilterContext, depth: number): Filter {
    const has = this.#take(/_has:[A-Za-z]{1,64}:[\w-]{1,64}:/y)?.[0]
    if (has !== undefined)
      return parseHas(`${has}${this.#text.slice(this.#at)}`, context, (_rest, inner) => this.#path(inner, depth))
    const name = this.#take(/[A-Za-z_][\w-]{0,63}(?::[A-Za-z]{1,64})?/y)?.[0] ?? this.stop('a search parameter')
    if (this.#take(/\[/y)) return this.#bracket(name, context, depth)
    if (this.#take(/\./y))
      return parseChain(name, this.#text.slice(this.#at), context, (inner) => this.#path(inner, depth))
    if (++this.#parts > SEARCH_LIMITS.filterPartsMax) raise(TOO_LARGE)
    this.#take(/\s+/y)
    const start = this.#at
    const op = this.#take(/([a-z]{2})\s+/y)?.[1] ?? this.stop('an operator such as eq')
    const filter = comparison(definition(name, context), op, this.#value(), context)
    if (filter) return filter
    this.#at = start
    return this.stop('an operator, and a value, that this parameter knows')
  }

  /** `name[filter].path`: one and the same resource referred to satisfies both. */
  #bracket(name: string, context: FilterContext, depth: number): Filter {
    return parseChain(name, this.#text.slice(this.#at).trimStart(), context, (inner) => {
      const filter = this.#rest(inner, depth, ']')
      if (!this.#take(/\./y)) this.stop('a dot and a search parameter')
      return joined('and', [filter, this.#path(inner, depth)])
    })
  }

  #value(): string {
    const quoted = this.#take(/"(?:[^"\\]|\\.)*"/y)?.[0]
    if (quoted === undefined) return this.#take(/[^\s\])"]+/y)?.[0] ?? this.stop('a value')
    try {
      return JSON.parse(quoted) as string
    } catch {
      return this.stop('a JSON string before it')
    }
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found) this.#at = pattern.lastIndex
    return found
  }
}

function joined(op: 'and' | 'or' | 'not', of: Filter[]): Filter {
  return { code: '_filter', values: [], logic: { op, of } }
}

const ORDERED = new Set(['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'])
const STRINGS: Record<string, Modifier | undefined> = {
  eq: 'equals',
  ne: 'unequal',
  co: 'contains',
  sw: undefined,
  ew: 'ends',
}
/** `ss`: the value subsumes what is stored; `sb`: it is subsumed by it. */
const CODES: Record<string, Modifier | undefined> = { eq: undefined, ne: 'unequal', in: 'in', ss: 'below', sb: 'above' }
const URIS: Record<string, Modifier | undefined> = { eq: undefined, ne: 'unequal', ss: 'below', sb: 'above' }
const REFERENCES: Record<string, Modifier | undefined> = { eq: undefined, re: undefined, ne: 'unequal' }

/** Undefined when the operator says nothing about this kind of parameter. */
function comparison(def: SearchParameterDef, op: string, value: string, context: FilterContext): Filter | undefined {
  const { code } = def
  if (op === 'pr') {
    if (value !== 'true' && value !== 'false') return undefined
    return { code, modifier: 'missing', missing: value === 'false', values: [] }
  }
  if (code === '_id') {
    const same: Filter = { code, values: [parseValue(value, { ...context, def })] }
    return op === 'eq' ? same : op === 'ne' ? joined('not', [same]) : undefined
  }
  switch (def.type) {
    case 'string':
      if (!Object.hasOwn(STRINGS, op)) return undefined
      return { code, ...modified(STRINGS[op]), values: [{ kind: 'string', value }] }
    case 'token':
      return among(CODES, def, op, value, context)
    case 'uri':
      return among(URIS, def, op, value, context)
    case 'reference':
      return among(REFERENCES, def, op, value, context)
    case 'date':
      if (op === 'po') return overlapping(def, value, context)
      return ORDERED.has(op) ? { code, values: [parseValue(op + value, { ...context, def })] } : undefined
    case 'number':
    case 'quantity':
      return ORDERED.has(op) ? { code, values: [parseValue(op + value, { ...context, def })] } : undefined
    case 'composite':
      return op === 'eq' ? { code, values: [parseValue(value, { ...context, def })] } : undefined
    case 'special':
      return unknown(context)
  }
}

function among(
  operators: Record<string, Modifier | undefined>,
  def: SearchParameterDef,
  op: string,
  value: string,
  context: FilterContext,
): Filter | undefined {
  if (!Object.hasOwn(operators, op)) return undefined
  const asked = modified(operators[op])
  return { code: def.code, ...asked, values: [parseValue(value, { ...context, def, ...asked })] }
}

function modified(modifier: Modifier | undefined): { modifier?: Modifier } {
  return modifier === undefined ? {} : { modifier }
}

/** Some moment in common: `ap` before it is widened. */
function overlapping(def: SearchParameterDef, value: string, context: FilterContext): Filter {
  const exact = parseValue(`eq${value}`, { ...context, def })
  return { code: def.code, values: exact.kind === 'date' ? [{ ...exact, prefix: 'ap' }] : [] }
}
