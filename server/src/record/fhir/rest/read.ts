import { raise } from '#kernel'
import type { DataKey } from '#vault'
import { openRows } from '../store/open-row.ts'
import type { OpenableRow, RecordStore } from '../store/record-store.ts'
import { ResolvedIds } from '../store/resolve-ids.ts'
import { GONE, NOT_FOUND } from '../store/resolve-targets.ts'
import type { RowKey, StoredRow } from '../store/rows.ts'
import { tombstones, versionRow } from '../store/store.ts'
import type { Caller } from '../store/write-request.ts'
import { auditRecord } from './audit-record.ts'
import { type Narrowing, narrowed, parseNarrowing } from './elements.ts'
import { type FhirRequest, type FhirResponse, parseEtag } from './exchange.ts'
import { requireScope, requireType } from './require.ts'

/** http://hl7.org/fhir/R4/http.html#read, with conditional read, `_elements` and `_summary`. */
export async function read(store: RecordStore, caller: Caller, request: FhirRequest): Promise<FhirResponse> {
  const [type = '', id = ''] = request.path
  const narrowing = narrowingOf(request)
  const key = await locate(store, caller, type, id)
  const found = key && (await store.openable(key))
  if (!found) return missing(store, caller, type, key)
  return answer(store, caller, request, { ...found, narrowing, action: 'read' })
}

/** http://hl7.org/fhir/R4/http.html#vread */
export async function vread(store: RecordStore, caller: Caller, request: FhirRequest): Promise<FhirResponse> {
  const [type = '', id = '', , versionText = ''] = request.path
  const narrowing = narrowingOf(request)
  const key = await locate(store, caller, type, id)
  const version = /^\d{1,9}$/.test(versionText) ? Number(versionText) : 0
  const row = key && (await versionRow(store.database, key, version))
  if (!row) return missing(store, caller, type, undefined)
  if (row.deleted) return missing(store, caller, type, key)
  const dataKey =
    row.patient === 0 ? store.vault.tenantKey(row.tenant) : await store.patientKey(row.tenant, row.patient)
  return answer(store, caller, request, { row, key: dataKey, narrowing, action: 'vread' })
}

/** Where the resource of that id would lie; undefined when nobody ever named the id. */
export async function locate(
  store: RecordStore,
  caller: Caller,
  type: string,
  id: string,
): Promise<RowKey | undefined> {
  const number = requireType(type)
  requireScope(caller, type, 'r')
  const ids = new ResolvedIds(store, caller.tenant)
  await ids.resolve([{ type, id }], { create: false })
  const rid = ids.rid(type, id)
  return rid === undefined ? undefined : { tenant: caller.tenant, type: number, rid }
}

async function missing(store: RecordStore, caller: Caller, type: string, key: RowKey | undefined): Promise<never> {
  const [tombstone] = key ? await tombstones(store.database, [key]) : []
  // What an erasure left does not open: it is answered like what never existed.
  const [gone] = tombstone ? await openRows(store, [tombstone]) : []
  const where = key ? { type: key.type, rid: key.rid } : { type: requireType(type) }
  await store.ledger.record(auditRecord(store, caller, { action: 'read', outcome: 'failed', ...where }))
  return raise(gone ? GONE : NOT_FOUND)
}

interface Found extends OpenableRow {
  narrowing: Narrowing | undefined
  action: 'read' | 'vread'
}

/** Read before the resource is looked for: a wish that is refused must not tell whether it is there. */
function narrowingOf(request: FhirRequest): Narrowing | undefined {
  return request.query === '' ? undefined : parseNarrowing(new URLSearchParams(request.query))
}

async function answer(
  store: RecordStore,
  caller: Caller,
  request: FhirRequest,
  { row, key, narrowing, action }: Found,
): Promise<FhirResponse> {
  // Without the patient's key nothing is disclosed, and no access is recorded as one that succeeded.
  if (!key || row.sealed.length === 0) return missing(store, caller, request.path[0] as string, row)
  const recorded = store.ledger.record(recordOf(store, caller, action, row))
  const unchanged = action === 'read' && isUnchanged(request, row)
  const [body] = await Promise.all([unchanged ? undefined : openedMeanwhile(store, key, row), recorded])
  const version = { version: row.version, lastModified: row.updated }
  if (!body) return { status: 304, ...version }
  return { status: 200, body: narrowing ? narrowed(body, narrowing) : body, ...version }
}

/** Opened once the turn has ended and the commit is under way: PostgreSQL works while this process does. */
async function openedMeanwhile(store: RecordStore, key: DataKey, row: StoredRow): Promise<Buffer> {
  await new Promise<void>((next) => setImmediate(next))
  return store.vault.open(key, row, row.sealed)
}

function recordOf(store: RecordStore, caller: Caller, action: 'read' | 'vread', row: StoredRow) {
  return auditRecord(store, caller, {
    action,
    type: row.type,
    rid: row.rid,
    version: row.version,
    patients: row.patient === 0 ? [] : [row.patient],
    count: 1,
  })
}

function isUnchanged(request: FhirRequest, row: StoredRow): boolean {
  if (request.ifNoneMatch !== undefined)
    return request.ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || parseEtag(tag) === row.version)
  if (request.ifModifiedSince === undefined) return false
  const since = Date.parse(request.ifModifiedSince)
  // HTTP dates have whole seconds.
  return !Number.isNaN(since) && Math.floor(row.updated / 1000) * 1000 <= since
}
