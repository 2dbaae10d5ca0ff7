import { typeNumber } from '@salus/fhir-model'
import { parseScope } from '#identity'
import { eventLoopTurns, metrics } from '#kernel'
import { sealDetail } from '../rest/audit-detail.ts'
import { auditRecord } from '../rest/audit-record.ts'
import { narrowed } from '../rest/elements.ts'
import { outcomeOf } from '../rest/outcome.ts'
import { idOf } from '../store/resolve-targets.ts'
import type { StoredRow } from '../store/rows.ts'
import type { Caller } from '../store/write-request.ts'
import { type AskedBy, type Job, PAGE, type PageKind, STATE } from './bulk-job.ts'
import { BULK_LIMITS } from './bulk-limits.ts'
import { type TypeFilter, typeFilterOf } from './export-filters.ts'
import { exportPage, openWithin, type PageDependencies, placeOf, START } from './export-page.ts'
import { type ExportRequest, type Walk, walksOf } from './export-plan.ts'
import { openRequest, sealPage } from './job-seal.ts'
import { type ForClients, requireEnabled } from './require-enabled.ts'
import { insertChunk, type Step, stepComposer } from './store.ts'
import { deletedUntil, type UpdatedPlace } from './walk/store.ts'

/** Where an export goes on. Numbers only: it stands in the clear. */
interface ExportCursor {
  /** -1: the warnings; then each walk, then each walk once more for what was deleted. */
  walk: number
  updated: number
  rid: number
  /** Pages written. */
  seq: number
  /** The file that is being written, its first walk and its bytes; 0: none yet. */
  file: number
  kind: number
  type: number
  bytes: number
}

export const EXPORT_BEGINS: string = JSON.stringify({
  walk: -1,
  updated: START.updated,
  rid: START.rid,
  seq: 0,
  file: 0,
  kind: 0,
  type: 0,
  bytes: 0,
} satisfies ExportCursor)

/** A job in the hands of this process. */
export interface Held {
  job: Job
  /** False when the time is up, the process ends, or the job was lost. */
  mayGoOn(): boolean
  /** Aborted as soon as `mayGoOn` is false: nobody waits for another server then. */
  signal: AbortSignal
  /** Ms since 1970 until which a step holds the job. */
  leaseUntil(): number
}

interface Made {
  kind: PageKind
  type: number
  lines: Buffer[]
  resources: number
  patients: number[]
}

/**
 * Work on an export until it is finished or `held` says stop. Each page is sealed and written, and then made known together
 * with the cursor and the audit record that names its patients, in one commit: whatever is cut off is done again or not at all.
 * Faults: `fhir.bulk.client-disabled`, those of the search, the database and the ledger; `audit.ledger.race-lost` when the job was lost.
 */
export async function runExport(dependencies: PageDependencies & ForClients, held: Held): Promise<void> {
  const { vault } = dependencies.store
  const { job } = held
  const request = openRequest<ExportRequest>(vault, job, job.request)
  const caller = callerOf(job, request)
  const walks = walksOf(request)
  const steps = request.since === undefined ? walks.length : walks.length * 2
  const filters = new Map<string, TypeFilter>()
  let cursor = JSON.parse(job.cursor) as ExportCursor
  while (held.mayGoOn()) {
    await requireEnabled(dependencies, job.client)
    if (cursor.walk >= steps) return finish(dependencies, held, caller, cursor)
    const walk = walks[cursor.walk % walks.length]
    const { made, next } =
      cursor.walk < 0 || !walk
        ? { made: warningsOf(request), next: undefined }
        : cursor.walk < walks.length
          ? await resourcesOf(dependencies, caller, { request, walk, filters, cursor })
          : await deletionsOf(dependencies, { request, walk, cursor, tenant: job.tenant })
    const place = next ? { walk: cursor.walk, ...next } : { walk: cursor.walk + 1, ...START }
    cursor = { ...cursor, ...place }
    if (made.lines.length > 0) cursor = await writePage(dependencies, held, { caller, cursor, made })
    job.cursor = JSON.stringify(cursor)
    // Interactive requests come first: the rest of this turn of the event loop is theirs.
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

/** Who asked, as far as it matters for reading and for the audit. */
export function callerOf(job: Job, { actor, purpose, requestId, scopes }: AskedBy): Caller {
  return { tenant: job.tenant, client: job.client, actor, purpose, requestId, scopes: parseScope(scopes) }
}

async function resourcesOf(
  dependencies: PageDependencies,
  caller: Caller,
  work: { request: ExportRequest; walk: Walk; filters: Map<string, TypeFilter>; cursor: ExportCursor },
): Promise<{ made: Made; next: UpdatedPlace | undefined }> {
  const { request, walk, filters, cursor } = work
  const filter = filters.get(walk.type) ?? (await typeFilterOf(dependencies.search, caller, request, walk.type))
  filters.set(walk.type, filter)
  const after = { updated: cursor.updated, rid: cursor.rid }
  const page = await exportPage(dependencies, caller, { request, walk, filter, after })
  const names = request.elements.flatMap(({ type, name }) => (type === undefined || type === walk.type ? [name] : []))
  const turn = eventLoopTurns(dependencies.store.clock)
  const lines: Buffer[] = []
  for (const body of page.bodies) {
    lines.push(request.elements.length === 0 ? body : narrowed(body, { kind: 'elements', names }))
    await turn()
  }
  return {
    made: { kind: PAGE.output, type: walk.number, lines, resources: lines.length, patients: patientsOf(page.rows) },
    next: page.next,
  }
}

/** https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status: transactions of DELETE entries. */
async function deletionsOf(
  { store, search }: PageDependencies,
  work: { request: ExportRequest; walk: Walk; cursor: ExportCursor; tenant: number },
): Promise<{ made: Made; next: UpdatedPlace | undefined }> {
  const { request, walk, cursor, tenant } = work
  const none: Made = { kind: PAGE.deleted, type: walk.number, lines: [], resources: 0, patients: [] }
  // Whom a deleted resource of several patients, or one that was only referred to, belonged to is not known any more.
  if (walk.referred || walk.whose.of === 'shared') return { made: none, next: undefined }
  const since = { updated: request.since ?? 0, rid: Number.MAX_SAFE_INTEGER }
  const at = Math.min(request.at, (request.before ?? Number.MAX_SAFE_INTEGER) - 1)
  const rows = await deletedUntil(search.database, {
    tenant,
    type: walk.number,
    whose: walk.whose,
    at: request.at,
    after: cursor.updated < since.updated ? since : { updated: cursor.updated, rid: cursor.rid },
    until: { updated: at, rid: Number.MAX_SAFE_INTEGER },
    limit: BULK_LIMITS.pageRowsMax,
  })
  const { bodies } = await openWithin(store, rows, Number.MAX_SAFE_INTEGER)
  const urls = bodies.flatMap((body) => (body ? [`${walk.type}/${idOf(body)}`] : []))
  const lines: Buffer[] = []
  for (let from = 0; from < urls.length; from += BULK_LIMITS.deletionsPerLine)
    lines.push(deletions(urls.slice(from, from + BULK_LIMITS.deletionsPerLine)))
  const last = rows.at(-1)
  return {
    made: { ...none, lines, resources: lines.length, patients: patientsOf(rows) },
    next: last && rows.length === BULK_LIMITS.pageRowsMax ? placeOf(last) : undefined,
  }
}

function deletions(urls: readonly string[]): Buffer {
  const entry = urls.map((url) => ({ request: { method: 'DELETE', url } }))
  return Buffer.from(JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }))
}

function warningsOf({ warnings }: ExportRequest): Made {
  const lines = warnings.map((fault) => {
    const { issue, ...outcome } = outcomeOf(fault) as { issue: object[] }
    return Buffer.from(JSON.stringify({ ...outcome, issue: issue.map((one) => ({ ...one, severity: 'warning' })) }))
  })
  return { kind: PAGE.error, type: OUTCOME, lines, resources: lines.length, patients: [] }
}

const OUTCOME = typeNumber('OperationOutcome') as number

function patientsOf(rows: readonly StoredRow[]): number[] {
  return [...new Set(rows.flatMap(({ patient }) => (patient === 0 ? [] : [patient])))]
}

async function writePage(
  { store, search }: PageDependencies,
  held: Held,
  work: { caller: Caller; cursor: ExportCursor; made: Made },
): Promise<ExportCursor> {
  const { caller, made } = work
  const { job } = held
  const text = Buffer.concat(made.lines.flatMap((line) => [line, NEWLINE]))
  const isSameFile =
    work.cursor.kind === made.kind && work.cursor.type === made.type && work.cursor.bytes < BULK_LIMITS.fileBytesMax
  const cursor: ExportCursor = {
    ...work.cursor,
    seq: work.cursor.seq + 1,
    file: isSameFile ? work.cursor.file : work.cursor.file + 1,
    kind: made.kind,
    type: made.type,
    bytes: (isSameFile ? work.cursor.bytes : 0) + text.length,
  }
  const { seq, file } = cursor
  const sealed = sealPage(store.vault, job, seq, text)
  await insertChunk(search.database, { job: job.number, lease: job.lease, seq, sealed })
  const { kind, type, resources, patients } = made
  const step: Step = {
    job,
    cursor: JSON.stringify(cursor),
    resources: kind === PAGE.output ? resources : 0,
    refused: 0,
    leaseUntil: held.leaseUntil(),
    page: { seq, kind, file, type, resources, bytes: text.length, patients },
  }
  await store.ledger.commit({
    records: [
      auditRecord(store, caller, {
        action: 'operation',
        type: made.type,
        patients,
        count: resources,
        detail: sealDetail(store.vault, caller.tenant, `$export: page ${seq} prepared`),
      }),
    ],
    write: { composer: stepComposer, rows: step },
  })
  job.failures = 0
  if (kind === PAGE.output) metrics.bulkResources.inc({ kind: 'export' }, resources)
  return cursor
}

const NEWLINE = Buffer.from('\n')

async function finish({ store }: PageDependencies, held: Held, caller: Caller, cursor: ExportCursor): Promise<void> {
  const { job } = held
  await store.ledger.commit({
    records: [
      auditRecord(store, caller, {
        action: 'operation',
        detail: sealDetail(store.vault, caller.tenant, '$export: finished'),
      }),
    ],
    write: {
      composer: stepComposer,
      rows: {
        job,
        cursor: JSON.stringify(cursor),
        resources: 0,
        refused: 0,
        leaseUntil: 0,
        finished: Math.max(store.clock.now(), 1),
      } satisfies Step,
    },
  })
  job.state = STATE.finished
}
