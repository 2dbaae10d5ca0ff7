import type { Row, Statement } from '#db'
import type { Clock } from '#kernel'
import type { Vault } from '#vault'
import type { CustomTable } from '../parameters/custom-parameters.ts'
import type { StoredRow } from '../store/rows.ts'
import type { CountCache } from './count-cache.ts'
import type { StatementNames } from './statement-names.ts'

/** A code as resources write it. */
export interface SystemCode {
  system: string
  code: string
}

/** What codes mean, for searches that name a value set or a place in a hierarchy. Faults say why it cannot be told. */
export interface CodeSets {
  /** The codes of a value set: of a canonical, or of a ValueSet resource. At most `max`. */
  members(tenant: number, valueSet: string | object, max: number): Promise<SystemCode[]>
  /** The code and all codes below, or above, it. At most `max`. */
  relatives(tenant: number, code: SystemCode, direction: 'above' | 'below', max: number): Promise<SystemCode[]>
}

/** What the search stands on. */
export interface SearchDeps {
  /** One statement, rows as arrays, bigint as number (`Database` and `Connection` of #db are such). */
  database: { query(statement: Statement, values?: readonly unknown[]): Promise<Row[]> }
  /** Opens sealed rows, in order; undefined for a shredded patient. */
  open(rows: StoredRow[]): Promise<(object | undefined)[]>
  /** Numbers of ids, without SQL for those this server made. */
  resolveIds(
    tenant: number,
    ids: { type: string; id: string }[],
  ): Promise<{ rid(type: string, id: string): number | undefined }>
  /** Keys the values searched for, seals what page links carry, and fetches the keys of patients ahead. */
  vault: Pick<Vault, 'tokenizer' | 'sealText' | 'openText' | 'patientKeys'>
  names: StatementNames
  /** Absent where nothing is known of codes: such searches are then refused. */
  codeSets?: CodeSets
  /** Search parameters of the tenant's own; absent where there are none. */
  customParameters?(tenant: number): CustomTable | Promise<CustomTable>
  /** Absent where every count is taken anew. */
  counts?: CountCache
  clock: Clock
  /** Instead of SEARCH_LIMITS.chainRowsMax: with 0 the database joins the far ends of all chains, which tests compare. */
  chainRowsMax?: number
  /** Instead of LIMITS.sealedCandidatesMax: bodies that may be opened at the far end of a chain. */
  candidatesMax?: number
  /** Address of this server's FHIR base. */
  base?: string
}
