import type { Row, Statement } from '#db'
import type { Clock } from '#kernel'
import type { Vault } from '#vault'
import type { StoredRow } from '../store/rows.ts'
import type { StatementNames } from './statement-names.ts'

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
  clock: Clock
  /** Address of this server's FHIR base. */
  base?: string
}
