import type { Ledger } from '#audit'
import type { Database } from '#db'
import type { Clock } from '#kernel'
import type { PatientKey, Vault } from '#vault'
import { batchLoader } from './batch-loader.ts'
import { ridSource } from './rid-source.ts'
import type { RowKey, StoredRow } from './rows.ts'
import { currentRows, mergePendingTokens, refreshStatistics, takeRidBlock } from './store.ts'

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
  close(): Promise<void>
}

/** How often the token index's pending list is merged: a quarter of the CPU of merging on each insert (ADR 0002). */
const MERGE_TOKENS_MS = 100
/** How often the record is looked at for having doubled since the planner last measured it. */
const REFRESH_STATISTICS_MS = 1_000

/** Faults of all functions of the store: `db.unavailable`, `db.too-costly`. */
export function openRecordStore(base: { database: Database; ledger: Ledger; vault: Vault; clock: Clock }): RecordStore {
  const current = batchLoader<RowKey, StoredRow>((keys) => currentRows(base.database, keys))
  const takeRids = ridSource(() => takeRidBlock(base.database))
  // Failing upkeep is tried again at the next tick; reads still answer right, only slower.
  const upkeep =
    base.upkeep === false
      ? []
      : [
          repeat(MERGE_TOKENS_MS, () => mergePendingTokens(base.database)),
          repeat(REFRESH_STATISTICS_MS, () => refreshStatistics(base.database)),
        ]
  return {
    ...base,
    current,
    takeRids,
    patientKey: async (tenant, patient) => (await base.vault.patientKeys(tenant, [patient])).get(patient),
    async close() {
      await Promise.all(upkeep.map((stop) => stop()))
    },
  }
}

/** Run `work` every `everyMs`, never twice at once; the returned function stops it and waits for the last run. */
function repeat(everyMs: number, work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= work()
      .catch(() => undefined)
      .finally(() => {
        running = undefined
      })
  }, everyMs)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await running
  }
}
