import { raise } from '#kernel'
import type { RecordStore } from '../store/record-store.ts'
import type { Caller } from '../store/write-request.ts'
import { CLIENT_JOBS, TENANT_JOBS } from './bulk-faults.ts'
import { BULK_LIMITS } from './bulk-limits.ts'
import { countJobs } from './store.ts'

/**
 * Refuse what is too much: faults `fhir.bulk.client-busy` and `tenant-busy`. Requests of one moment may pass together; the
 * places of a client bound how many.
 */
export async function requireRoom(store: Pick<RecordStore, 'database' | 'clock'>, caller: Caller): Promise<void> {
  const { tenant, client } = caller
  const counted = await countJobs(store.database, { tenant, client, now: store.clock.now() })
  if (counted.activeOfClient >= BULK_LIMITS.activePerClientMax || counted.keptOfClient >= BULK_LIMITS.keptPerClientMax)
    raise(CLIENT_JOBS)
  if (counted.activeOfTenant >= BULK_LIMITS.activePerTenantMax) raise(TENANT_JOBS)
}
