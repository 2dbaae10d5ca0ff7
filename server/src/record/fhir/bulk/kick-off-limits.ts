import { createHash } from 'node:crypto'
import { RACE_LOST, type Unit } from '#audit'
import { type Clock, FaultError, LIMITS, raise } from '#kernel'
import type { RecordStore } from '../store/record-store.ts'
import type { Caller } from '../store/write-request.ts'
import { CLIENT_JOBS, TENANT_JOBS } from './bulk-faults.ts'
import { BULK_LIMITS } from './bulk-limits.ts'
import { countJobs } from './store.ts'

/** Refuse what is too much: faults `fhir.bulk.client-busy` and `tenant-busy`. */
export async function requireRoom(store: Pick<RecordStore, 'database' | 'clock'>, caller: Caller): Promise<void> {
  const full = await fullOf(store.database, store.clock, caller)
  if (full) raise(full)
}

/**
 * Run `commit` with what makes it count once more behind a lock of the tenant: of kick-offs of one moment as many are accepted as
 * there are places. Faults those of `requireRoom` and of `commit`.
 */
export async function whileThereIsRoom(
  store: Pick<RecordStore, 'database' | 'clock'>,
  caller: Caller,
  commit: (guarded: Required<Pick<Unit, 'locks' | 'verify'>>) => Promise<void>,
): Promise<void> {
  const key = `bulk.room\0${caller.tenant}`
  const locks = [createHash('sha256').update(key).digest().readBigInt64BE()]
  for (let attempt = 1; ; attempt++) {
    try {
      return await commit({
        locks,
        verify: async (connection) => (await fullOf(connection, store.clock, caller)) === undefined,
      })
    } catch (error) {
      const isLost = error instanceof FaultError && error.fault.code === RACE_LOST.code
      if (!isLost || attempt >= LIMITS.writeAttemptsMax) throw error
      // There was no room then; there may be by now.
      await requireRoom(store, caller)
    }
  }
}

async function fullOf(
  database: Parameters<typeof countJobs>[0],
  clock: Clock,
  { tenant, client }: Caller,
): Promise<typeof CLIENT_JOBS | undefined> {
  const counted = await countJobs(database, { tenant, client, now: clock.now() })
  if (counted.activeOfClient >= BULK_LIMITS.activePerClientMax || counted.keptOfClient >= BULK_LIMITS.keptPerClientMax)
    return CLIENT_JOBS
  return counted.activeOfTenant >= BULK_LIMITS.activePerTenantMax ? TENANT_JOBS : undefined
}
