import { typeNumber } from '@salus/fhir-model'
import type { ScopeSet } from '#identity'
import { raise } from '#kernel'
import type { SqlValues } from './sql-values.ts'
import { resourceRows } from './store.ts'

/** Who searches: what the row source is restricted by. */
export interface Searcher {
  tenant: number
  /** OAuth client: page links work for it alone. */
  client: string
  scopes: Pick<ScopeSet, 'allows'>
}

/**
 * The only way to a row source of resources: SQL that yields the rows of one type of the caller's tenant, under `alias`.
 * Faults: `fhir.search.forbidden` when the caller may not search (or, for included resources, read) the type.
 */
export function readable(
  searcher: Searcher,
  type: string,
  alias: string,
  interaction: 'search' | 'read',
  values: SqlValues,
  options: { hideType?: boolean } = {},
): string {
  const number = typeNumber(type)
  if (number === undefined || !mayRead(searcher, type, interaction))
    return raise({
      category: 'forbidden',
      code: 'fhir.search.forbidden',
      message: `The access token does not allow this on ${number === undefined ? 'that type' : type}. Ask for the scope system/${number === undefined ? '*' : type}.rs.`,
    })
  return resourceRows({ tenant: searcher.tenant, type: number, alias, values, ...options })
}

/** Whether `readable` would give rows; unknown types deny. */
export function mayRead(searcher: Searcher, type: string, interaction: 'search' | 'read'): boolean {
  return typeNumber(type) !== undefined && searcher.scopes.allows(type, interaction === 'search' ? 's' : 'r')
}
