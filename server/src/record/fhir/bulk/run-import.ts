import { typeNumber } from '@salus/fhir-model'
import { type AuditRecord, type Ledger, RACE_LOST } from '#audit'
import { type Fault, FaultError, LIMITS, metrics, type OutboundGet, raise } from '#kernel'
import { sealDetail } from '../rest/audit-detail.ts'
import { auditRecord } from '../rest/audit-record.ts'
import { parseExactly, parseJsonBody } from '../rest/json-body.ts'
import { outcomeOf } from '../rest/outcome.ts'
import { writeRequestOf } from '../rest/write.ts'
import { applyWrites, type WriteDependencies } from '../store/apply-writes.ts'
import type { RecordStore } from '../store/record-store.ts'
import type { Caller, Resource, WriteRequest } from '../store/write-request.ts'
import { checkResource } from '../validate/check-resource.ts'
import { CLIENT_DISABLED } from './bulk-faults.ts'
import { type Job, PAGE, STATE } from './bulk-job.ts'
import { BULK_LIMITS } from './bulk-limits.ts'
import type { ImportInput, ImportRequest } from './import-parameters.ts'
import { inputAtPace } from './input-pace.ts'
import { openPage, openRequest, sealPage } from './job-seal.ts'
import { type Line, ndjsonLines } from './ndjson-lines.ts'
import { type ForClients, requireEnabled } from './require-enabled.ts'
import { callerOf, type Held } from './run-export.ts'
import { insertChunk, nextPage, removeInput, type Step, stepComposer } from './store.ts'

export interface ImportDependencies extends WriteDependencies, ForClients {
  outbound: OutboundGet
}

/** Where an import goes on. Numbers only. */
interface ImportCursor {
  input: number
  /** Lines done of it. */
  line: number
  /** Pages written, and refusals told. */
  seq: number
  told: number
  /** Resources stored of each input. */
  counts: number[]
}

export const IMPORT_BEGINS: string = JSON.stringify({
  input: 0,
  line: 0,
  seq: 0,
  told: 0,
  counts: [],
} satisfies ImportCursor)

/** A line on its way: what is to be written, or why it is not. */
type Read = { line: number; request: WriteRequest } | { line: number; fault: Fault }

/**
 * Work on an import until it is finished or `held` says stop. Lines are written through the ordinary write path, up to 100 in one
 * commit, and the cursor moves in that same commit: cut off anywhere, each line is stored exactly once. When a commit is
 * refused its lines are written one by one, so that only the refused ones are left out. Faults: those of the database and
 * ledger; `fhir.bulk.input-*` and `kernel.outbound.*` when a file cannot be read; the reason of `held.signal`.
 */
export async function runImport(dependencies: ImportDependencies, held: Held): Promise<void> {
  const { store } = dependencies
  const { job } = held
  const request = openRequest<ImportRequest>(store.vault, job, job.request)
  const work: Work = {
    ...dependencies,
    held,
    caller: callerOf(job, request),
    cursor: JSON.parse(job.cursor) as ImportCursor,
    inputs: request.inputs,
  }
  while (held.mayGoOn()) {
    const input = request.inputs[work.cursor.input]
    if (!input) return finish(work)
    const isDone = await readInput(work, input)
    if (!isDone) return
    work.cursor = { ...work.cursor, input: work.cursor.input + 1, line: 0 }
    job.cursor = JSON.stringify(work.cursor)
  }
}

interface Work extends ImportDependencies {
  held: Held
  caller: Caller
  cursor: ImportCursor
  inputs: ImportInput[]
}

/** False when it was interrupted. */
async function readInput(work: Work, input: ImportInput): Promise<boolean> {
  const { held, cursor, outbound, store } = work
  const { signal } = held
  const { clock } = store
  const { url } = input
  const pieces =
    url === undefined
      ? uploaded(store, held.job)
      : inputAtPace((over) => outbound(url, { signal: over }), { clock, signal })
  const limits = { lineBytesMax: LIMITS.resourceBytesMax, bytesMax: BULK_LIMITS.inputBytesMax }
  let batch: Line[] = []
  let bytes = 0
  const storeBatch = async (): Promise<void> => {
    if (batch.length > 0) await writeLines(work, input, batch)
    batch = []
    bytes = 0
  }
  for await (const line of ndjsonLines(pieces, limits, { clock, signal })) {
    if (line.number <= cursor.line) continue
    // Left here, the stream of a file is destroyed.
    if (!held.mayGoOn()) return false
    batch.push(line)
    bytes += line.bytes.length
    if (batch.length >= BULK_LIMITS.linesPerCommit || bytes >= BULK_LIMITS.commitBytesMax) await storeBatch()
  }
  await storeBatch()
  return true
}

async function* uploaded(store: RecordStore, job: Job): AsyncGenerator<Buffer> {
  for (let after = 0; ; after++) {
    const found = await nextPage(store.database, { job: job.number, file: 1, after, now: store.clock.now() })
    if (!found || found.page.kind !== PAGE.input) return
    yield openPage(store.vault, job, found.page.seq, found.sealed)
  }
}

async function writeLines(work: Work, input: ImportInput, lines: readonly Line[]): Promise<void> {
  const read = lines.map((line) => readLine(work.caller, input, line))
  const last = lines.at(-1)?.number ?? 0
  const good = read.flatMap((one) => ('request' in one ? [one] : []))
  const refused = read.flatMap((one) => ('fault' in one ? [one] : []))
  if (good.length > 0 && (await written(work, good, { line: last, refused }))) return
  if (good.length === 0) return progressed(work, { line: last, stored: 0, refused })
  // One of them is refused: each by itself, in the order of the file.
  for (const one of read) {
    if ('fault' in one) await progressed(work, { line: one.line, stored: 0, refused: [one] })
    else {
      const fault = await writtenAlone(work, one)
      if (fault) await progressed(work, { line: one.line, stored: 0, refused: [{ line: one.line, fault }] })
    }
  }
}

/** As a create or update over HTTP would be read. */
function readLine(caller: Caller, input: ImportInput, line: Line): Read {
  const at = { line: line.number }
  try {
    if (line.tooLong || line.bytes.length > LIMITS.resourceBytesMax) raise(LINE_TOO_LONG)
    const body = parseJsonBody(line.bytes)
    if (!body.ok) return { ...at, fault: body.fault }
    checkResource(body.value.value, body.value.scan.members)
    const resource = body.value.value
    if (input.type !== undefined && resource.resourceType !== input.type) raise(TYPE_DIFFERS)
    const { id, resourceType } = resource
    const exact = body.value.scan.lossyNumbers ? { exact: parseExactly(line.bytes) as Resource } : {}
    const request = writeRequestOf(caller, {
      method: id === undefined ? 'POST' : 'PUT',
      path: id === undefined ? [resourceType] : [resourceType, id],
      query: '',
      prefer: {},
      resource,
      ...exact,
    })
    return { ...at, request }
  } catch (error) {
    if (!(error instanceof FaultError)) throw error
    return { ...at, fault: error.fault }
  }
}

/** All of them in one commit with the cursor; false when one of them is refused. */
async function written(
  work: Work,
  good: readonly { line: number; request: WriteRequest }[],
  at: { line: number; refused: { line: number; fault: Fault }[] },
): Promise<boolean> {
  try {
    const step = await stepOf(work, { ...at, stored: good.length })
    await applyWrites(
      alongside(work, step),
      work.caller,
      good.map(({ request }) => request),
      'transaction',
    )
    done(work, step, good.length, at.refused.length)
    return true
  } catch (error) {
    if (error instanceof FaultError && isRefusal(error.fault)) return false
    throw error
  }
}

async function writtenAlone(work: Work, one: { line: number; request: WriteRequest }): Promise<Fault | undefined> {
  try {
    const step = await stepOf(work, { line: one.line, stored: 1, refused: [] })
    const { action } = one.request
    await applyWrites(alongside(work, step), work.caller, [one.request], action === 'update' ? 'update' : 'create')
    done(work, step, 1, 0)
    return undefined
  } catch (error) {
    if (error instanceof FaultError && isRefusal(error.fault)) return error.fault
    throw error
  }
}

/** What concerns the line, not the server or the job. */
function isRefusal({ category, code }: Fault): boolean {
  return !OF_THE_JOB.has(code) && !['unavailable', 'busy', 'bug'].includes(category)
}

const OF_THE_JOB = new Set([RACE_LOST.code, CLIENT_DISABLED.code])

async function progressed(
  work: Work,
  at: { line: number; stored: number; refused: { line: number; fault: Fault }[] },
): Promise<void> {
  const step = await stepOf(work, at)
  const { store, caller } = work
  await store.ledger.commit({
    records: [refusalRecord(store, caller, at.refused)],
    write: { composer: stepComposer, rows: step.step },
  })
  done(work, step, at.stored, at.refused.length)
}

function refusalRecord(store: RecordStore, caller: Caller, refused: readonly { fault: Fault }[]): AuditRecord {
  const isForbidden = refused.some(({ fault }) => fault.category === 'forbidden')
  const detail = sealDetail(store.vault, caller.tenant, `$import: ${refused.length} lines refused`)
  return auditRecord(store, caller, {
    action: isForbidden ? 'refusal' : 'operation',
    outcome: isForbidden ? 'refused' : 'failed',
    count: refused.length,
    detail,
  })
}

interface Stepped {
  step: Step
  cursor: ImportCursor
  refused: readonly { fault: Fault }[]
}

/** The step that goes with a commit: the cursor behind `line`, and the page of what was refused, which is written before. */
async function stepOf(
  work: Work,
  at: { line: number; stored: number; refused: readonly { line: number; fault: Fault }[] },
): Promise<Stepped> {
  const { cursor, held, store } = work
  const { job } = held
  await requireEnabled(work, job.client)
  const told = at.refused.slice(0, Math.max(0, BULK_LIMITS.refusalsToldMax - cursor.told))
  const counts = [...cursor.counts]
  counts[cursor.input] = (counts[cursor.input] ?? 0) + at.stored
  for (let index = 0; index < cursor.input; index++) counts[index] ??= 0
  const next: ImportCursor = { ...cursor, line: at.line, counts, told: cursor.told + told.length }
  const base = { job, resources: at.stored, refused: at.refused.length, leaseUntil: held.leaseUntil() }
  if (told.length === 0) return { cursor: next, refused: at.refused, step: { ...base, cursor: JSON.stringify(next) } }
  next.seq = Math.max(cursor.seq, job.pages) + 1
  const lines = told.map(({ line, fault }) => JSON.stringify(refusal(cursor.input, line, fault)))
  const text = Buffer.from(`${lines.join('\n')}\n`)
  const sealed = sealPage(store.vault, job, next.seq, text)
  await insertChunk(store.database, { job: job.number, lease: job.lease, seq: next.seq, sealed })
  const page = {
    seq: next.seq,
    kind: PAGE.error,
    file: ERROR_FILE,
    type: OUTCOME,
    resources: told.length,
    bytes: text.length,
    patients: [],
  }
  return { cursor: next, refused: at.refused, step: { ...base, cursor: JSON.stringify(next), page } }
}

/** The upload is file 1. */
const ERROR_FILE = 2
const OUTCOME = typeNumber('OperationOutcome') as number

/** Which line, and why; nothing of what stands in it. */
function refusal(input: number, line: number, fault: Fault): object {
  const { issue, ...outcome } = outcomeOf(fault) as { issue: { diagnostics?: string }[] }
  const where = `Input ${input + 1}, line ${line}: `
  return { ...outcome, issue: issue.map((one) => ({ ...one, diagnostics: where + (one.diagnostics ?? '') })) }
}

function done(work: Work, { cursor }: Stepped, stored: number, refused: number): void {
  work.cursor = cursor
  work.held.job.cursor = JSON.stringify(cursor)
  work.held.job.failures = 0
  metrics.bulkResources.inc({ kind: 'import' }, stored)
  if (refused > 0) metrics.bulkResources.inc({ kind: 'import-refused' }, refused)
}

/** The write path with a ledger that takes the job's step along: both are stored, or neither. */
function alongside(work: Work, { step, refused }: Stepped): WriteDependencies {
  const { ledger } = work.store
  const refusals = refused.length > 0 ? [refusalRecord(work.store, work.caller, refused)] : []
  const beside = { composer: stepComposer, rows: step }
  const taking: Ledger = {
    commit: (unit) => ledger.commit({ ...unit, records: [...unit.records, ...refusals], beside }),
    record: (record) => ledger.commit({ records: [record, ...refusals], beside }),
    node: ledger.node,
    close: () => ledger.close(),
  }
  return { ...work, store: { ...work.store, ledger: taking } }
}

async function finish(work: Work): Promise<void> {
  const { store, held, caller, cursor } = work
  const { job } = held
  await requireEnabled(work, job.client)
  const step: Step = {
    job,
    cursor: JSON.stringify(cursor),
    resources: 0,
    refused: 0,
    leaseUntil: 0,
    finished: Math.max(store.clock.now(), 1),
  }
  await store.ledger.commit({
    records: [
      auditRecord(store, caller, {
        action: 'operation',
        detail: sealDetail(store.vault, caller.tenant, '$import: finished'),
      }),
    ],
    write: { composer: stepComposer, rows: step },
  })
  job.state = STATE.finished
  // Cut off here, it stays until the job's time is over.
  while (await removeInput(store.database, job.number, BULK_LIMITS.chunksPerRemoval));
}

const LINE_TOO_LONG: Fault = {
  category: 'too-large',
  code: 'fhir.bulk.line-too-long',
  message: `A line holds one resource of at most ${LIMITS.resourceBytesMax / 1_048_576} MB.`,
}
const TYPE_DIFFERS: Fault = {
  category: 'invalid',
  code: 'fhir.bulk.type-differs',
  message: 'The resourceType of the line is not the type that the manifest names for this file.',
}
