import { typeName } from '@salus/fhir-model'
import { type Fault, FaultError, raise } from '#kernel'
import { parseExactly } from '../rest/json-body.ts'
import { newestPerCode, parseSearch, runSearch, type SearchDeps } from '../search/index.ts'
import { PAGE_BYTES_MAX } from '../store/page-bytes.ts'
import type { RecordStore } from '../store/record-store.ts'
import { idOf } from '../store/resolve-targets.ts'
import type { Caller, Resource } from '../store/write-request.ts'
import { disclosedBy } from './document.ts'
import { type DocumentEntry, documentBundle, madeEntry, storedEntries } from './document-bundle.ts'
import { newestPerText } from './lastn.ts'
import type { Operation, OperationAnswer, OperationCall } from './operation.ts'
import { currentRowsOf, localOf, type OpenedRow, openedRows, referredRows } from './referred-rows.ts'
import { sectionNarrative } from './summary-narrative.ts'
import { SUMMARY_SECTIONS, type SummarySection, type SummarySource } from './summary-sections.ts'

interface SummaryParts {
  store: RecordStore
  search: SearchDeps
  fhirBase: string
  version: string
}

/** Of problems, allergies and medications all are told; beyond this the record is none that a summary can be made of. */
const COMPLETE_MAX = 500
/** Of the other sections the newest. */
const NEWEST_MAX = 50
/** Practitioners, medications and the like drawn in. */
const REFERRED_MAX = 500

/**
 * The International Patient Summary of a patient, a document made anew from what is stored now:
 * http://hl7.org/fhir/uv/ips/OperationDefinition-summary.html. A section that the guide demands and of which nothing is stored holds
 * a resource that says so (`no-allergy-info`: not that there is no allergy, but that nothing is known). A section the caller may not
 * read is marked as withheld.
 *
 * Faults: `fhir.summary.too-much`, `fhir.forbidden`, those of the search.
 */
export function summaryOperation(parts: SummaryParts): Operation {
  return {
    name: 'summary',
    definition: 'http://hl7.org/fhir/uv/ips/OperationDefinition/summary',
    levels: ['instance'],
    types: ['Patient'],
    affectsState: false,
    asks: true,
    permission: 'r',
    parameters: {},
    run: (call) => run(parts, call),
  }
}

async function run(parts: SummaryParts, call: OperationCall): Promise<OperationAnswer> {
  const { store, fhirBase } = parts
  const { caller, instance } = call
  const [patient] = await openedRows(store, [(instance as NonNullable<OperationCall['instance']>).row])
  if (!patient) return raise(NOT_FOUND)
  const subject = { reference: `${fhirBase}/Patient/${idOf(patient.body)}` }
  const rows = new Map<number, OpenedRow>([[patient.row.rid, patient]])
  const made: DocumentEntry[] = []
  const sections: object[] = []
  for (const section of SUMMARY_SECTIONS) {
    const found = await sectionRows(parts, caller, section, idOf(patient.body))
    for (const one of found.rows) rows.set(one.row.rid, one)
    const written = sectionOf(section, found, subject, fhirBase)
    sections.push(...written.sections)
    made.push(...written.made)
  }
  const custodian = await custodianOf(parts, caller, patient)
  if (custodian) rows.set(custodian.row.rid, custodian)
  const { found } = await referredRows([...rows.values()], {
    store,
    caller,
    fhirBase,
    patients: new Set([patient.row.patient]),
    max: REFERRED_MAX,
    bytesMax: PAGE_BYTES_MAX,
    isThere: ({ row }) => !DRAWN_IN.has(typeName(row.type) ?? ''),
  })
  const author = madeEntry({
    resourceType: 'Device',
    deviceName: [{ name: 'Salus', type: 'model-name' }],
    version: [{ value: parts.version }],
  } as Resource)
  const composition = madeEntry({
    resourceType: 'Composition',
    status: 'final',
    type: { coding: [{ system: LOINC, code: '60591-5', display: 'Patient summary Document' }] },
    subject,
    date: new Date(store.clock.now()).toISOString(),
    author: [{ reference: author.fullUrl }],
    title: 'International Patient Summary',
    ...(custodian ? { custodian: { reference: `${fhirBase}/Organization/${idOf(custodian.body)}` } } : {}),
    section: sections,
  } as Resource)
  const all = [...rows.values(), ...found]
  const entries = [composition, ...storedEntries(all, fhirBase), author, ...made]
  return { status: 200, body: documentBundle(store.clock, entries), ...disclosedBy(all) }
}

const LOINC = 'http://loinc.org'

/** What the resources of the sections refer to and a reader needs; not the encounters they came from. */
const DRAWN_IN = new Set(
  'Practitioner PractitionerRole Organization Location Medication Substance Device Specimen Observation ImagingStudy'.split(
    ' ',
  ),
)

interface SectionRows {
  rows: OpenedRow[]
  /** Types the caller may not read and search. */
  withheld: string[]
  /** There are more than the newest. */
  isCut: boolean
}

async function sectionRows(
  parts: SummaryParts,
  caller: Caller,
  section: SummarySection,
  patient: string,
): Promise<SectionRows> {
  const found: SectionRows = { rows: [], withheld: [], isCut: false }
  for (const source of section.sources) {
    if (!caller.scopes.allows(source.type, 'r') || !caller.scopes.allows(source.type, 's'))
      found.withheld.push(source.type)
    else {
      const { rows, isCut } = await sourceRows(parts, caller, { source, section, patient })
      if (isCut && section.isComplete) raise(TOO_MUCH)
      found.rows.push(...rows)
      found.isCut ||= isCut
    }
  }
  return found
}

async function sourceRows(
  { store, search, fhirBase }: SummaryParts,
  caller: Caller,
  { source, section, patient }: { source: SummarySource; section: SummarySection; patient: string },
): Promise<{ rows: OpenedRow[]; isCut: boolean }> {
  const max = section.isComplete ? COMPLETE_MAX : NEWEST_MAX
  const parsed = parseSearch({
    types: [source.type],
    parameters: [['patient', patient], ['_count', String(max)], ...source.parameters],
    clock: search.clock,
    base: fhirBase,
  })
  if (!parsed.ok) throw new FaultError(parsed.fault)
  if (!source.newestPerCode) {
    const answer = await runSearch(search, caller, parsed.value)
    const rows = (await openedRows(store, answer.matches)).filter(isRight)
    return { rows, isCut: answer.next !== undefined }
  }
  const groups = await newestPerCode(search, caller, parsed.value, 1)
  const opened: OpenedRow[] = []
  for (const { rows, coded } of groups) {
    const bodies = await openedRows(store, rows)
    opened.push(...(coded ? bodies : newestPerText(bodies, 1)))
  }
  return { rows: opened.slice(0, max), isCut: opened.length > max }
}

/** Of some types the status cannot be searched. */
function isRight({ body }: OpenedRow): boolean {
  const { status } = JSON.parse(body.toString()) as { status?: unknown }
  return status !== 'entered-in-error'
}

/** A section as it is written, none where the guide asks for none; `made`: the resource that says that nothing is known. */
function sectionOf(
  section: SummarySection,
  { rows, withheld, isCut }: SectionRows,
  subject: object,
  fhirBase: string,
): { sections: object[]; made: DocumentEntry[] } {
  const { title, code, display, required } = section
  const head = { title, code: { coding: [{ system: LOINC, code, display }] } }
  const note = withheld.length > 0 ? WITHHELD : isCut ? `The newest ${NEWEST_MAX} of more.` : undefined
  const resources = rows.map(({ body }) => parseExactly(body) as Resource)
  if (rows.length > 0) {
    const entry = storedEntries(rows, fhirBase).map(({ fullUrl }) => ({ reference: fullUrl }))
    return { sections: [{ ...head, text: sectionNarrative(title, resources, note), entry }], made: [] }
  }
  if (withheld.length > 0) {
    const coding = [
      {
        system: 'http://terminology.hl7.org/CodeSystem/list-empty-reason',
        code: 'withheld',
        display: 'Information Withheld',
      },
    ]
    return { sections: [{ ...head, text: sectionNarrative(title, [], WITHHELD), emptyReason: { coding } }], made: [] }
  }
  if (!required) return { sections: [], made: [] }
  const concept = { coding: [{ system: ABSENT, code: required.absent, display: required.display }] }
  const none = madeEntry(required.made(concept, subject))
  const text = sectionNarrative(title, [], `${required.display}.`)
  return { sections: [{ ...head, text, entry: [{ reference: none.fullUrl }] }], made: [none] }
}

const ABSENT = 'http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips'
const WITHHELD = 'Information is withheld: the reader may not see all that belongs here.'

/** The organization that keeps the patient's record. */
async function custodianOf(
  { store, fhirBase }: SummaryParts,
  caller: Caller,
  patient: OpenedRow,
): Promise<OpenedRow | undefined> {
  const { managingOrganization } = JSON.parse(patient.body.toString()) as {
    managingOrganization?: { reference?: unknown }
  }
  const literal = managingOrganization?.reference
  const local = typeof literal === 'string' ? localOf(literal, fhirBase) : undefined
  if (local?.type !== 'Organization' || !caller.scopes.allows('Organization', 'r')) return undefined
  const rows = await currentRowsOf(store, caller.tenant, [local])
  return (await openedRows(store, rows))[0]
}

const NOT_FOUND: Fault = {
  category: 'not-found',
  code: 'fhir.store.not-found',
  message: 'There is no such resource.',
}
const TOO_MUCH: Fault = {
  category: 'too-costly',
  code: 'fhir.summary.too-much',
  message: `The patient has more than ${COMPLETE_MAX} current problems, allergies or medications. A summary that leaves some out would mislead: use $everything, and end what is over.`,
}
