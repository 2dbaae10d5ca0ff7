import type { Json } from '../json.ts'
import { parameterRoutes } from './compiled-parameter.ts'
import { link, type Visit } from './link.ts'
import { referencedType } from './references.ts'
import type { SearchValue, UriValue } from './search-value.ts'
import { ownerParameter } from './type-plan.ts'

const visits = new Map<string, Visit[]>()

/**
 * The distinct literal references that decide which patient a resource belongs to, in their order: those of its `patient`
 * parameter, else of `subject`. Only references to a Patient, and `urn:` references whose type cannot be told before a
 * transaction is resolved. Empty for a Patient and for types without such a parameter.
 * Spec: https://hl7.org/fhir/R4/compartmentdefinition-patient.html
 */
export function patientReferences(resource: object): string[] {
  const json = resource as Json
  const type = json.resourceType
  if (typeof type !== 'string') return []
  const known = visits.get(type) ?? compile(type)
  if (known.length === 0) return []
  const found: SearchValue[] = []
  for (const visit of known) visit(json, found, json)
  const references = found.map((value) => (value as UriValue).value)
  return references.length < 2 ? references : [...new Set(references)]
}

function compile(type: string): Visit[] {
  const owner = ownerParameter(type)
  const routes = owner === undefined ? [] : parameterRoutes(owner, type)
  // Without the filter of the parameter: it would drop what a transaction has yet to resolve.
  const compiled = routes.map((route) =>
    link({ ...route, steps: route.steps.filter(({ kind }) => kind !== 'target') }, patientLiteral),
  )
  if (owner !== undefined) visits.set(type, compiled)
  return compiled
}

const patientLiteral: Visit = (reference, found, resource) => {
  const literal = reference.reference
  if (typeof literal !== 'string' || literal.startsWith('#')) return
  const type = referencedType(reference, resource)
  if (type === 'Patient' || (type === undefined && literal.startsWith('urn:')))
    found.push({ kind: 'uri', value: literal })
}
