import { typeNumber } from '@salus/fhir-model'
import { LIMITS, raise } from '#kernel'
import type { StoredRow } from '../store/rows.ts'
import { fetchRows } from './fetch-rows.ts'
import { leadsElsewhere } from './filter-tree.ts'
import { type FilterTools, lowerFilter } from './lower-filter.ts'
import type { Lowered } from './lower-value.ts'
import { type ParameterPlan, planNamed } from './parameter-plan.ts'
import type { Searcher } from './readable.ts'
import type { SearchDeps } from './search-deps.ts'
import { SEARCH_LIMITS } from './search-limits.ts'
import type { Filter, SearchRequest } from './search-request.ts'
import { DEFAULT_ORDER } from './sort-order.ts'
import { SqlValues } from './sql-values.ts'
import { targetsSql } from './store.ts'

/** Numbers of resources found beforehand, by the filter that led to them and their type. */
export type FoundLinks = (filter: Filter, type: string) => number[] | undefined

/**
 * Searches the far ends of chains and `_has` first, innermost first. Where they are few they are named by their numbers, so
 * that the search itself starts from them; where there are more the database joins them. Conditions that only opened
 * bodies decide must be few: neither a join nor an alternative can open bodies.
 * Fault `fhir.search.chain-too-costly`.
 */
export async function followLinks(
  deps: SearchDeps,
  searcher: Searcher,
  request: Pick<SearchRequest, 'types' | 'filters'>,
  base: Omit<FilterTools, 'found'>,
): Promise<FoundLinks> {
  const links = new Links(deps, searcher, base)
  for (const filter of request.filters) await links.follow(request.types, filter)
  return links.found
}

class Links {
  readonly #deps: SearchDeps
  readonly #searcher: Searcher
  readonly #tools: FilterTools
  /** Bodies that all links of the search together may open, and how many are left of them. */
  readonly #max: number
  #left: number
  readonly #found = new Map<Filter, Map<string, number[]>>()

  constructor(deps: SearchDeps, searcher: Searcher, base: Omit<FilterTools, 'found'>) {
    this.#deps = deps
    this.#searcher = searcher
    this.#max = deps.candidatesMax ?? LIMITS.sealedCandidatesMax
    this.#left = this.#max
    this.#tools = { ...base, found: this.found }
  }

  readonly found = (filter: Filter, type: string): number[] | undefined => this.#found.get(filter)?.get(type)

  async follow(types: readonly string[], filter: Filter): Promise<void> {
    const { chain, has, logic } = filter
    if (chain) {
      await this.follow(chain.types, chain.filter)
      for (const type of chain.types) {
        const rows = await this.#rows(type, chain.filter, filter)
        if (rows)
          this.#keep(
            filter,
            type,
            rows.map(({ rid }) => rid),
          )
      }
    }
    if (has) {
      await this.follow([has.type], has.filter)
      const rows = await this.#rows(has.type, has.filter, filter)
      if (rows) for (const type of types) this.#keep(filter, type, await this.#targets(has, type, rows))
    }
    if (logic) {
      for (const one of logic.of) await this.follow(types, one)
      if (leadsElsewhere(filter)) for (const type of types) await this.#decideLeaves(type, filter)
    }
  }

  #keep(filter: Filter, type: string, rids: number[]): void {
    this.#found.set(filter, (this.#found.get(filter) ?? new Map<string, number[]>()).set(type, rids))
  }

  /** Rows of `type` that satisfy `filter`; undefined when they are many and the index alone can tell them. */
  async #rows(type: string, filter: Filter, link: Filter): Promise<StoredRow[] | undefined> {
    const lowered = lowerFilter(type, filter, this.#tools)
    if (lowered.predicate.op === 'never') return []
    if (!lowered.exact) return this.#opened(type, filter, lowered, link)
    const max = this.#deps.chainRowsMax ?? SEARCH_LIMITS.chainRowsMax
    const { found } = await this.#fetch(type, lowered, [], max + 1)
    return found.length > max ? undefined : found.map(({ row }) => row)
  }

  async #opened(type: string, filter: Filter, lowered: Lowered, link: Filter): Promise<StoredRow[]> {
    const { found, cut, opened } =
      this.#left > 0 ? await this.#fetch(type, lowered, [filter], this.#left + 1) : { found: [], cut: true, opened: 0 }
    if (cut || found.length > this.#left)
      raise({
        category: 'too-costly',
        code: 'fhir.search.chain-too-costly',
        message: `${link.code} leads to more than ${this.#max} candidates that would have to be opened. Search more precisely.`,
      })
    this.#left -= opened
    return found.map(({ row }) => row)
  }

  #fetch(type: string, { predicate }: Lowered, verify: Filter[], limit: number) {
    const prepared = { type, number: typeNumber(type) as number, predicate, verify, order: DEFAULT_ORDER }
    return fetchRows(this.#deps, this.#searcher, [prepared], { limit, candidatesMax: this.#left })
  }

  /** What the rows refer to by the parameter, of one type. */
  async #targets(
    { type: source, code }: NonNullable<Filter['has']>,
    type: string,
    rows: StoredRow[],
  ): Promise<number[]> {
    const plan = planNamed(source, code, this.#tools.custom) as ParameterPlan
    const targets = new Set<number>()
    if (rows.length === 0 || !plan.targets.includes(type)) return []
    if (plan.owner && type === 'Patient') for (const { patient } of rows) if (patient !== 0) targets.add(patient)
    const values = new SqlValues()
    const text = targetsSql({
      tenant: this.#searcher.tenant,
      sources: rows.map(({ rid }) => rid),
      param: plan.def.id,
      targetType: typeNumber(type) as number,
      limit: TARGETS_MAX + 1,
      values,
    })
    const found = await this.#deps.database.query({ text }, values.list)
    if (found.length > TARGETS_MAX) raise(TARGETS_TOO_MANY)
    for (const [, rid] of found as [number, number][]) targets.add(rid)
    return [...targets]
  }

  /** Beside links, alternatives that only bodies decide become numbers as well: a body cannot tell where a chain leads. */
  async #decideLeaves(type: string, filter: Filter): Promise<void> {
    for (const leaf of leavesOf(filter)) {
      const lowered = lowerFilter(type, leaf, this.#tools)
      if (lowered.exact) continue
      const rows = await this.#opened(type, leaf, lowered, filter)
      this.#keep(
        leaf,
        type,
        rows.map(({ rid }) => rid),
      )
    }
  }
}

/** Resources that a few others may refer to: a list of more is a population, which nobody looks for through a chain. */
const TARGETS_MAX = 50_000
const TARGETS_TOO_MANY = {
  category: 'too-costly',
  code: 'fhir.search.chain-too-costly',
  message: `What _has finds refers to more than ${TARGETS_MAX} resources. Search more precisely.`,
} as const

function leavesOf({ logic, ...filter }: Filter): Filter[] {
  return logic ? logic.of.flatMap((one) => (one.logic ? leavesOf(one) : leadsElsewhere(one) ? [] : [one])) : [filter]
}
