import { writtenTypes } from '#events'
import {
  countCache,
  type FindMatches,
  findMatches,
  identifiersOf,
  matchesFilters,
  parseSearch,
  type SearchDeps,
  soleIdentifier,
  statementNames,
} from './search/index.ts'
import type { ConditionSearch } from './store/conditions.ts'
import { openRows } from './store/open-row.ts'
import type { RecordStore } from './store/record-store.ts'
import { ResolvedIds } from './store/resolve-ids.ts'

/** What the search needs of the record. */
export function searchDeps(store: RecordStore, fhirBase: string): SearchDeps {
  return {
    database: store.database,
    open: async (rows) => (await openRows(store, rows)).map((body) => body && (JSON.parse(body.toString()) as object)),
    resolveIds: async (tenant, ids) => {
      const resolved = new ResolvedIds(store, tenant)
      await resolved.resolve(ids, { create: false })
      return resolved
    },
    vault: store.vault,
    names: statementNames(),
    customParameters: store.customParameters,
    counts: countCache(writtenTypes(store.database), store.clock),
    clock: store.clock,
    base: fhirBase,
  }
}

/** What conditional writes need of the search. */
export function conditionSearch(deps: SearchDeps): ConditionSearch {
  const find: FindMatches = findMatches(deps)
  return {
    find,
    inMemory(type, query) {
      const parsed = parseSearch({
        types: [type],
        parameters: [...new URLSearchParams(query)],
        clock: deps.clock,
        ...(deps.base === undefined ? {} : { base: deps.base }),
      })
      const filters = parsed.ok ? parsed.value.filters : []
      const identifier = soleIdentifier(filters)
      return {
        ...(identifier === undefined ? {} : { identifier }),
        matches: (resource) => filters.length > 0 && matchesFilters(resource, filters, { base: deps.base }),
      }
    },
    identifiersOf,
  }
}
