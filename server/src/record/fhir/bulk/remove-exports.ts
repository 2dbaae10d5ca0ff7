import type { RecordStore } from '../store/record-store.ts'
import { removeEnded } from './run-jobs.ts'
import { endJobs, fenceJobs, jobsOfPatients, removeStraysOf } from './store.ts'

/**
 * After patients' keys were destroyed: jobs whose files hold data of one of them end, and their files are removed. What a process
 * had opened just before is not written any more: every job under way is taken up again from its last page, without the key.
 */
export async function removeExports(
  store: Pick<RecordStore, 'database' | 'clock'>,
  tenant: number,
  patients: readonly number[],
): Promise<void> {
  await fenceJobs(store.database, tenant)
  // A page that was just written and is not known yet, nor whose data it holds.
  await removeStraysOf(store.database, tenant)
  const jobs = await jobsOfPatients(store.database, tenant, patients)
  if (jobs.length === 0) return
  await endJobs(store.database, jobs)
  await removeEnded(store)
}
