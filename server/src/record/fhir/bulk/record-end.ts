import { RACE_LOST } from '#audit'
import { FaultError } from '#kernel'
import { sealDetail } from '../rest/audit-detail.ts'
import { auditRecord } from '../rest/audit-record.ts'
import type { RecordStore } from '../store/record-store.ts'
import { type AskedBy, type Job, KIND } from './bulk-job.ts'
import { openRequest } from './job-seal.ts'
import { endComposer, type JobEnd } from './store.ts'

/**
 * End a job that does not go on, in one commit with the audit record that says so. A job that was lost meanwhile is left as it is.
 * Faults of the ledger.
 */
export async function recordEnd(store: RecordStore, job: Job, end: Pick<JobEnd, 'state' | 'code'>): Promise<void> {
  const { vault, ledger, clock } = store
  const { number, lease, tenant, client } = job
  const { actor, purpose, requestId } = askerOf(store, job)
  const operation = job.kind === KIND.export ? '$export' : '$import'
  const who = { tenant, client, actor, purpose, requestId }
  const told = { action: 'operation', outcome: 'failed', count: job.resources } as const
  // Without the tenant's key nothing can be sealed; that the job ended is recorded all the same.
  const detail = orNothing(() => sealDetail(vault, tenant, `${operation}: stopped, ${end.code}`))
  try {
    await ledger.commit({
      records: [auditRecord(store, who, { ...told, ...(detail ? { detail } : {}) })],
      write: { composer: endComposer, rows: { number, lease, ...end, now: clock.now() } satisfies JobEnd },
    })
  } catch (error) {
    if (!(error instanceof FaultError && error.fault.code === RACE_LOST.code)) throw error
  }
}

/** A damaged request does not open, and may be why the job ends: then it is the client that asked. */
function askerOf({ vault }: RecordStore, job: Job): Pick<AskedBy, 'actor' | 'purpose' | 'requestId'> {
  const asked = orNothing(() => openRequest<AskedBy>(vault, job, job.request))
  return asked ?? { actor: job.client, purpose: '', requestId: '' }
}

function orNothing<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}
