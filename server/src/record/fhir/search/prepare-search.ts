import { typeNumber } from '@salus/fhir-model'
import { LIMITS, raise } from '#kernel'
import { fetchRows } from './fetch-rows.ts'
import { type FilterTools, lowerFilter, lowerRequest, namedIds } from './lower-filter.ts'
import type { Predicate } from './predicate.ts'
import { readable, type Searcher } from './readable.ts'
import type { SearchDeps } from './search-deps.ts'
import type { Filter, SearchRequest } from './search-request.ts'
import { DEFAULT_ORDER, sortOrder } from './sort-order.ts'
import { SqlValues } from './sql-values.ts'
import type { Order } from './store.ts'

/** A search of one type, ready to be written as SQL. */
export interface PreparedType {
  type: string
  number: number
  predicate: Predicate
  /** Filters that opened bodies must be checked against. */
  verify: Filter[]
  /** Undefined: sorted by sealed values. */
  order: Order | undefined
}

/**
 * Turn a request into conditions on index rows: ids become numbers, values become tokens. Checks first that the caller
 * may search each type, chained ones too. Faults: `fhir.search.forbidden`, `fhir.search.chain-too-costly`.
 */
export async function prepareSearch(
  deps: SearchDeps,
  searcher: Searcher,
  request: SearchRequest,
): Promise<PreparedType[]> {
  for (const type of typesOf(request)) readable(searcher, type, 'r', 'search', new SqlValues())
  const ids = namedIds(request)
  const resolved = ids.length > 0 ? await deps.resolveIds(searcher.tenant, ids) : undefined
  const base = {
    tokens: deps.vault.tokenizer(searcher.tenant),
    rid: (type: string, id: string) => resolved?.rid(type, id),
  }
  const targets = await verifiedChains(deps, searcher, request, { ...base, chainTargets: () => undefined })
  const tools: FilterTools = { ...base, chainTargets: (filter, type) => targets.get(filter)?.get(type) }
  return request.types.map((type) => ({
    type,
    number: typeNumber(type) as number,
    ...lowerRequest(type, request, tools),
    order: sortOrder(type, request.sort),
  }))
}

function typesOf(request: SearchRequest): Set<string> {
  return new Set([...request.types, ...request.filters.flatMap((filter) => filter.chain?.types ?? [])])
}

/** Chains whose inner condition only an opened body can decide are searched first, and become lists of numbers. */
async function verifiedChains(
  deps: SearchDeps,
  searcher: Searcher,
  request: SearchRequest,
  tools: FilterTools,
): Promise<Map<Filter, Map<string, number[]>>> {
  const found = new Map<Filter, Map<string, number[]>>()
  for (const filter of request.filters) {
    for (const type of filter.chain?.types ?? []) {
      const inner = filter.chain?.filter as Filter
      const { predicate, exact } = lowerFilter(type, inner, tools)
      if (exact) continue
      const prepared: PreparedType = {
        type,
        number: typeNumber(type) as number,
        predicate,
        verify: [inner],
        order: DEFAULT_ORDER,
      }
      const rows = await fetchRows(deps, searcher, [prepared], { limit: LIMITS.sealedCandidatesMax + 1 })
      if (rows.cut || rows.found.length > LIMITS.sealedCandidatesMax)
        raise({
          category: 'too-costly',
          code: 'fhir.search.chain-too-costly',
          message: `${filter.code} leads to more than ${LIMITS.sealedCandidatesMax} candidates that would have to be opened. Search more precisely.`,
        })
      found.set(
        filter,
        (found.get(filter) ?? new Map<string, number[]>()).set(
          type,
          rows.found.map(({ row }) => row.rid),
        ),
      )
    }
  }
  return found
}
