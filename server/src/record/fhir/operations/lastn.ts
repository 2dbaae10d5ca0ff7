import { searchParameters } from '@salus/fhir-model'
import { type Fault, FaultError, raise } from '#kernel'
import { searchBundle } from '../rest/search-bundle.ts'
import { newestPerCode, parseSearch, type SearchDeps } from '../search/index.ts'
import type { RecordStore } from '../store/record-store.ts'
import type { Operation, OperationAnswer, OperationCall, ParameterSpec } from './operation.ts'
import { valuesOf } from './parameter-values.ts'
import { type OpenedRow, openedRows } from './referred-rows.ts'

interface LastnParts {
  store: RecordStore
  search: SearchDeps
  fhirBase: string
}

/** Observations of each code: a trend, not a history. */
const MAX_MAX = 100

/** What the search understands of Observation, without modifiers. */
const FILTERS = [...searchParameters('Observation').values()].filter(({ index }) => index >= 0).map(({ code }) => code)

/**
 * The last observations of each code: http://hl7.org/fhir/R4/observation-operation-lastn.html. Takes `max` (1 unless given), one
 * `patient` or `subject`, a `category` or `code`, and any other search parameter of Observation. Codes that one observation carries
 * side by side are one group; without a coding the text tells groups apart. Newest first. What was entered in error is left
 * out unless `status` is given.
 *
 * Faults: `fhir.lastn.max`, `.subject-needed`, `.code-needed`, `fhir.search.newest-unsupported`, `.newest-too-many`, those of the search.
 */
export function lastnOperation(parts: LastnParts): Operation {
  const many: ParameterSpec = { kind: 'text', many: true }
  return {
    name: 'lastn',
    definition: 'http://hl7.org/fhir/OperationDefinition/Observation-lastn',
    levels: ['type'],
    types: ['Observation'],
    affectsState: false,
    asks: true,
    permission: 's',
    parameters: { max: { kind: 'integer' }, ...Object.fromEntries(FILTERS.map((code) => [code, many])) },
    run: (call) => run(parts, call),
  }
}

async function run({ store, search, fhirBase }: LastnParts, call: OperationCall): Promise<OperationAnswer> {
  const { caller } = call
  if (!caller.scopes.allows('Observation', 'r')) raise(FORBIDDEN)
  const { max, filters } = askedOf(call)
  const parsed = parseSearch({
    types: ['Observation'],
    parameters: filters,
    clock: search.clock,
    base: fhirBase,
  })
  if (!parsed.ok) throw new FaultError(parsed.fault)
  const groups = await newestPerCode(search, caller, parsed.value, max)
  const opened: OpenedRow[] = []
  for (const { rows, coded } of groups) {
    const bodies = await openedRows(store, rows)
    opened.push(...(coded ? bodies : newestPerText(bodies, max)))
  }
  const rows = opened.map(({ row }) => row)
  const part = { rows, bodies: opened.map(({ body }) => body), mode: 'match' as const }
  const self = `${fhirBase}/Observation/$lastn?${new URLSearchParams([['max', String(max)], ...filters]).toString()}`
  return {
    status: 200,
    body: searchBundle({ fhirBase, links: [{ relation: 'self', url: self }], total: rows.length, warnings: [] }, [
      part,
    ]),
    patients: [...new Set(rows.map(({ patient }) => patient).filter((patient) => patient !== 0))],
    count: rows.length,
  }
}

function askedOf({ parameters }: OperationCall): { max: number; filters: [string, string][] } {
  const [max = 1] = valuesOf(parameters, 'max') as number[]
  if (max < 1 || max > MAX_MAX) raise(BAD_MAX)
  const filters = FILTERS.flatMap((code) =>
    valuesOf(parameters, code).map((value): [string, string] => [code, value as string]),
  )
  const subjects = filters.filter(([code]) => code === 'patient' || code === 'subject')
  if (subjects.length !== 1 || subjects[0]?.[1].includes(',')) raise(SUBJECT_NEEDED)
  if (!filters.some(([code]) => code === 'category' || code === 'code')) raise(CODE_NEEDED)
  if (!filters.some(([code]) => code === 'status')) return { max, filters: [...filters, NOT_IN_ERROR] }
  return { max, filters }
}

const NOT_IN_ERROR: [string, string] = ['status:not', 'entered-in-error']

/** Of observations without a coding, newest first, up to `max` of each: what is observed is named by the text. */
export function newestPerText(bodies: readonly OpenedRow[], max: number): OpenedRow[] {
  const groups = new Map<string, OpenedRow[]>()
  for (const one of bodies) {
    const { code } = JSON.parse(one.body.toString()) as { code?: { text?: string } }
    const text = (code?.text ?? '').trim().toLowerCase()
    const group = groups.get(text) ?? []
    groups.set(text, group)
    if (group.length < max) group.push(one)
  }
  return [...groups.values()].flat()
}

const FORBIDDEN: Fault = {
  category: 'forbidden',
  code: 'fhir.forbidden',
  message: 'The access token does not allow this interaction. Ask for a scope that covers it.',
}
const BAD_MAX: Fault = {
  category: 'invalid',
  code: 'fhir.lastn.max',
  message: `max is a whole number from 1 to ${MAX_MAX}.`,
}
const SUBJECT_NEEDED: Fault = {
  category: 'invalid',
  code: 'fhir.lastn.subject-needed',
  message: '$lastn is about one subject: name it by patient or subject, once.',
}
const CODE_NEEDED: Fault = {
  category: 'invalid',
  code: 'fhir.lastn.code-needed',
  message: '$lastn needs a category or a code, e.g. category=vital-signs.',
}
