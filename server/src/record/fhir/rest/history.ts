import { RESOURCE_TYPES, typeName, typeNumber } from '@salus/fhir-model'
import { type Fault, LIMITS, raise } from '#kernel'
import { openRows } from '../store/open-row.ts'
import { PAGE_OPENED_BYTES_MAX, rowsOfPage } from '../store/page-bytes.ts'
import type { RecordStore } from '../store/record-store.ts'
import { idOf, NOT_FOUND } from '../store/resolve-targets.ts'
import type { RowKey, StoredRow } from '../store/rows.ts'
import { type HistoryPlace, historyRows } from '../store/store.ts'
import type { Caller } from '../store/write-request.ts'
import { auditRecord } from './audit-record.ts'
import type { FhirRequest, FhirResponse } from './exchange.ts'
import { locate } from './read.ts'
import { requireScope, requireType } from './require.ts'

interface HistoryDependencies {
  store: RecordStore
  fhirBase: string
}

/** History of an instance, a type or the whole record: http://hl7.org/fhir/R4/http.html#history, with `_count`, `_since`, `_at`; a page ends early at 64 MB. */
export async function history(
  dependencies: HistoryDependencies,
  caller: Caller,
  request: FhirRequest,
): Promise<FhirResponse> {
  const { store } = dependencies
  const [type, id] = request.path.filter((segment) => segment !== '_history')
  const key =
    type !== undefined && id !== undefined ? ((await locate(store, caller, type, id)) ?? raise(NOT_FOUND)) : undefined
  const types = typesOf(caller, type)
  const query = new URLSearchParams(request.query)
  const limit = countOf(query.get('_count'))
  const place = placeOf(store, caller, query.get('_page'))
  if (request.prefer.handling !== 'lenient' && [...query.keys()].some((name) => !PARAMETERS.has(name))) raise(UNKNOWN)
  const at = instant(query.get('_at'))
  const rows = await historyRows(store.database, {
    tenant: caller.tenant,
    types,
    limit: limit + 1,
    ...(key ? { rid: key.rid } : {}),
    ...(query.has('_since') ? { since: instant(query.get('_since')) ?? 0 } : {}),
    ...(at === undefined ? {} : { at }),
    ...(place ? { before: place } : {}),
  })
  const fetched = rows.slice(0, Math.min(limit, rowsOfPage(rows)))
  const opened = await openRows(store, fetched, { bytesMax: PAGE_OPENED_BYTES_MAX })
  // What belonged to an erased patient is not there any more, for the reader and for the audit.
  const page = fetched.flatMap((row, index) => {
    const body = opened[index]
    return body ? [{ row, body }] : []
  })
  if (key && page.length === 0 && !(await everWas(store, key))) {
    await store.ledger.record(
      auditRecord(store, caller, { action: 'history', outcome: 'failed', type: key.type, rid: key.rid }),
    )
    raise(NOT_FOUND)
  }
  await store.ledger.record(recordOf(store, caller, key, page))
  const next =
    rows.length > fetched.length
      ? nextLink(dependencies, caller, { request, query, last: fetched.at(-1) as StoredRow })
      : undefined
  const self = `${dependencies.fhirBase}/${request.path.join('/')}${request.query === '' || place ? '' : `?${request.query}`}`
  return { status: 200, body: historyBundle(dependencies, { page, self, next }) }
}

/** Whether the newest version, current or tombstone, opens: a page may be empty for another reason. */
async function everWas(store: RecordStore, { tenant, type, rid }: RowKey): Promise<boolean> {
  const newest = await historyRows(store.database, { tenant, types: [type], rid, limit: 1 })
  return (await openRows(store, newest))[0] !== undefined
}

function typesOf(caller: Caller, type: string | undefined): number[] {
  if (type === undefined) {
    for (const each of RESOURCE_TYPES) requireScope(caller, each, 'r')
    return RESOURCE_TYPES.map((each) => typeNumber(each) as number)
  }
  const number = requireType(type)
  requireScope(caller, type, 'r')
  return [number]
}

function countOf(text: string | null): number {
  if (text === null) return LIMITS.pageEntriesDefault
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1)
    raise({ category: 'invalid', code: 'fhir.count-malformed', message: '_count must be a whole number from 1.' })
  return Math.min(Number(text), LIMITS.pageEntriesMax)
}

/** End of the interval that a FHIR instant or date covers would differ by precision; history compares whole ms. */
function instant(text: string | null): number | undefined {
  if (text === null) return undefined
  const ms = Date.parse(text.replace(' ', '+'))
  if (Number.isNaN(ms))
    raise({
      category: 'invalid',
      code: 'fhir.instant-malformed',
      message: '_since and _at must be instants, e.g. 2026-01-31T09:00:00Z.',
    })
  return ms
}

function recordOf(store: RecordStore, caller: Caller, key: RowKey | undefined, page: readonly OpenedRow[]) {
  return auditRecord(store, caller, {
    action: 'history',
    type: key?.type ?? 0,
    rid: key?.rid ?? 0,
    patients: [...new Set(page.map(({ row }) => row.patient).filter((patient) => patient !== 0))],
    count: page.length,
  })
}

interface PageInput {
  request: FhirRequest
  query: URLSearchParams
  last: StoredRow
}

function nextLink(dependencies: HistoryDependencies, caller: Caller, { request, query, last }: PageInput): string {
  const place: HistoryPlace = { updated: last.updated, rid: last.rid, version: last.version }
  const following = new URLSearchParams(query)
  following.set(
    '_page',
    dependencies.store.vault.sealText('history-page', caller.tenant, JSON.stringify(place), caller.client),
  )
  return `${dependencies.fhirBase}/${request.path.join('/')}?${following.toString()}`
}

function placeOf(store: RecordStore, caller: Caller, page: string | null): HistoryPlace | undefined {
  if (page === null) return undefined
  const text = store.vault.openText('history-page', caller.tenant, page, caller.client)
  if (text === undefined)
    raise({
      category: 'invalid',
      code: 'fhir.page-invalid',
      message: 'This page link is not valid for this client. Start again from the first page.',
    })
  return JSON.parse(text) as HistoryPlace
}

interface OpenedRow {
  row: StoredRow
  body: Buffer
}

interface HistoryPage {
  page: readonly OpenedRow[]
  self: string
  next: string | undefined
}

function historyBundle({ store, fhirBase }: HistoryDependencies, { page, self, next }: HistoryPage): Buffer {
  const link = [{ relation: 'self', url: self }, ...(next === undefined ? [] : [{ relation: 'next', url: next }])]
  const entries = page.map(({ row, body }) => {
    const type = typeName(row.type) as string
    const id = idOf(body)
    const address = `${type}/${id}`
    // An id that is not ours was chosen by a client, and only an update can do that.
    const posted = row.version === 1 && store.vault.ridOf(row.tenant, row.type, id) !== undefined
    const method = row.deleted ? 'DELETE' : posted ? 'POST' : 'PUT'
    const head = JSON.stringify({ fullUrl: `${fhirBase}/${address}` }).slice(0, -1)
    const tail = JSON.stringify({
      request: { method, url: method === 'POST' ? type : address },
      response: {
        status: row.deleted ? '204' : row.version === 1 ? '201' : '200',
        etag: `W/"${row.version}"`,
        lastModified: new Date(row.updated).toISOString(),
      },
    }).slice(1)
    return row.deleted ? `${head},${tail}` : `${head},"resource":${body.toString()},${tail}`
  })
  return Buffer.from(
    // R4 knows no empty arrays.
    `{"resourceType":"Bundle","type":"history","link":${JSON.stringify(link)}${entries.length > 0 ? `,"entry":[${entries.join(',')}]` : ''}}`,
  )
}

const PARAMETERS = new Set(['_count', '_since', '_at', '_page', '_format', '_pretty'])
const UNKNOWN: Fault = {
  category: 'invalid',
  code: 'fhir.history.parameter-unknown',
  message: 'History takes _count, _since and _at. Send Prefer: handling=lenient to have others ignored.',
}
