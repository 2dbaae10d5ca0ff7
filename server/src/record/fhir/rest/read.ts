import { raise } from '#kernel'
import { openRows } from '../store/open-row.ts'
import type { RecordStore } from '../store/record-store.ts'
import { ResolvedIds } from '../store/resolve-ids.ts'
import { GONE, NOT_FOUND } from '../store/resolve-targets.ts'
import type { RowKey, StoredRow } from '../store/rows.ts'
import { tombstones, versionRow } from '../store/store.ts'
import type { Caller } from '../store/write-request.ts'
import { auditRecord } from './audit-record.ts'
import { narrowed, parseNarrowing } from './elements.ts'
import { type FhirRequest, type FhirResponse, parseEtag } from './exchange.ts'
import { requireScope, requireType } from './require.ts'

/** http://hl7.org/fhir/R4/http.html#read, with conditional read, `_elements` and `_summary`. */
export async function read(store: RecordStore, caller: Caller, request: FhirRequest): Promise<FhirResponse> {
  const [type = '', id = ''] = request.path
  const key = await locate(store, caller, type, id)
  const row = key && (await store.current(key))
  if (!row) return missing(store, caller, type, key)
  if (isUnchanged(request, row)) {
    await opened(store, caller, type, row)
    await store.ledger.record(recordOf(store, caller, 'read', row))
    return { status: 304, version: row.version, lastModified: row.updated }
  }
  return answer(store, caller, request, { row, action: 'read' })
}

/** http://hl7.org/fhir/R4/http.html#vread */
export async function vread(store: RecordStore, caller: Caller, request: FhirRequest): Promise<FhirResponse> {
  const [type = '', id = '', , versionText = ''] = request.path
  const key = await locate(store, caller, type, id)
  const version = /^\d{1,9}$/.test(versionText) ? Number(versionText) : 0
  const row = key && (await versionRow(store.database, key, version))
  if (!row) return missing(store, caller, type, undefined)
  if (row.deleted) return missing(store, caller, type, key)
  return answer(store, caller, request, { row, action: 'vread' })
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

async function answer(
  store: RecordStore,
  caller: Caller,
  request: FhirRequest,
  found: { row: StoredRow; action: 'read' | 'vread' },
): Promise<FhirResponse> {
  const { row, action } = found
  const narrowing = request.query === '' ? undefined : parseNarrowing(new URLSearchParams(request.query))
  const body = await opened(store, caller, request.path[0] as string, row)
  await store.ledger.record(recordOf(store, caller, action, row))
  return {
    status: 200,
    body: narrowing ? narrowed(body, narrowing) : body,
    version: row.version,
    lastModified: row.updated,
  }
}

/** The body. Without the patient's key nothing is disclosed, and no access is recorded as one that succeeded. */
async function opened(store: RecordStore, caller: Caller, type: string, row: StoredRow): Promise<Buffer> {
  const [body] = await openRows(store, [row])
  return body ?? missing(store, caller, type, row)
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
