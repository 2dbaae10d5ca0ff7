import { typeNumber } from '@salus/fhir-model'
import { type Fault, raise } from '#kernel'
import type { CustomTable } from '../parameters/custom-parameters.ts'
import {
  openPage,
  parseSearch,
  runSearch,
  type SearchAnswer,
  type SearchDeps,
  type SearchRequest,
} from '../search/index.ts'
import { openRows } from '../store/open-row.ts'
import { PAGE_OPENED_BYTES_MAX } from '../store/page-bytes.ts'
import type { RecordStore } from '../store/record-store.ts'
import type { Caller } from '../store/write-request.ts'
import { sealDetail } from './audit-detail.ts'
import { auditRecord } from './audit-record.ts'
import { narrowed, parseNarrowing } from './elements.ts'
import type { FhirRequest, FhirResponse, Handler } from './exchange.ts'
import { requireScope, requireType } from './require.ts'
import { searchBundle } from './search-bundle.ts'

interface SearchHandlerDependencies {
  store: RecordStore
  search: SearchDeps
  fhirBase: string
}

/** Search of a type, of a compartment or of several types (`_type`), by GET or POST: http://hl7.org/fhir/R4/http.html#search */
export function searchHandler(dependencies: SearchHandlerDependencies): Handler {
  return async (caller, request) => {
    const path = request.path.filter((segment) => segment !== '_search')
    const query = new URLSearchParams(request.query)
    const page = query.get('_page')
    // The link carries the whole search: anything added to it would be ignored in silence.
    if (page !== null && [...query.keys()].some((name) => name !== '_page' && !OUTPUT_ONLY.has(name))) raise(PAGE_ALONE)
    const lenient = request.prefer.handling === 'lenient'
    const custom = await dependencies.store.customParameters(caller.tenant)
    const opened = page === null ? undefined : unwrap(openPage(dependencies.search, caller, page, custom))
    const parsed = opened?.request ?? parse(dependencies, caller, { path, query, lenient, custom })
    const at = opened ? { place: opened.place, at: opened.at } : {}
    const answer = await runSearch(onBehalfOf(dependencies, caller.client), caller, parsed, at)
    return respond(dependencies, caller, { request, path, parsed, answer, query })
  }
}

/** One client's searches that are planned each time leave connections to the other clients. */
function onBehalfOf({ search, store }: SearchHandlerDependencies, client: string): SearchDeps {
  return { ...search, database: { query: (statement, values) => store.database.query(statement, values, client) } }
}

function parse(
  dependencies: SearchHandlerDependencies,
  caller: Caller,
  asked: { path: string[]; query: URLSearchParams; lenient: boolean; custom: CustomTable },
): SearchRequest {
  const [first, id, second] = asked.path
  const type = second ?? first
  if (first !== undefined) requireType(first)
  if (type !== undefined) {
    requireType(type)
    requireScope(caller, type, 's')
  }
  const parsed = unwrap(
    parseSearch({
      // Those of `_type` when the whole system is searched; the search itself looks at the scope of each.
      types: type === undefined ? [] : [type],
      parameters: [...asked.query],
      readElsewhere: OUTPUT_ONLY,
      lenient: asked.lenient,
      custom: asked.custom,
      base: dependencies.fhirBase,
      clock: dependencies.store.clock,
      ...(first === undefined || id === undefined || second === undefined ? {} : { compartment: { type: first, id } }),
    }),
  )
  return withoutAudit(parsed)
}

/** Read by the HTTP layer. */
const OUTPUT_ONLY = new Set(['_format', '_pretty'])

interface Found {
  request: FhirRequest
  path: string[]
  query: URLSearchParams
  parsed: SearchRequest
  answer: SearchAnswer
}

async function respond(dependencies: SearchHandlerDependencies, caller: Caller, found: Found): Promise<FhirResponse> {
  const { store } = dependencies
  const { answer, parsed, query } = found
  const narrowing = parsed.output.summary === 'count' ? undefined : parseNarrowing(narrowingOf(parsed, query))
  const rows = [...answer.matches, ...answer.included]
  const patients = [...new Set(rows.map((row) => row.patient).filter((patient) => patient !== 0))]
  const text = found.request.query
  const record = auditRecord(store, caller, {
    action: 'search',
    type: typeNumber(parsed.types[0] ?? '') ?? 0,
    patients,
    count: rows.length,
    ...(text === '' ? {} : { detail: sealDetail(store.vault, caller.tenant, text) }),
  })
  // Bodies are opened while the audit record's commit is under way; the answer leaves when both are done.
  const [opened] = await Promise.all([
    openRows(store, rows, { bytesMax: PAGE_OPENED_BYTES_MAX, ...(answer.keys ? { ahead: answer.keys } : {}) }),
    store.ledger.record(record),
  ])
  const bodies = narrowing ? opened.map((body) => body && narrowed(body, narrowing)) : opened
  const matches = answer.matches.length
  return {
    status: 200,
    body: searchBundle(
      {
        fhirBase: dependencies.fhirBase,
        links: linksOf(dependencies.fhirBase, found),
        ...(answer.total === undefined ? {} : { total: answer.total }),
        warnings: answer.warnings,
      },
      [
        { rows: answer.matches, bodies: bodies.slice(0, matches), mode: 'match' },
        { rows: answer.included, bodies: bodies.slice(matches), mode: 'include' },
      ],
    ),
  }
}

/** A page's link carries its wishes with the query; the first page has them in the address. */
function narrowingOf(parsed: SearchRequest, query: URLSearchParams): { get(name: string): string | null } {
  return {
    get: (name) =>
      name === '_elements'
        ? (parsed.output.elements?.join(',') ?? query.get(name))
        : name === '_summary'
          ? (parsed.output.summary ?? query.get(name))
          : query.get(name),
  }
}

function linksOf(fhirBase: string, { path, answer, request }: Found): { relation: string; url: string }[] {
  const address = path.length === 0 ? fhirBase : `${fhirBase}/${path.join('/')}`
  const self = new URLSearchParams(answer.self).toString()
  const paged = request.query.includes('_page=')
  return [
    {
      relation: 'self',
      url: self === '' || paged ? address + (paged ? `?${request.query}` : '') : `${address}?${self}`,
    },
    ...(answer.next === undefined ? [] : [{ relation: 'next', url: `${address}?_page=${answer.next}` }]),
    ...(answer.previous === undefined ? [] : [{ relation: 'previous', url: `${address}?_page=${answer.previous}` }]),
  ]
}

/** AuditEvent is a view of the audit log, not of the record: it is searched at its own address. */
function withoutAudit(request: SearchRequest): SearchRequest {
  return request.types.includes('AuditEvent') ? raise(AUDIT_APART) : request
}

const AUDIT_APART: Fault = {
  category: 'invalid',
  code: 'fhir.search.audit-apart',
  message: 'AuditEvent is not searched together with other types. Search it at its own address.',
}

const PAGE_ALONE: Fault = {
  category: 'invalid',
  code: 'fhir.search.page-with-parameters',
  message: 'A page link carries the whole search. Follow it as it is, or start another search.',
}

function unwrap<T>(result: { ok: true; value: T } | { ok: false; fault: Fault }): T {
  return result.ok ? result.value : raise(result.fault)
}
