import type { Row, Statement } from '#db'
import type { Clock } from '#kernel'
import type { StoredRow } from '../store/rows.ts'
import type { StatementNames } from './statement-names.ts'
import type { Tokens } from './tokens.ts'

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
  /** Tokenizer of a tenant. */
  tokens(tenant: number): Tokens
  pages: PageSeal
  names: StatementNames
  clock: Clock
  /** Address of this server's FHIR base. */
  base?: string
}

/** Seals what a page link carries, so that it can be neither read nor forged nor used by another client. */
export interface PageSeal {
  seal(text: string, bound: { tenant: number; client: string }): string
  /** Undefined when it was not sealed here for this tenant and client. */
  open(token: string, bound: { tenant: number; client: string }): string | undefined
}
