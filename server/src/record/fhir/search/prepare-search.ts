import { typeNumber } from '@salus/fhir-model'
import type { CustomTable } from '../parameters/custom-parameters.ts'
import { expandCodes, isAboutMeaning } from './expand-codes.ts'
import { filterNodes, isPlain } from './filter-tree.ts'
import { type FoundLinks, followLinks } from './follow-links.ts'
import { lowerRequest, namedIds } from './lower-filter.ts'
import type { Predicate } from './predicate.ts'
import { readable, type Searcher } from './readable.ts'
import type { SearchDeps } from './search-deps.ts'
import type { Filter, SearchRequest } from './search-request.ts'
import { sortOrder } from './sort-order.ts'
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
  custom?: CustomTable
}

/**
 * Turn a request into conditions on index rows: value sets become their codes, ids numbers, values tokens. Checks first that
 * the caller may search each type, chained ones too. Faults: `fhir.search.forbidden`, `fhir.search.chain-too-costly` and those of
 * `expandCodes`.
 */
export async function prepareSearch(
  deps: SearchDeps,
  searcher: Searcher,
  asked: SearchRequest,
): Promise<PreparedType[]> {
  for (const type of typesOf(asked)) readable(searcher, type, 'r', 'search', new SqlValues())
  const request = asked.filters.some(isAboutMeaning)
    ? { ...asked, filters: await expandCodes(deps, searcher, asked) }
    : asked
  const ids = namedIds(request)
  const resolved = ids.length > 0 ? await deps.resolveIds(searcher.tenant, ids) : undefined
  const custom = await deps.customParameters?.(searcher.tenant)
  const base = {
    ...(custom ? { custom, isRebuilding: custom.isRebuilding } : {}),
    tokens: deps.vault.tokenizer(searcher.tenant),
    rid: (type: string, id: string) => resolved?.rid(type, id),
  }
  const found = request.filters.every(isPlain) ? NOTHING_FOUND : await followLinks(deps, searcher, request, base)
  return request.types.map((type) => ({
    type,
    number: typeNumber(type) as number,
    ...lowerRequest(type, request, { ...base, found }),
    order: sortOrder(type, request.sort),
    ...(custom ? { custom } : {}),
  }))
}

const NOTHING_FOUND: FoundLinks = () => undefined

function typesOf({ types, filters }: SearchRequest): Iterable<string> {
  if (filters.every(isPlain)) return types
  return new Set([...types, ...filters.flatMap((filter) => filterNodes(types, filter).flatMap((node) => node.types))])
}
