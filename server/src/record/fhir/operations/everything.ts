import { compartmentParams, typeName } from '@salus/fhir-model'
import { type Fault, LIMITS, raise } from '#kernel'
import { searchBundle } from '../rest/search-bundle.ts'
import { parseSearch, runSearch, type SearchDeps } from '../search/index.ts'
import { PAGE_BYTES_MAX } from '../store/page-bytes.ts'
import type { RecordStore } from '../store/record-store.ts'
import { idOf } from '../store/resolve-targets.ts'
import type { StoredRow } from '../store/rows.ts'
import type { Caller } from '../store/write-request.ts'
import type { Operation, OperationAnswer, OperationCall } from './operation.ts'
import { textOf, valuesOf, wordsOf } from './parameter-values.ts'
import { type OpenedRow, openedRows, referencesIn, referredRows } from './referred-rows.ts'
import {
  askedTypes,
  type CompartmentQuery,
  compartmentTypes,
  type WalkPlace,
  walkCompartment,
} from './walk-compartment.ts'

interface EverythingParts {
  store: RecordStore
  search: SearchDeps
  fhirBase: string
}

/** Resources that one page draws in beside its own, e.g. practitioners. */
const REFERRED_MAX = 1_000
/** Patients looked at for one page: with `_since` most of them may have nothing to show. */
const PATIENTS_PER_PAGE_MAX = 100
/** Page links are sealed under a key of their own. */
const PURPOSE = 'everything-page'

/**
 * The whole record of a patient or of an encounter: what is in its compartment, and what that refers to. In pages of `_count`
 * (1,000 unless asked for less); a page ends early at 64 MB. Left out are types the caller may not read and search, and what
 * belongs to another patient even where it is connected with this one.
 * http://hl7.org/fhir/R4/patient-operation-everything.html, http://hl7.org/fhir/R4/encounter-operation-everything.html
 *
 * Faults: `fhir.operation.type-unknown`, `fhir.everything.count`, `.date`, `.page-unknown`, `.page-alone`, `fhir.forbidden`,
 * those of the search.
 */
export function everythingOperation(parts: EverythingParts): Operation {
  return {
    name: 'everything',
    definition: 'http://hl7.org/fhir/OperationDefinition/Patient-everything',
    levels: ['type', 'instance'],
    types: ['Patient', 'Encounter'],
    affectsState: false,
    asks: true,
    permission: 'r',
    parameters: {
      start: { kind: 'text' },
      end: { kind: 'text' },
      _since: { kind: 'text' },
      _type: { kind: 'text', many: true },
      _count: { kind: 'integer' },
      _page: { kind: 'text' },
    },
    byType: { Encounter: { definition: 'http://hl7.org/fhir/OperationDefinition/Encounter-everything' } },
    run: (call) => run(parts, call),
  }
}

/** Before the patient or encounter itself. */
const START: WalkPlace = { step: -1 }

/** What a page link carries. */
interface Page {
  type: string
  /** The patient or encounter that is walked; at type level the one reached. */
  root: number
  rootId?: string
  isAll: boolean
  query: Omit<CompartmentQuery, 'types'> & { asked: string[]; count: number }
  place: WalkPlace
}

async function run(parts: EverythingParts, call: OperationCall): Promise<OperationAnswer> {
  const { caller, instance } = call
  const type = call.type as string
  const page = pageOf(parts, call, type)
  if (!instance) {
    if (!caller.scopes.allows(type, 's')) raise(FORBIDDEN)
    if (type !== 'Patient') raise(UNKNOWN_LEVEL)
  }
  const asked = askedTypes(page.query.asked)
  for (const one of asked ?? []) requireAsked(caller, type, one)
  const query = {
    ...page.query,
    types: compartmentTypes(caller, type).filter((one) => asked === undefined || asked.has(one)),
  }
  const keep = (row: StoredRow): boolean =>
    (asked === undefined || asked.has(typeName(row.type) ?? '')) &&
    (query.since === undefined || row.updated >= Date.parse(query.since))
  const walked = instance
    ? await walkOne(parts, caller, { page, query, root: instance.row, id: String(instance.resource.id), keep })
    : await walkAll(parts, caller, { page, query, keep })
  const patients = new Set(walked.patients)
  const matches = await openedRows(parts.store, walked.rows)
  const referred = await referredRows(matches, {
    ...parts,
    caller,
    patients,
    max: REFERRED_MAX,
    bytesMax: PAGE_BYTES_MAX,
    keep,
    isThere: (one) => isThere(parts, page, patients, one),
  })
  return answerOf(parts, call, { page, matches, referred, next: walked.next })
}

/** What the walk itself comes by. With dates it passes over some, and what is referred to is drawn in wherever it comes up. */
function isThere(
  { fhirBase }: EverythingParts,
  page: Page,
  patients: ReadonlySet<number>,
  { row, body }: OpenedRow,
): boolean {
  const type = typeName(row.type) ?? ''
  if (row.rid === page.root) return true
  if (compartmentParams(page.type, type).length === 0 || page.query.start !== undefined || page.query.end !== undefined)
    return false
  if (page.type === 'Patient') return patients.has(row.patient)
  return (
    page.rootId !== undefined &&
    referencesIn(body, fhirBase).some(({ type, id }) => type === page.type && id === page.rootId)
  )
}

interface Walk {
  page: Page
  query: CompartmentQuery & { count: number }
  keep(row: StoredRow): boolean
}

interface Walked {
  rows: StoredRow[]
  /** Patients that the page is about. */
  patients: number[]
  next?: Pick<Page, 'root' | 'place'>
}

async function walkOne(
  { search }: EverythingParts,
  caller: Caller,
  { page, query, root, id, keep }: Walk & { root: StoredRow; id: string },
  limit = query.count,
): Promise<Walked> {
  const own = root.patient
  const isFirst = page.place.step < 0
  const head = isFirst && keep(root) ? [root] : []
  const { rows, next } = await walkCompartment(search, caller, {
    compartment: { type: page.type, id },
    query,
    place: isFirst ? { step: 0 } : page.place,
    limit: limit - head.length,
  })
  const ofOthers = (row: StoredRow): boolean => row.patient !== 0 && row.patient !== own
  return {
    rows: [...head, ...rows.filter((row) => !ofOthers(row))],
    patients: own === 0 ? [] : [own],
    ...(next ? { next: { root: root.rid, place: next } } : {}),
  }
}

/** The patients one after the other, in the order of their numbers. */
async function walkAll(parts: EverythingParts, caller: Caller, walk: Walk): Promise<Walked> {
  const { page, query } = walk
  const all: Walked = { rows: [], patients: [] }
  let place: WalkPlace = page.place
  const roots = await patientsFrom(parts, caller, page)
  for (const root of roots.slice(0, PATIENTS_PER_PAGE_MAX)) {
    const left = query.count - all.rows.length
    if (left <= 0) return { ...all, next: { root: root.row.rid, place } }
    const one = { ...walk, page: { ...page, place }, root: root.row, id: idOf(root.body) }
    const walked = await walkOne(parts, caller, one, left)
    all.rows.push(...walked.rows)
    all.patients.push(...walked.patients)
    if (walked.next) return { ...all, next: walked.next }
    place = START
  }
  const beyond = roots[PATIENTS_PER_PAGE_MAX]
  return beyond ? { ...all, next: { root: beyond.row.rid, place } } : all
}

/** The patient reached and those after it, one more than a page looks at. */
async function patientsFrom({ search, store }: EverythingParts, caller: Caller, page: Page): Promise<OpenedRow[]> {
  const parameters: [string, string][] = [
    ['_sort', '_id'],
    ['_count', String(PATIENTS_PER_PAGE_MAX + 1)],
  ]
  const parsed = parseSearch({ types: ['Patient'], parameters, clock: search.clock })
  if (!parsed.ok) return raise(parsed.fault)
  const place = { keys: [], rid: page.root - 1, backwards: false }
  const { matches } = await runSearch(search, caller, parsed.value, page.root > 0 ? { place } : {})
  return openedRows(store, matches)
}

function pageOf(parts: EverythingParts, { caller, parameters, instance }: OperationCall, type: string): Page {
  const token = textOf(parameters, '_page')
  if (token !== undefined) {
    if ((parameters.parameter as unknown[]).length > 1) raise(PAGE_ALONE)
    const text = parts.store.vault.openText(PURPOSE, caller.tenant, token, caller.client) ?? raise(PAGE_UNKNOWN)
    const page = JSON.parse(text) as Page
    if (page.type !== type || page.isAll === (instance !== undefined)) raise(PAGE_UNKNOWN)
    if (instance && page.root !== instance.row.rid) raise(PAGE_UNKNOWN)
    return page
  }
  const [count = LIMITS.pageEntriesMax] = valuesOf(parameters, '_count') as number[]
  if (count < 1) raise(COUNT)
  const dates = {
    since: dated(textOf(parameters, '_since')),
    start: dated(textOf(parameters, 'start')),
    end: dated(textOf(parameters, 'end')),
  }
  return {
    type,
    root: instance?.row.rid ?? 0,
    ...(instance ? { rootId: String(instance.resource.id) } : {}),
    isAll: instance === undefined,
    query: {
      asked: wordsOf(parameters, '_type'),
      count: Math.min(count, LIMITS.pageEntriesMax),
      ...(dates.since === undefined ? {} : { since: dates.since }),
      ...(dates.start === undefined ? {} : { start: dates.start }),
      ...(dates.end === undefined ? {} : { end: dates.end }),
    },
    place: START,
  }
}

/** A type that was named and may not be read is refused: an answer without it looks as if there was nothing. */
function requireAsked({ scopes }: OperationCall['caller'], compartment: string, type: string): void {
  const isSearched = type !== compartment && compartmentParams(compartment, type).length > 0
  if (!scopes.allows(type, 'r') || (isSearched && !scopes.allows(type, 's'))) raise(FORBIDDEN)
}

const DATE = /^\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?)?)?$/

function dated(text: string | undefined): string | undefined {
  // In a query an unescaped plus is a blank.
  const date = text?.replace(' ', '+')
  if (date !== undefined && (!DATE.test(date) || Number.isNaN(Date.parse(date)))) raise(BAD_DATE)
  return date
}

interface Found {
  page: Page
  matches: OpenedRow[]
  referred: { found: OpenedRow[]; isCut: boolean }
  next: Walked['next']
}

function answerOf(
  { store, fhirBase }: EverythingParts,
  { caller, instance }: OperationCall,
  { page, matches, referred, next }: Found,
): OperationAnswer {
  const where = instance ? `${page.type}/${String(instance.resource.id)}` : page.type
  const link = (relation: string, one: Page): { relation: string; url: string } => {
    const token = store.vault.sealText(PURPOSE, caller.tenant, JSON.stringify(one), caller.client)
    return { relation, url: `${fhirBase}/${where}/$everything?_page=${token}` }
  }
  const part = (rows: readonly OpenedRow[], mode: 'match' | 'include') => ({
    rows: rows.map(({ row }) => row),
    bodies: rows.map(({ body }) => body),
    mode,
  })
  const rows = [...matches, ...referred.found].map(({ row }) => row)
  const links = [link('self', page), ...(next ? [link('next', { ...page, ...next })] : [])]
  const warnings = referred.isCut ? [REFERRED_CUT] : []
  return {
    status: 200,
    body: searchBundle({ fhirBase, links, warnings }, [part(matches, 'match'), part(referred.found, 'include')]),
    patients: [...new Set(rows.map((row) => row.patient).filter((patient) => patient !== 0))],
    count: rows.length,
  }
}

const FORBIDDEN: Fault = {
  category: 'forbidden',
  code: 'fhir.forbidden',
  message: 'The access token does not allow this interaction. Ask for a scope that covers it.',
}
const UNKNOWN_LEVEL: Fault = {
  category: 'not-found',
  code: 'fhir.operation.unknown',
  message: 'There is no such operation at this address. See the CapabilityStatement at /metadata.',
}
const COUNT: Fault = {
  category: 'invalid',
  code: 'fhir.everything.count',
  message: `_count is a whole number from 1 to ${LIMITS.pageEntriesMax}.`,
}
const BAD_DATE: Fault = {
  category: 'invalid',
  code: 'fhir.everything.date',
  message: 'start and end are FHIR dates, _since an instant, e.g. 2026-01-31T09:00:00Z.',
}
const PAGE_UNKNOWN: Fault = {
  category: 'invalid',
  code: 'fhir.everything.page-unknown',
  message: 'This page link was not made here for this client and address. Start again from the first page.',
}
const PAGE_ALONE: Fault = {
  category: 'invalid',
  code: 'fhir.everything.page-alone',
  message: 'A page link carries the whole question. Follow it as it is.',
}
const REFERRED_CUT: Fault = {
  category: 'too-costly',
  code: 'fhir.everything.referred-cut',
  message: `More than ${REFERRED_MAX} resources are referred to from this page, or they are too large; the rest is left out. Ask for smaller pages with _count.`,
}
