import type { AuditRecord } from '#audit'
import type { RecordStore } from '../store/record-store.ts'
import type { Caller } from '../store/write-request.ts'

/** An audit record of what `caller` does now; `what` overrides the defaults of an access that touched nothing. */
export function auditRecord(
  store: Pick<RecordStore, 'clock'>,
  caller: Pick<Caller, 'tenant' | 'client' | 'actor' | 'requestId' | 'purpose'>,
  what: Pick<AuditRecord, 'action'> & Partial<AuditRecord>,
): AuditRecord {
  return {
    at: store.clock.now(),
    tenant: caller.tenant,
    client: caller.client,
    actor: caller.actor,
    requestId: caller.requestId,
    purpose: caller.purpose,
    outcome: 'success',
    type: 0,
    rid: 0,
    version: 0,
    patients: [],
    count: 0,
    ...what,
  }
}
