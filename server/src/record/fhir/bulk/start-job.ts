import type { Unit } from '#audit'
import { sealDetail } from '../rest/audit-detail.ts'
import { auditRecord } from '../rest/audit-record.ts'
import type { FhirRequest, FhirResponse } from '../rest/exchange.ts'
import type { RecordStore } from '../store/record-store.ts'
import type { Caller } from '../store/write-request.ts'
import type { JobKind } from './bulk-job.ts'
import { BULK_LIMITS } from './bulk-limits.ts'
import { BULK_SEGMENT, jobId } from './job-address.ts'
import { sealRequest } from './job-seal.ts'
import { whileThereIsRoom } from './kick-off-limits.ts'
import { jobComposer, type NewJob } from './store.ts'

export interface StartDependencies {
  store: RecordStore
  fhirBase: string
  /** How long the files of a job are kept, ms from its start. */
  keepMs: number
}

export interface JobStart {
  number: number
  kind: JobKind
  request: object
  cursor: string
  /** When it may begin, ms since 1970. */
  turn: number
  /** What is disclosed or named by the kick-off itself. */
  patients: readonly number[]
  type: number
  rid: number
}

/** Make a job durable together with the audit record of who asked for it. Faults of `whileThereIsRoom` and of the ledger. */
export async function startJob(
  { store, keepMs }: StartDependencies,
  caller: Caller,
  request: FhirRequest,
  start: JobStart,
): Promise<void> {
  const { number, kind, patients, type, rid, turn, cursor } = start
  const { tenant, client } = caller
  const now = store.clock.now()
  const text = `${request.path.join('/')}${request.query === '' ? '' : `?${request.query}`}`
  const unit: Unit<NewJob> = {
    records: [
      auditRecord(store, caller, {
        action: 'operation',
        type,
        rid,
        patients: patients.slice(0, BULK_LIMITS.patientsPerRecord),
        detail: sealDetail(store.vault, tenant, text),
      }),
      // A long list is told in several records: each stays small enough to be shown.
      ...slices(patients).map((slice) =>
        auditRecord(store, caller, { action: 'operation', type, rid, patients: slice }),
      ),
    ],
    write: {
      composer: jobComposer,
      rows: {
        number,
        tenant,
        kind,
        client,
        created: now,
        expires: now + keepMs,
        turn,
        cursor,
        request: sealRequest(store.vault, { tenant, number }, start.request),
      },
    },
  }
  await whileThereIsRoom(store, caller, (guarded) => store.ledger.commit({ ...unit, ...guarded }))
}

function slices(patients: readonly number[]): (readonly number[])[] {
  const found: (readonly number[])[] = []
  for (let from: number = BULK_LIMITS.patientsPerRecord; from < patients.length; from += BULK_LIMITS.patientsPerRecord)
    found.push(patients.slice(from, from + BULK_LIMITS.patientsPerRecord))
  return found
}

/** https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---success */
export function accepted(
  { store, fhirBase }: StartDependencies,
  job: { tenant: number; number: number },
): FhirResponse {
  return { status: 202, headers: { 'content-location': `${fhirBase}/${BULK_SEGMENT}/${jobId(store.vault, job)}` } }
}
