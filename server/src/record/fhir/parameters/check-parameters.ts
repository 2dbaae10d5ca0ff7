import type { Database } from '#db'
import { type Fault, raise } from '#kernel'
import { SEARCH_LIMITS } from '../search/search-limits.ts'
import type { ParameterRow } from '../store/rows.ts'
import { countParameters } from './store.ts'

/**
 * Refuse more search parameters than a tenant may have. Those written at the same moment by others are not seen: some more may
 * pass, which costs their own tenant's writes some microseconds. Fault `fhir.search.own-parameters-too-many`.
 */
export async function checkParameters(
  database: Pick<Database, 'query'>,
  tenant: number,
  rows: readonly ParameterRow[],
): Promise<void> {
  const added = rows.filter(({ shape, version }) => shape !== null && version === 1).length
  if (added === 0) return
  if ((await countParameters(database, tenant)) + added > SEARCH_LIMITS.ownParametersMax) raise(TOO_MANY)
}

const TOO_MANY: Fault = {
  category: 'too-large',
  code: 'fhir.search.own-parameters-too-many',
  message: `A tenant searches by ${SEARCH_LIMITS.ownParametersMax} parameters of its own at most: each is evaluated at every write. Delete one, or store this one with status draft.`,
}
