import type { Connection } from '#db'
import { FaultError, raise } from '#kernel'
import { fetchRows } from './fetch-rows.ts'
import { parseSearch } from './parse-search.ts'
import { prepareSearch } from './prepare-search.ts'
import type { Searcher } from './readable.ts'
import type { SearchDeps } from './search-deps.ts'
import { SEARCH_LIMITS } from './search-limits.ts'

/**
 * Searches for a condition of a write (`If-None-Exist: identifier=...`): the numbers of at most `limit` matches. With
 * `connection` it sees what that session sees, so that a condition can be looked at again behind a lock.
 * Faults: those of `parseSearch` and `runSearch`. https://hl7.org/fhir/R4/http.html#ccreate
 */
export type FindMatches = (
  searcher: Searcher,
  type: string,
  query: string,
  limit: number,
  connection?: Connection,
) => Promise<{ rid: number }[]>

/** The search of this server as `FindMatches`. */
export function findMatches(deps: SearchDeps): FindMatches {
  return async (searcher, type, query, limit, connection) => {
    const parameters = [...new URLSearchParams(query)]
    const custom = await deps.customParameters?.(searcher.tenant)
    const parsed = parseSearch({
      types: [type],
      parameters,
      clock: deps.clock,
      ...(custom ? { custom } : {}),
      ...(deps.base === undefined ? {} : { base: deps.base }),
    })
    if (!parsed.ok) throw new FaultError(parsed.fault)
    if (parsed.value.filters.length === 0)
      raise({
        category: 'invalid',
        code: 'fhir.search.condition-empty',
        message: 'A condition names at least one search parameter; otherwise every resource of the type would match.',
      })
    // All other writes wait while a condition is looked at behind its lock: it opens little, and asks no terminology.
    const { codeSets: _, ...rest } = deps
    const asked: SearchDeps = {
      ...rest,
      candidatesMax: SEARCH_LIMITS.conditionCandidatesMax,
      ...(connection ? { database: connection } : {}),
    }
    const types = await prepareSearch(asked, searcher, { ...parsed.value, sort: [], includes: [] })
    const { found, cut } = await fetchRows(asked, searcher, types, {
      limit,
      candidatesMax: SEARCH_LIMITS.conditionCandidatesMax,
    })
    if (cut)
      raise({
        category: 'too-costly',
        code: 'fhir.search.condition-too-costly',
        message: `The condition leads to more than ${SEARCH_LIMITS.conditionCandidatesMax} candidates that would have to be opened. Use an identifier.`,
      })
    return found.map(({ row }) => ({ rid: row.rid }))
  }
}
