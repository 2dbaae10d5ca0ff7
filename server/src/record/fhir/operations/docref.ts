import { type Fault, FaultError, LIMITS, raise } from '#kernel'
import { requireScope } from '../rest/require.ts'
import { searchBundle } from '../rest/search-bundle.ts'
import { parseSearch, runSearch, type SearchDeps } from '../search/index.ts'
import type { RecordStore } from '../store/record-store.ts'
import { disclosedBy } from './document.ts'
import type { Operation, OperationAnswer, OperationCall } from './operation.ts'
import { flagOf, textOf } from './parameter-values.ts'
import { openedRows } from './referred-rows.ts'

interface DocrefParts {
  store: RecordStore
  search: SearchDeps
  fhirBase: string
}

/** Summarization of episode note, which a C-CDA Continuity of Care Document is. */
const CCD = 'http://loinc.org|34133-9'

/**
 * The documents of a patient: http://hl7.org/fhir/us/core/OperationDefinition-docref.html. `start` and `end` are about the time of
 * the care they document (`context.period`), `type` is a token or, in a body, a Coding or CodeableConcept. Without any of these the
 * newest Continuity of Care Document is answered. Documents are not made on demand here; `Patient/[id]/$summary` makes one.
 *
 * Faults: `fhir.docref.patient-needed`, `.on-demand`, `.type`, `.too-many`, `fhir.forbidden`, those of the search.
 */
export function docrefOperation(parts: DocrefParts): Operation {
  return {
    name: 'docref',
    definition: 'http://hl7.org/fhir/us/core/OperationDefinition/docref',
    levels: ['type'],
    types: ['DocumentReference'],
    affectsState: false,
    asks: true,
    permission: 's',
    parameters: {
      patient: { kind: 'text' },
      start: { kind: 'text' },
      end: { kind: 'text' },
      type: { kind: 'any' },
      'on-demand': { kind: 'boolean' },
      profile: { kind: 'text', many: true },
    },
    run: (call) => run(parts, call),
  }
}

async function run({ store, search, fhirBase }: DocrefParts, call: OperationCall): Promise<OperationAnswer> {
  const { caller } = call
  requireScope(caller, 'DocumentReference', 'r')
  const { filters, newestOnly } = askedOf(call)
  const count = newestOnly ? 1 : LIMITS.pageEntriesMax
  const parsed = parseSearch({
    types: ['DocumentReference'],
    parameters: [...filters, ['_sort', '-date'], ['_count', String(count)]],
    clock: search.clock,
    base: fhirBase,
  })
  if (!parsed.ok) throw new FaultError(parsed.fault)
  const answer = await runSearch(search, caller, parsed.value)
  if (answer.next !== undefined && !newestOnly) raise(TOO_MANY)
  const found = await openedRows(store, answer.matches)
  const links = [
    { relation: 'self', url: `${fhirBase}/DocumentReference/$docref?${new URLSearchParams(filters).toString()}` },
  ]
  const part = { rows: found.map(({ row }) => row), bodies: found.map(({ body }) => body), mode: 'match' as const }
  return {
    status: 200,
    body: searchBundle({ fhirBase, links, total: found.length, warnings: [] }, [part]),
    ...disclosedBy(found),
  }
}

function askedOf({ parameters }: OperationCall): { filters: [string, string][]; newestOnly: boolean } {
  if (flagOf(parameters, 'on-demand') === true) raise(ON_DEMAND)
  const patient = (textOf(parameters, 'patient') ?? '').replace(/^Patient\//, '')
  if (!/^[A-Za-z0-9\-.]{1,64}$/.test(patient)) raise(PATIENT_NEEDED)
  const [start, end, type] = [textOf(parameters, 'start'), textOf(parameters, 'end'), typeIn(parameters)]
  const newestOnly = start === undefined && end === undefined && type === undefined
  const filters: [string, string][] = [
    ['patient', patient],
    ['status', 'current'],
  ]
  if (start !== undefined) filters.push(['period', `ge${start}`])
  if (end !== undefined) filters.push(['period', `le${end}`])
  if (type !== undefined || newestOnly) filters.push(['type', type ?? CCD])
  return { filters, newestOnly }
}

/** A token in the address, or what its codings say. */
function typeIn({ parameter }: OperationCall['parameters']): string | undefined {
  const given = (parameter as Record<string, unknown>[]).find(({ name }) => name === 'type')
  if (!given) return undefined
  const { valueCoding, valueCodeableConcept, valueString, valueCode } = given
  const text = valueString ?? valueCode
  if (typeof text === 'string' && text !== '') return text
  const codings =
    valueCoding === undefined ? (valueCodeableConcept as { coding?: unknown } | undefined)?.coding : [valueCoding]
  const tokens = (Array.isArray(codings) ? (codings as ({ system?: unknown; code?: unknown } | null)[]) : []).flatMap(
    (one) =>
      typeof one?.code === 'string'
        ? `${typeof one.system === 'string' ? `${escaped(one.system)}|` : ''}${escaped(one.code)}`
        : [],
  )
  return tokens.length > 0 ? tokens.join(',') : raise(BAD_TYPE)
}

/** In a search a comma separates values and a bar system from code. */
function escaped(text: string): string {
  return text.replace(/[\\,|$]/g, '\\$&')
}

const PATIENT_NEEDED: Fault = {
  category: 'invalid',
  code: 'fhir.docref.patient-needed',
  message: '$docref is about one patient: give the id as patient.',
}
const ON_DEMAND: Fault = {
  category: 'unsupported',
  code: 'fhir.docref.on-demand',
  message: 'Documents are not made on demand here. Leave on-demand out, or ask for Patient/[id]/$summary.',
}
const BAD_TYPE: Fault = {
  category: 'invalid',
  code: 'fhir.docref.type',
  message: 'type is a token like http://loinc.org|34133-9, a Coding or a CodeableConcept with a code.',
}
const TOO_MANY: Fault = {
  category: 'too-costly',
  code: 'fhir.docref.too-many',
  message: `The patient has more than ${LIMITS.pageEntriesMax} such documents. Give start, end or type, or use the search.`,
}
