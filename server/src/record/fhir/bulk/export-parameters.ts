import { isResourceType } from '@salus/fhir-model'
import { type Fault, LIMITS, raise } from '#kernel'
import type { FhirRequest } from '../rest/exchange.ts'
import { badParameter } from './bulk-faults.ts'
import { BULK_LIMITS } from './bulk-limits.ts'

/** What an export was asked for, read but not yet held against scopes and the record. */
export interface ExportWish {
  types?: string[]
  /** Ms since 1970: only what was changed after it. */
  since?: number
  /** Ms since 1970: only what was last changed before it. */
  before?: number
  elements: { type?: string; name: string }[]
  typeFilters: { type: string; query: string }[]
  /** Ids of Patient resources. */
  patients?: string[]
  /** What was ignored because the client asked for lenient handling. */
  warnings: Fault[]
}

type Reader = (wish: ExportWish, values: string[]) => void

const READERS: Record<string, Reader> = {
  _outputFormat: (_wish, values) => {
    // A + that was not escaped arrives as a space.
    if (values.some((value) => !NDJSON.has(value.replace(' ', '+').toLowerCase())))
      raise({
        category: 'invalid',
        code: 'fhir.bulk.format-unknown',
        message: 'Files are written as newline delimited JSON only: _outputFormat=application/fhir+ndjson.',
      })
  },
  _since: (wish, values) => {
    wish.since = instant('_since', values)
  },
  _until: (wish, values) => {
    wish.before = instant('_until', values)
  },
  _type: (wish, values) => {
    const types = listed(values)
    if (types.length === 0 || !types.every((type) => isResourceType(type)))
      raise(badParameter('_type', 'names of resource types, e.g. Patient,Observation'))
    wish.types = [...new Set(types)]
  },
  _elements: (wish, values) => {
    wish.elements = listed(values).map(element)
    if (wish.elements.length > BULK_LIMITS.elementsMax)
      raise(badParameter('_elements', `at most ${BULK_LIMITS.elementsMax} elements`))
  },
  _typeFilter: (wish, values) => {
    // Queries have commas of their own: a further one begins with its type.
    wish.typeFilters = values.flatMap((value) => value.split(/,(?=[A-Z][A-Za-z]+\?)/)).map(typeFilter)
    if (wish.typeFilters.length > BULK_LIMITS.typeFiltersMax)
      raise(badParameter('_typeFilter', `at most ${BULK_LIMITS.typeFiltersMax} queries`))
  },
  patient: (wish, values) => {
    wish.patients = [...new Set(listed(values).map(patientId))]
    if (wish.patients.length > LIMITS.pageEntriesMax)
      raise(badParameter('patient', `at most ${LIMITS.pageEntriesMax} references`))
  },
}

const NDJSON = new Set(['application/fhir+ndjson', 'application/ndjson', 'ndjson'])
/** Of the specification or its next version, and not supported. */
const UNSUPPORTED = new Set(['includeAssociatedData', 'organizeOutputBy', 'allowPartialManifests'])
/** Read by the HTTP layer. */
const OUTPUT_ONLY = new Set(['_format', '_pretty'])

/**
 * The parameters of a kick-off, from the address or a Parameters resource; one that is repeated counts as one list.
 * Faults `fhir.bulk.parameter-unknown` and `parameter-unsupported` (kept as warnings when the client is lenient),
 * `parameter-invalid`, `format-unknown`. https://hl7.org/fhir/uv/bulkdata/STU2/export.html#query-parameters
 */
export function readExportParameters(request: FhirRequest): ExportWish {
  const wish: ExportWish = { elements: [], typeFilters: [], warnings: [] }
  const given = new Map<string, string[]>()
  for (const [name, value] of [...new URLSearchParams(request.query), ...bodyParameters(request)])
    given.set(name, [...(given.get(name) ?? []), value])
  for (const [name, values] of given) {
    if (OUTPUT_ONLY.has(name)) continue
    const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined
    const fault = reader ? undefined : UNSUPPORTED.has(name) ? unsupported(name) : UNKNOWN
    if (fault && request.prefer.handling !== 'lenient') raise(fault)
    if (fault) wish.warnings.push(fault)
    reader?.(wish, values)
  }
  if (wish.patients && request.method !== 'POST') raise(badParameter('patient', 'its references in a POST only'))
  return wish
}

/** http://hl7.org/fhir/R4/parameters.html */
function bodyParameters(request: FhirRequest): [string, string][] {
  if (request.method !== 'POST' || request.resource === undefined) return []
  const { resourceType, parameter = [] } = request.resource as { resourceType?: unknown; parameter?: unknown }
  if (resourceType !== 'Parameters' || !Array.isArray(parameter)) raise(PARAMETERS_EXPECTED)
  if (parameter.length > LIMITS.bundleEntriesMax) raise(PARAMETERS_EXPECTED)
  return parameter.map((one: unknown): [string, string] => {
    if (typeof one !== 'object' || one === null) return raise(PARAMETERS_EXPECTED)
    const { name, ...rest } = one as Record<string, unknown>
    const [value] = Object.entries(rest).flatMap(([key, each]) => (key.startsWith('value') ? [each] : []))
    const text =
      typeof value === 'object' && value !== null ? (value as { reference?: unknown }).reference : (value ?? undefined)
    return typeof name === 'string' && typeof text === 'string' ? [name, text] : raise(PARAMETERS_EXPECTED)
  })
}

function listed(values: string[]): string[] {
  return values.flatMap((value) => value.split(',')).flatMap((one) => (one.trim() === '' ? [] : [one.trim()]))
}

/** http://hl7.org/fhir/R4/datatypes.html#instant */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

function instant(name: string, values: string[]): number {
  const text = (values[0] ?? '').replace(' ', '+')
  const time = values.length === 1 && INSTANT.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(time) ? raise(badParameter(name, 'one instant, e.g. 2026-01-31T08:00:00Z')) : time
}

function element(text: string): ExportWish['elements'][number] {
  const [first = '', second, ...deeper] = text.split('.')
  const name = second ?? first
  const type = second === undefined ? undefined : first
  const fits = /^[a-z]\w{0,60}$/.test(name) && deeper.length === 0 && (type === undefined || isResourceType(type))
  if (!fits) raise(badParameter('_elements', 'elements of the root, e.g. Patient.name or name'))
  return type === undefined ? { name } : { type, name }
}

function typeFilter(text: string): ExportWish['typeFilters'][number] {
  const mark = text.indexOf('?')
  const type = text.slice(0, mark)
  if (mark < 1 || !isResourceType(type) || text.length > LIMITS.urlBytesMax)
    raise(badParameter('_typeFilter', 'searches, e.g. Observation?category=laboratory'))
  return { type, query: text.slice(mark + 1) }
}

function patientId(text: string): string {
  const id = /^(?:Patient\/)?([A-Za-z0-9\-.]{1,64})$/.exec(text)?.[1]
  return id ?? raise(badParameter('patient', 'references, e.g. Patient/123'))
}

const PARAMETERS_EXPECTED: Fault = {
  category: 'invalid',
  code: 'fhir.bulk.parameters-expected',
  message:
    'Send the parameters in the address, or as a Parameters resource whose parameters are primitive or references.',
}
const UNKNOWN: Fault = {
  category: 'invalid',
  code: 'fhir.bulk.parameter-unknown',
  message:
    '$export knows _outputFormat, _since, _until, _type, _elements, _typeFilter and patient. Leave others out, or send Prefer: handling=lenient.',
}
function unsupported(name: string): Fault {
  return {
    category: 'invalid',
    code: 'fhir.bulk.parameter-unsupported',
    message: `${name} is not supported. Leave it out, or send Prefer: handling=lenient.`,
  }
}
