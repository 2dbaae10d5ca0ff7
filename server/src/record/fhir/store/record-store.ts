import type { Ledger } from '#audit'
import type { Database } from '#db'
import type { Clock } from '#kernel'
import type { PatientKey, Vault } from '#vault'
import { batchLoader } from './batch-loader.ts'
import { ridSource } from './rid-source.ts'
import type { RowKey, StoredRow } from './rows.ts'
import { currentRows, takeRidBlock } from './store.ts'

/** What the record stands on, and the look-ups that all requests of this process share. */
export interface RecordStore {
  database: Database
  ledger: Ledger
  vault: Vault
  clock: Clock
  /** The current version; undefined when there is none (never was, or deleted). Joined with the other reads of the turn. */
  current(key: RowKey): Promise<StoredRow | undefined>
  /** Key of the patient a row belongs to; undefined when unknown or shredded. */
  patientKey(tenant: number, patient: number): Promise<PatientKey | undefined>
  takeRids(count: number): Promise<number[]>
}

/** Faults of all functions of the store: `db.unavailable`, `db.too-costly`. */
export function openRecordStore(base: { database: Database; ledger: Ledger; vault: Vault; clock: Clock }): RecordStore {
  return {
    ...base,
    current: batchLoader<RowKey, StoredRow>((keys) => currentRows(base.database, keys)),
    takeRids: ridSource(() => takeRidBlock(base.database)),
    patientKey: async (tenant, patient) => (await base.vault.patientKeys(tenant, [patient])).get(patient),
  }
}
