import { typeName, typeNumber } from '@salus/fhir-model'
import {
  AUDIT_ACTIONS,
  type AuditRecord,
  type FoundRecord,
  findRecord,
  findRecords,
  parseAuditEventId,
  type RecordCursor,
  type RecordQuery,
  toAuditEvent,
} from '#audit'
import { type Fault, LIMITS, raise } from '#kernel'
import type { RecordStore } from '../store/record-store.ts'
import { ResolvedIds } from '../store/resolve-ids.ts'
import { NOT_FOUND } from '../store/resolve-targets.ts'
import type { Caller } from '../store/write-request.ts'
import { openDetail } from './audit-detail.ts'
import { auditRecord } from './audit-record.ts'
import { type FhirRequest, type FhirResponse, type Handler, jsonResponse } from './exchange.ts'
import { requireScope } from './require.ts'
import { AUDIT_EVENT_READ_ONLY } from './write.ts'

/** What `search` takes, as the CapabilityStatement tells it. */
export const AUDIT_EVENT_PARAMETERS = [
  { name: 'patient', type: 'reference' },
  { name: 'agent', type: 'string', documentation: 'Name of who did it, in full.' },
  { name: 'agent-name', type: 'string', documentation: 'As agent.' },
  { name: 'date', type: 'date', documentation: 'A day or an instant, with eq, ge, gt, le, lt, sa or eb.' },
  { name: 'subtype', type: 'token', documentation: 'The code alone decides.' },
] as const

interface AuditEventDependencies {
  store: RecordStore
  fhirBase: string
}

/** The audit log as AuditEvent resources: read and search only, and itself audited. http://hl7.org/fhir/R4/auditevent.html */
export function auditEventHandler(dependencies: AuditEventDependencies): Handler {
  return async (caller, request) => {
    const path = request.path.filter((segment) => segment !== '_search')
    const isSearch =
      request.method === 'GET' ? path.length === 1 : request.method === 'POST' && request.path[1] === '_search'
    if (isSearch) return search(dependencies, caller, request)
    if (request.method === 'GET' && path.length === 2) return read(dependencies, caller, path[1] as string)
    return raise(AUDIT_EVENT_READ_ONLY)
  }
}

async function read({ store }: AuditEventDependencies, caller: Caller, id: string): Promise<FhirResponse> {
  requireScope(caller, 'AuditEvent', 'r')
  const place = parseAuditEventId(id)
  const found = place && (await findRecord(store.database, { tenant: caller.tenant, ...place }))
  const type = typeNumber('AuditEvent') as number
  await store.ledger.record(
    auditRecord(store, caller, { action: 'read', type, outcome: found ? 'success' : 'failed', count: found ? 1 : 0 }),
  )
  return found ? jsonResponse(200, eventOf(store, caller, found)) : raise(NOT_FOUND)
}

async function search(
  dependencies: AuditEventDependencies,
  caller: Caller,
  request: FhirRequest,
): Promise<FhirResponse> {
  requireScope(caller, 'AuditEvent', 's')
  const { store, fhirBase } = dependencies
  const query = new URLSearchParams(request.query)
  const wanted = await recordQuery(store, caller, query)
  const { records, next } = await findRecords(store.database, wanted)
  const type = typeNumber('AuditEvent') as number
  // Who looks through a patient's accesses looks into that patient's record.
  const patients = wanted.patient === undefined || wanted.patient < 0 ? [] : [wanted.patient]
  await store.ledger.record(auditRecord(store, caller, { action: 'search', type, patients, count: records.length }))
  const nextQuery = new URLSearchParams(query)
  if (next)
    nextQuery.set('_page', store.vault.sealText('audit-page', caller.tenant, JSON.stringify(next), caller.client))
  const link = [
    { relation: 'self', url: `${fhirBase}/AuditEvent?${query.toString()}` },
    ...(next ? [{ relation: 'next', url: `${fhirBase}/AuditEvent?${nextQuery.toString()}` }] : []),
  ]
  const entry = records.map((found) => {
    const resource = eventOf(store, caller, found)
    return { fullUrl: `${fhirBase}/AuditEvent/${(resource as { id: string }).id}`, resource, search: { mode: 'match' } }
  })
  return jsonResponse(200, { resourceType: 'Bundle', type: 'searchset', link, ...(entry.length > 0 ? { entry } : {}) })
}

async function recordQuery(store: RecordStore, caller: Caller, query: URLSearchParams): Promise<RecordQuery> {
  const wanted: RecordQuery = { tenant: caller.tenant, limit: LIMITS.pageEntriesDefault }
  for (const [name, value] of query) {
    switch (name) {
      case 'patient':
        wanted.patient = await patientNumber(store, caller, value)
        break
      case 'agent-name':
      case 'agent':
        // PostgreSQL knows no NUL in text, so nobody has such a name.
        wanted.actor = value.includes('\0') ? raise(UNKNOWN_PARAMETER) : value
        break
      case 'subtype':
        wanted.action = AUDIT_ACTIONS.find((action) => action === value.split('|').at(-1)) ?? raise(UNKNOWN_PARAMETER)
        break
      case 'date':
        addDate(wanted, value)
        break
      case '_count':
        wanted.limit =
          /^\d{1,6}$/.test(value) && Number(value) > 0
            ? Math.min(Number(value), LIMITS.pageEntriesMax)
            : raise(UNKNOWN_PARAMETER)
        break
      case '_page':
        wanted.before = JSON.parse(
          store.vault.openText('audit-page', caller.tenant, value, caller.client) ?? raise(BAD_PAGE),
        ) as RecordCursor
        break
      case '_format':
      case '_pretty':
        break
      default:
        raise(UNKNOWN_PARAMETER)
    }
  }
  return wanted
}

async function patientNumber(store: RecordStore, caller: Caller, value: string): Promise<number> {
  const id = value.replace(/^Patient\//, '')
  const ids = new ResolvedIds(store, caller.tenant)
  await ids.resolve([{ type: 'Patient', id }], { create: false })
  // Nobody: an unknown patient has no records.
  return ids.rid('Patient', id) ?? -1
}

function addDate(wanted: RecordQuery, value: string): void {
  const match = /^(ge|gt|le|lt|sa|eb)?(\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2}))?)$/.exec(value)
  const at = Date.parse(match?.[2] ?? '')
  if (!match || Number.isNaN(at)) raise(BAD_DATE)
  const day = match[2]?.includes('T') ? 0 : 86_399_999
  const prefix = match[1] ?? 'eq'
  if (prefix === 'ge' || prefix === 'eq') wanted.from = at
  if (prefix === 'gt' || prefix === 'sa') wanted.from = at + day + 1
  if (prefix === 'le' || prefix === 'eq') wanted.to = at + day
  if (prefix === 'lt' || prefix === 'eb') wanted.to = at - 1
}

function eventOf(store: RecordStore, caller: Caller, found: FoundRecord): object {
  const { record } = found
  return toAuditEvent(
    found,
    {
      resource: (type, rid) =>
        rid === 0 ? undefined : `${typeName(type)}/${store.vault.publicId(caller.tenant, type, rid)}`,
      patient: (rid) => `Patient/${store.vault.publicId(caller.tenant, typeNumber('Patient') as number, rid)}`,
    },
    detailOf(store, caller, record),
  )
}

function detailOf(store: RecordStore, caller: Caller, record: AuditRecord): string | undefined {
  return record.detail && openDetail(store.vault, caller.tenant, record.detail)
}

const UNKNOWN_PARAMETER: Fault = {
  category: 'invalid',
  code: 'fhir.audit-event.parameter-unknown',
  message: 'AuditEvent is searched by patient, agent, date (eq, ge, gt, le, lt, sa, eb), subtype and _count.',
}
const BAD_DATE: Fault = {
  category: 'invalid',
  code: 'fhir.audit-event.date-malformed',
  message: 'date takes a day or an instant with an optional prefix, e.g. ge2026-01-31.',
}
const BAD_PAGE: Fault = {
  category: 'invalid',
  code: 'fhir.page-invalid',
  message: 'This page link is not valid for this client. Start again from the first page.',
}
