import { LIMITS, raise } from '#kernel'
import type { FhirRequest } from '../rest/exchange.ts'
import type { Resource } from '../store/write-request.ts'
import type { Operation, ParameterKind, ParameterSpec } from './operation.ts'

interface Parameter {
  name: string
  [value: string]: unknown
}

/** More parameters than any operation takes; a batch of validations has the most. */
const PARAMETERS_MAX = 5_000

/** Read by the HTTP layer. */
const OUTPUT_ONLY = new Set(['_format', '_pretty'])

/**
 * The parameters of a call as one Parameters resource: http://hl7.org/fhir/R4/operations.html#request
 * Faults `fhir.operation.parameters-expected`, `.parameter-unknown` (unless `Prefer: handling=lenient`), `.parameter-repeated`,
 * `.parameter-mistyped`, `.parameters-too-many`.
 */
export function readParameters(operation: Operation, request: FhirRequest): Resource {
  const query = fromQuery(operation, request.query)
  const body = request.method === 'POST' ? fromBody(operation, request.resource) : []
  const all = [...query, ...body]
  if (all.length > PARAMETERS_MAX)
    raise({
      category: 'too-large',
      code: 'fhir.operation.parameters-too-many',
      message: `An operation takes at most ${PARAMETERS_MAX} parameters.`,
    })
  const isLenient = request.prefer.handling === 'lenient'
  const seen = new Set<string>()
  const known: Parameter[] = []
  for (const parameter of all) {
    const spec = specOf(operation, parameter.name)
    if (!spec) {
      if (isLenient) continue
      raise(unknown(operation))
    }
    if (seen.has(parameter.name) && spec.many !== true) raise(repeated(parameter.name))
    seen.add(parameter.name)
    if (!isOfKind(parameter, spec)) raise(mistyped(parameter.name, spec.kind))
    known.push(parameter)
  }
  return { resourceType: 'Parameters', parameter: known }
}

/** What every object has, e.g. `constructor`, is no parameter. */
function specOf({ parameters }: Operation, name: string): ParameterSpec | undefined {
  return Object.hasOwn(parameters, name) ? parameters[name] : undefined
}

/** Parameters in the address are primitive; objects need a body. */
function fromQuery(operation: Operation, query: string): Parameter[] {
  if (query === '') return []
  const parameters: Parameter[] = []
  for (const [name, value] of new URLSearchParams(query)) {
    if (OUTPUT_ONLY.has(name)) continue
    if (parameters.length >= LIMITS.searchParametersMax) raise(mistyped('_format', 'text'))
    parameters.push({ name, ...valueOf(value, specOf(operation, name)?.kind) })
  }
  return parameters
}

function valueOf(value: string, kind: ParameterKind | undefined): Record<string, unknown> {
  if (kind === 'boolean' && (value === 'true' || value === 'false')) return { valueBoolean: value === 'true' }
  if (kind === 'integer' && /^-?\d{1,15}$/.test(value)) return { valueInteger: Number(value) }
  return { valueString: value }
}

function fromBody(operation: Operation, body: Resource | undefined): Parameter[] {
  if (body === undefined) return []
  if (body.resourceType !== 'Parameters') {
    const { bareResource } = operation
    return bareResource === undefined ? raise(EXPECTED) : [{ name: bareResource, resource: body }]
  }
  const list = body.parameter
  if (list === undefined) return []
  if (!Array.isArray(list) || !list.every(isParameter)) raise(EXPECTED)
  return list
}

function isParameter(value: unknown): value is Parameter {
  return typeof value === 'object' && value !== null && typeof (value as { name?: unknown }).name === 'string'
}

/** Types whose values are JSON text. */
const TEXT = /^value(?:String|Uri|Url|Canonical|Code|Id|Oid|Uuid|Markdown|Date|DateTime|Instant|Time|Base64Binary)$/

function isOfKind(parameter: Parameter, { kind }: ParameterSpec): boolean {
  const names = Object.keys(parameter).filter((name) => name.startsWith('value'))
  const [name = ''] = names
  const value = parameter[name]
  switch (kind) {
    case 'any':
      return true
    case 'resource':
      return isObject(parameter.resource) && typeof parameter.resource.resourceType === 'string'
    case 'part':
      return Array.isArray(parameter.part)
    case 'text':
      return names.length === 1 && TEXT.test(name) && typeof value === 'string'
    case 'boolean':
      return typeof value === 'boolean' || value === 'true' || value === 'false'
    case 'integer':
      return Number.isSafeInteger(value)
    case 'coding':
      return name === 'valueCoding' && isObject(value)
    case 'concept':
      return name === 'valueCodeableConcept' && isObject(value)
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const EXPECTED = {
  category: 'invalid',
  code: 'fhir.operation.parameters-expected',
  message: 'An operation takes a Parameters resource: {"resourceType": "Parameters", "parameter": [{"name": ...}]}.',
} as const

function unknown(operation: Operation) {
  return {
    category: 'invalid',
    code: 'fhir.operation.parameter-unknown',
    message: `$${operation.name} takes ${Object.keys(operation.parameters).join(', ')}. Leave others out, or send Prefer: handling=lenient.`,
  } as const
}

function repeated(name: string) {
  return {
    category: 'invalid',
    code: 'fhir.operation.parameter-repeated',
    message: `The parameter ${name} is given once at most.`,
  } as const
}

function mistyped(name: string, kind: ParameterKind) {
  return {
    category: 'invalid',
    code: 'fhir.operation.parameter-mistyped',
    message: `The parameter ${name} must be ${KINDS[kind]}.`,
  } as const
}

const KINDS: Record<ParameterKind, string> = {
  text: 'a primitive value, e.g. valueUri, valueCode or valueString',
  boolean: 'valueBoolean',
  integer: 'valueInteger',
  coding: 'valueCoding, in a POST',
  concept: 'valueCodeableConcept, in a POST',
  resource: 'a resource, in a POST',
  part: 'made of parts, in a POST',
  any: 'a value',
}
