import { searchParameters } from '@salus/fhir-model'
import { raise } from '#kernel'
import { openLocal } from './open-local.ts'
import { mayRead, type Searcher } from './readable.ts'
import type { CodeSets, SearchDeps, SystemCode } from './search-deps.ts'
import { SEARCH_LIMITS } from './search-limits.ts'
import type { Filter, QueryValue, SearchRequest } from './search-request.ts'

/**
 * Filters with the codes themselves where the client named a value set (`:in`, `:not-in`) or a place in a hierarchy (`:above`,
 * `:below`). Faults: `fhir.search.codes-unknown`, `fhir.search.codes-too-many`, `expansions-too-many`,
 * `fhir.search.value-set-unknown` and those of the terminology. https://hl7.org/fhir/R4/search.html#token
 */
export async function expandCodes(deps: SearchDeps, searcher: Searcher, request: SearchRequest): Promise<Filter[]> {
  const codeSets =
    deps.codeSets ??
    raise({
      category: 'invalid',
      code: 'fhir.search.codes-unknown',
      message: 'This server answers no searches by value set or by hierarchy here. Name the codes themselves.',
    })
  const expansion = new Expansion(deps, searcher, codeSets)
  return expansion.all(request.types, request.filters)
}

/** Whether the terminology must be asked. */
export function isAboutMeaning({ modifier, values, chain, has, logic }: Filter): boolean {
  if (modifier === 'in' || modifier === 'not-in') return true
  if (modifier === 'above' || modifier === 'below') return values.some(({ kind }) => kind === 'token')
  const inner = [...(chain ? [chain.filter] : []), ...(has ? [has.filter] : []), ...(logic?.of ?? [])]
  return inner.some(isAboutMeaning)
}

class Expansion {
  readonly #deps: SearchDeps
  readonly #searcher: Searcher
  readonly #codeSets: CodeSets
  #codes = 0
  #expansions = 0

  constructor(deps: SearchDeps, searcher: Searcher, codeSets: CodeSets) {
    this.#deps = deps
    this.#searcher = searcher
    this.#codeSets = codeSets
  }

  async all(types: readonly string[], filters: readonly Filter[]): Promise<Filter[]> {
    const expanded: Filter[] = []
    for (const filter of filters) expanded.push(await this.of(types, filter))
    return expanded
  }

  async of(types: readonly string[], filter: Filter): Promise<Filter> {
    if (!isAboutMeaning(filter)) return filter
    const { chain, has, logic, modifier } = filter
    if (chain) return { ...filter, chain: { ...chain, filter: await this.of(chain.types, chain.filter) } }
    if (has) return { ...filter, has: { ...has, filter: await this.of([has.type], has.filter) } }
    if (logic) return { ...filter, logic: { ...logic, of: await this.all(types, logic.of) } }
    const system = searchParameters(types[0] ?? '').get(filter.code)?.system
    const codes: SystemCode[] = []
    // One after the other: each may take the terminology half a second.
    for (const value of filter.values) {
      if (++this.#expansions > SEARCH_LIMITS.expansionsMax) raise(EXPANSIONS_TOO_MANY)
      const found = await this.#codesOf(value, modifier, system)
      this.#codes += found.length
      if (this.#codes > SEARCH_LIMITS.expandedCodesMax) raise(CODES_TOO_MANY)
      codes.push(...found)
    }
    const values = codes.map((one): QueryValue => ({ kind: 'token', ...one }))
    return { code: filter.code, ...(modifier === 'not-in' ? { modifier: 'not' as const } : {}), values }
  }

  async #codesOf(value: QueryValue, modifier: Filter['modifier'], system: string | undefined): Promise<SystemCode[]> {
    const max = SEARCH_LIMITS.expandedCodesMax
    const { tenant } = this.#searcher
    if (value.kind === 'value-set') return this.#members(value, max)
    const named = value.kind === 'token' ? (value.system ?? system) : undefined
    if (value.kind !== 'token' || typeof named !== 'string' || value.code === undefined)
      return raise({
        category: 'invalid',
        code: 'fhir.search.value-invalid',
        message: ':above and :below take system|code: without its system a code has no place in a hierarchy.',
      })
    return this.#codeSets.relatives(
      tenant,
      { system: named, code: value.code },
      modifier === 'above' ? 'above' : 'below',
      max,
    )
  }

  async #members({ url, id }: Extract<QueryValue, { kind: 'value-set' }>, max: number): Promise<SystemCode[]> {
    const { tenant } = this.#searcher
    if (url !== undefined) return this.#codeSets.members(tenant, url, max)
    // What the caller may not read answers as if it were not there.
    const valueSet = mayRead(this.#searcher, 'ValueSet', 'read')
      ? await openLocal(this.#deps, this.#searcher, 'ValueSet', id as string)
      : undefined
    return this.#codeSets.members(tenant, valueSet ?? raise(UNKNOWN), max)
  }
}

const EXPANSIONS_TOO_MANY = {
  category: 'too-costly',
  code: 'fhir.search.expansions-too-many',
  message: `A search takes at most ${SEARCH_LIMITS.expansionsMax} values of :in, :not-in, :above and :below. Split it.`,
} as const

const UNKNOWN = {
  category: 'not-found',
  code: 'fhir.search.value-set-unknown',
  message: 'There is no such value set. Name one by its canonical URL, or as ValueSet/id.',
} as const

export const CODES_TOO_MANY = {
  category: 'too-costly',
  code: 'fhir.search.codes-too-many',
  message: `The search stands for more than ${SEARCH_LIMITS.expandedCodesMax} codes. Name a smaller value set, or codes further down.`,
} as const
