import { typeName } from '@salus/fhir-model'
import { type AuditRecord, RACE_LOST } from '#audit'
import { type Fault, FaultError, raise } from '#kernel'
import { sealDetail } from '../rest/audit-detail.ts'
import { auditRecord } from '../rest/audit-record.ts'
import type { FhirRequest, FhirResponse } from '../rest/exchange.ts'
import { jsonResponse } from '../rest/exchange.ts'
import { outcomeOf } from '../rest/outcome.ts'
import { FORBIDDEN } from '../rest/require.ts'
import type { RecordStore } from '../store/record-store.ts'
import type { Caller } from '../store/write-request.ts'
import { ASYNC_ONLY, CLIENT_DISABLED, JOB_UNKNOWN } from './bulk-faults.ts'
import { type AskedBy, type Job, KIND, PAGE, STATE } from './bulk-job.ts'
import type { ExportRequest } from './export-plan.ts'
import type { ImportRequest } from './import-parameters.ts'
import { BULK_SEGMENT, jobId, jobNumber } from './job-address.ts'
import { openPage, openRequest } from './job-seal.ts'
import type { ForClients } from './require-enabled.ts'
import { endComposer, type FileSummary, filesOf, findJob, type JobEnd, nextPage } from './store.ts'

export interface JobDependencies extends ForClients {
  store: RecordStore
  fhirBase: string
}

/** Seconds after which it is worth asking again. */
const RETRY_AFTER_S = '2'

/**
 * What lies at `_bulk/<job>` and `_bulk/<job>/<file>`: the status or manifest, the cancellation, the files. Only the client that
 * asked finds them, with a token that still covers the types. Faults `fhir.bulk.job-unknown`, `fhir.forbidden`.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#bulk-data-status-request
 */
export async function bulkJob(
  dependencies: JobDependencies,
  caller: Caller,
  request: FhirRequest,
): Promise<FhirResponse> {
  const { store } = dependencies
  const [, id = '', file] = request.path
  if (request.address === undefined) raise(ASYNC_ONLY)
  const number = jobNumber(store.vault, caller.tenant, id)
  const { tenant, client } = caller
  const now = store.clock.now()
  const job = number === undefined ? undefined : await findJob(store.database, { number, tenant, client, now })
  const isFile = file !== undefined
  if (!job || request.path.length > 3 || (isFile && request.method !== 'GET')) return unknown(store, caller)
  if (request.method === 'DELETE') return cancelled(dependencies, caller, job)
  const asked = openRequest<AskedBy & Partial<ExportRequest> & Partial<ImportRequest>>(store.vault, job, job.request)
  requireTypes(caller, job, asked)
  if (isFile) return fileOf(dependencies, caller, job, file)
  await store.ledger.record(accessed(store, caller, { detail: `${BULK_SEGMENT}: status` }))
  if (job.state === STATE.failed) return jsonResponse(500, outcomeOf(failure(job)))
  if (job.state === STATE.active) return progress(job)
  return manifest(dependencies, job, asked)
}

async function unknown(store: RecordStore, caller: Caller): Promise<never> {
  await store.ledger.record(accessed(store, caller, { outcome: 'failed', detail: `${BULK_SEGMENT}: no such job` }))
  return raise(JOB_UNKNOWN)
}

function accessed(
  store: RecordStore,
  caller: Caller,
  what: Partial<Omit<AuditRecord, 'detail'>> & { detail: string },
): AuditRecord {
  const detail = sealDetail(store.vault, caller.tenant, what.detail)
  return auditRecord(store, caller, { action: 'operation', ...what, detail })
}

/** A token with less than the kick-off's says nothing of the job's content. */
function requireTypes(caller: Caller, job: Job, { types }: { types?: string[] }): void {
  const needs = job.kind === KIND.export ? (['r', 's'] as const) : (['c', 'u'] as const)
  if (types?.some((type) => needs.some((need) => !caller.scopes.allows(type, need)))) raise(FORBIDDEN)
}

/** https://hl7.org/fhir/uv/bulkdata/STU2/export.html#bulk-data-delete-request */
async function cancelled({ store }: JobDependencies, caller: Caller, job: Job): Promise<FhirResponse> {
  const { number } = job
  const end: JobEnd = { number, state: STATE.ended, code: '', now: store.clock.now() }
  try {
    await store.ledger.commit({
      records: [accessed(store, caller, { detail: `${BULK_SEGMENT}: cancelled` })],
      write: { composer: endComposer, rows: end },
    })
  } catch (error) {
    // Another cancellation, its time or an erasure was first.
    if (error instanceof FaultError && error.fault.code === RACE_LOST.code) return unknown(store, caller)
    throw error
  }
  return { status: 202 }
}

function progress(job: Job): FhirResponse {
  const done = job.kind === KIND.export ? 'resources exported' : 'resources stored'
  const refused = job.refused > 0 ? `, ${job.refused} lines refused` : ''
  return {
    status: 202,
    headers: { 'x-progress': `${job.resources} ${done}${refused}`, 'retry-after': RETRY_AFTER_S },
  }
}

function failure(job: Job): Fault {
  return {
    category: 'bug',
    code: job.code === '' ? 'fhir.bulk.failed' : job.code,
    message: `The job stopped after ${job.resources} resources and does not go on. Start another; tell your administrator the code if that one stops too.`,
  }
}

/** https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status */
async function manifest(
  { store, fhirBase }: JobDependencies,
  job: Job,
  asked: AskedBy & Partial<ExportRequest> & Partial<ImportRequest>,
): Promise<FhirResponse> {
  const files = await filesOf(store.database, job.number)
  const address = `${fhirBase}/${BULK_SEGMENT}/${jobId(store.vault, job)}`
  const listed = (kind: number): object[] => files.flatMap((one) => (one.kind === kind ? [fileItem(address, one)] : []))
  const body = {
    transactionTime: new Date(asked.at ?? job.created).toISOString(),
    request: asked.url,
    requiresAccessToken: true,
    output: job.kind === KIND.export ? listed(PAGE.output) : (asked.inputs ?? []).map(inputItem(job)),
    ...(job.kind === KIND.export ? { deleted: listed(PAGE.deleted) } : {}),
    error: listed(PAGE.error),
    ...(job.kind === KIND.import ? { extension: { stored: job.resources, refused: job.refused } } : {}),
  }
  return {
    ...jsonResponse(200, body),
    headers: { 'content-type': 'application/json', expires: new Date(job.expires).toUTCString() },
  }
}

function fileItem(address: string, { file, kind, type, resources }: FileSummary): object {
  const named = kind === PAGE.deleted ? 'Bundle' : kind === PAGE.error ? 'OperationOutcome' : typeName(type)
  return { type: named, url: `${address}/${file}`, count: resources }
}

/** https://build.fhir.org/ig/smart-on-fhir/smart-bulk-import */
function inputItem(job: Job): (input: { type?: string; url?: string }, index: number) => object {
  const counts = (JSON.parse(job.cursor) as { counts?: number[] }).counts ?? []
  return ({ type, url }, index) => ({
    ...(type === undefined ? {} : { type }),
    ...(url === undefined ? {} : { inputUrl: url }),
    count: counts[index] ?? 0,
  })
}

/** A file, page by page: the audit record that names the page's patients is durable before its bytes leave. */
async function fileOf(dependencies: JobDependencies, caller: Caller, job: Job, name: string): Promise<FhirResponse> {
  const { store } = dependencies
  const file = /^[1-9]\d{0,8}$/.test(name) ? Number(name) : 0
  const of = { job: job.number, file }
  const now = (): number => store.clock.now()
  let found = await nextPage(store.database, { ...of, after: 0, now: now() })
  if (!found || found.page.kind === PAGE.input || job.state !== STATE.finished) return unknown(store, caller)
  const disclose = async ({ page, sealed }: NonNullable<typeof found>): Promise<Buffer> => {
    const { type, patients, resources: count } = page
    const detail = `${BULK_SEGMENT}: file ${file}, page ${page.seq}`
    // The token was judged once; a download goes on as long as its client takes pages.
    if (!(await dependencies.isEnabled(caller.client))) {
      await store.ledger.record(accessed(store, caller, { action: 'refusal', outcome: 'refused', type, detail }))
      raise(CLIENT_DISABLED)
    }
    await store.ledger.record(accessed(store, caller, { type, patients, count, detail }))
    return openPage(store.vault, job, page.seq, sealed)
  }
  // The first page before the status line: what cannot be recorded is not begun.
  const first = await disclose(found)
  async function* pages(): AsyncGenerator<Buffer> {
    yield first
    for (;;) {
      found = await nextPage(store.database, { ...of, after: found?.page.seq ?? 0, now: now() })
      if (!found) break
      yield await disclose(found)
    }
    // Removed under the download: the end of the answer must not look like the end of the file.
    if (!(await findJob(store.database, { ...job, now: now() }))) raise(JOB_UNKNOWN)
  }
  return { status: 200, stream: pages(), headers: { 'content-type': 'application/fhir+ndjson' } }
}
