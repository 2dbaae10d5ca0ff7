import { type Fault, LIMITS, raise } from '#kernel'
import type { CustomTable } from '../parameters/custom-parameters.ts'
import { leadsElsewhere } from '../search/filter-tree.ts'
import { matchesFilters, parseSearch, type SearchDeps, type Searcher, type SearchRequest } from '../search/index.ts'
import { ALWAYS, or, type Predicate } from '../search/predicate.ts'
import { prepareSearch } from '../search/prepare-search.ts'
import type { Filter } from '../search/search-request.ts'
import type { ExportRequest } from './export-plan.ts'

/** What `_typeFilter` asks of one type. */
export interface TypeFilter {
  /** Of index rows: true of all that match, and of some others unless `exact`. */
  predicate: Predicate
  exact: boolean
  /** Decides on the body of what `predicate` found. */
  verified(resource: object): boolean
  /** Decides on the body alone, for versions that have no index rows any more; a chain counts as not met. */
  matches(resource: object): boolean
}

const NONE: TypeFilter = { predicate: ALWAYS, exact: true, verified: () => true, matches: () => true }

/**
 * The filters of a type made ready, by the record's own search: alternatives of each other, each with all its parameters.
 * Faults: those of the search, and `fhir.bulk.type-filter-unsupported`.
 */
export async function typeFilterOf(
  deps: SearchDeps,
  searcher: Searcher,
  request: Pick<ExportRequest, 'typeFilters'>,
  type: string,
): Promise<TypeFilter> {
  const queries = request.typeFilters.filter((one) => one.type === type)
  if (queries.length === 0) return NONE
  const custom = await deps.customParameters?.(searcher.tenant)
  const parsed = queries.map(({ query }) => parsedFilter({ ...deps, custom }, type, query))
  const prepared = await Promise.all(
    parsed.map(async (one) => {
      const [first] = await prepareSearch(deps, searcher, one)
      return first as NonNullable<typeof first>
    }),
  )
  const exact = prepared.every(({ verify }) => verify.length === 0)
  const hasLinks = parsed.some(({ filters }) => filters.some(isBeyondBodies))
  if (!exact && parsed.length > 1 && hasLinks) raise(UNSUPPORTED)
  const matches = (resource: object): boolean =>
    parsed.some(({ filters }) => matchesFilters(resource, filters, { base: deps.base, custom }))
  const [only] = prepared
  return {
    predicate: or(prepared.map(({ predicate }) => predicate)),
    exact,
    // Of one filter only what the index left open; of several it is not known which of them found the row.
    verified:
      parsed.length === 1 && only
        ? (resource) => matchesFilters(resource, only.verify, { base: deps.base, custom })
        : matches,
    matches,
  }
}

/** A body alone cannot tell whether it holds. */
function isBeyondBodies(filter: Filter): boolean {
  return leadsElsewhere(filter) || filter.modifier === 'in' || filter.modifier === 'not-in'
}

function parsedFilter(
  deps: SearchDeps & { custom: CustomTable | undefined },
  type: string,
  query: string,
): SearchRequest {
  const parameters = [...new URLSearchParams(query)]
  if (parameters.length > LIMITS.searchParametersMax || parameters.some(([name]) => CONTROLS.has(name)))
    raise(UNSUPPORTED)
  const parsed = parseSearch({
    types: [type],
    parameters,
    ...(deps.custom ? { custom: deps.custom } : {}),
    clock: deps.clock,
    ...(deps.base === undefined ? {} : { base: deps.base }),
  })
  return parsed.ok ? parsed.value : raise(parsed.fault)
}

/** They say how to answer a search, not what to find. */
const CONTROLS = new Set([
  '_sort',
  '_count',
  '_total',
  '_include',
  '_revinclude',
  '_summary',
  '_elements',
  '_format',
  '_pretty',
])

const UNSUPPORTED: Fault = {
  category: 'invalid',
  code: 'fhir.bulk.type-filter-unsupported',
  message:
    '_typeFilter takes search parameters only (no _include, _sort and the like). Several filters of one type with a chain among them must be searches that the index decides alone.',
}
