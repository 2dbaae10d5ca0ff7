import type { ReindexJob } from '../reindex/store.ts'

/** Start and end of a resource without a promoted date: sorts last when newest comes first. */
export const NO_DATE = -9_007_199_254_740_991

/** Address of a resource inside the record. */
export interface RowKey {
  tenant: number
  type: number
  rid: number
}

/** A version as it lies in the table. */
export interface StoredRow extends RowKey {
  patient: number
  version: number
  updated: number
  sealed: Buffer
  /** A tombstone: `sealed` holds type, id and meta only. */
  deleted: boolean
}

/** A version read as tenant, type, rid, patient, version, updated, sealed, deleted. */
export function storedRow(row: readonly unknown[]): StoredRow {
  const [tenant, type, rid, patient, version, updated, sealed, deleted] = row as [
    number,
    number,
    number,
    number,
    number,
    number,
    Buffer,
    boolean,
  ]
  return { tenant, type, rid, patient, version, updated, sealed, deleted }
}

/** A new current version. `expected` is the version it replaces, 0 when it is the first or follows a tombstone. */
export interface ResourceRow extends RowKey {
  expected: number
  patient: number
  version: number
  updated: number
  lo: number
  hi: number
  code: bigint | null
  present: bigint
  tokens: Buffer
  sealed: Buffer
}

/** A tombstone: its sealed body is the resource's type, id and meta, so that the history can still name it. */
export interface DeletedRow extends RowKey {
  expected: number
  patient: number
  updated: number
  sealed: Buffer
}

export interface AliasRow {
  tenant: number
  type: number
  token: bigint
  rid: number
}

export interface CodeRow extends RowKey {
  patient: number
  code: bigint
  lo: number
}

export interface ReferenceRow {
  tenant: number
  src: number
  target: number
  param: number
  targetType: number
}

export interface DateRow {
  tenant: number
  src: number
  lo: number
  hi: number
  param: number
}

export interface QuantityRow {
  tenant: number
  src: number
  unit: bigint
  value: number
  canon: number
  param: number
}

/** What a version of a SearchParameter resource means for searches; without a shape it is not searched by. */
export interface ParameterRow {
  tenant: number
  rid: number
  version: number
  shape: Buffer | null
  changed: number
}

/** Everything one unit of work writes to the record. */
export interface WriteRows {
  created: ResourceRow[]
  updated: ResourceRow[]
  deleted: DeletedRow[]
  aliases: AliasRow[]
  codes: CodeRow[]
  references: ReferenceRow[]
  dates: DateRow[]
  quantities: QuantityRow[]
  parameters: ParameterRow[]
  /** Current versions whose search columns and index rows are made anew; nothing else of them changes. */
  reindexed: ResourceRow[]
  jobs: ReindexJob[]
}

export function noRows(): WriteRows {
  return {
    created: [],
    updated: [],
    deleted: [],
    aliases: [],
    codes: [],
    references: [],
    dates: [],
    quantities: [],
    parameters: [],
    reindexed: [],
    jobs: [],
  }
}
