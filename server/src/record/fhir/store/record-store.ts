import type { Ledger } from '#audit'
import type { Database } from '#db'
import type { Clock } from '#kernel'
import type { DataKey, PatientKey, Vault } from '#vault'
import { type CustomTable, customParameters } from '../parameters/custom-parameters.ts'
import { batchLoader } from './batch-loader.ts'
import { ridSource } from './rid-source.ts'
import type { RowKey, StoredRow } from './rows.ts'
import { currentRows, type KeyedRow, keyedRows, takeRidBlock } from './store.ts'

/** What the record stands on, and the look-ups that all requests of this process share. */
export interface RecordStore {
  database: Database
  ledger: Ledger
  vault: Vault
  clock: Clock
  /** The current version; undefined when there is none (never was, or deleted). Joined with the other reads of the turn. */
  current(key: RowKey): Promise<StoredRow | undefined>
  /** As `current`, with the key that opens it: in one look-up where the key store lies beside the record. */
  openable(key: RowKey): Promise<OpenableRow | undefined>
  /** Key of the patient a row belongs to; undefined when unknown or shredded. */
  patientKey(tenant: number, patient: number): Promise<PatientKey | undefined>
  takeRids(count: number): Promise<number[]>
  /** Search parameters that the tenant defined, as of two seconds ago or later; not a promise while they are known. */
  customParameters(tenant: number): CustomTable | Promise<CustomTable>
}

/** A version and the key that opens it; undefined after the patient was erased. */
export interface OpenableRow {
  row: StoredRow
  key: DataKey | undefined
}

/** Faults of all functions of the store: `db.unavailable`, `db.too-costly`. */
export function openRecordStore(base: { database: Database; ledger: Ledger; vault: Vault; clock: Clock }): RecordStore {
  const { database, vault } = base
  const store: Omit<RecordStore, 'openable'> = {
    ...base,
    current: batchLoader<RowKey, StoredRow>((keys) => currentRows(database, keys)),
    takeRids: ridSource(() => takeRidBlock(database)),
    customParameters: customParameters(base),
    patientKey: async (tenant, patient) => (await vault.patientKeys(tenant, [patient])).get(patient),
  }
  return { ...store, openable: openableRows(store) }
}

function openableRows(store: Omit<RecordStore, 'openable'>): RecordStore['openable'] {
  const { database, vault } = store
  const join = vault.keyJoin(database)
  if (!join)
    return async (key) => {
      const row = await store.current(key)
      if (!row) return undefined
      return {
        row,
        key: row.patient === 0 ? vault.tenantKey(row.tenant) : await store.patientKey(row.tenant, row.patient),
      }
    }
  const keyed = batchLoader<RowKey, KeyedRow>((keys) => keyedRows(database, join, keys))
  return async (key) => {
    const found = await keyed(key)
    if (!found) return undefined
    const { row, wrapped } = found
    return { row, key: row.patient === 0 ? vault.tenantKey(row.tenant) : await vault.unwrap(wrapped) }
  }
}
