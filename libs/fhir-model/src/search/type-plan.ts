import { isResourceType } from '../structure/resource-types.ts'
import { parameterRoutes } from './compiled-parameter.ts'
import { type SearchParameterDef, searchParameters } from './parameters.ts'
import type { Route } from './routes.ts'

/** What of a type's search parameters deserves columns of its own. */
export interface TypePlan {
  /** Says what the resource is about: a token parameter over Coding or CodeableConcept elements. */
  codeParam?: SearchParameterDef
  /** When it happened: a date parameter with at most one value. Never a date of birth or death. */
  dateParam?: SearchParameterDef
  /** Parameters over the element that names the owning patient, when it is a single reference. */
  ownerParams: SearchParameterDef[]
  /** Path of that element below the type: `subject`. */
  ownerPath?: string
}

/** By preference. These are the words the definitions use for "what" (fivews.what); the first that fits is taken. */
const CODE_PARAMETERS = 'code vaccine-code type class category service-category topic'.split(' ')

/** By preference: when it happened, then when it was planned, recorded or published. */
const DATE_PARAMETERS = (
  'date onset-date effective-time effective authored authoredon authored-on started period recorded-date recorded created ' +
  'issued sent occurrence start datetime datewritten start-date whenhandedover identified collected timestamp'
).split(' ')

const plans = new Map<string, TypePlan>()

/**
 * The plan of a resource type, by one rule for all types from the definitions of their search parameters; without code,
 * date and owner for an unknown type. Spec: https://hl7.org/fhir/R4/searchparameter-registry.html
 */
export function typePlan(type: string): TypePlan {
  const known = plans.get(type)
  if (known !== undefined) return known
  const plan = makePlan(type)
  if (isResourceType(type)) plans.set(type, plan)
  return plan
}

/** The parameter that names the owning patient: `patient`, or `subject` where it may be a patient. */
export function ownerParameter(type: string): SearchParameterDef | undefined {
  const parameters = searchParameters(type)
  if (type === 'Patient') return undefined
  const subject = parameters.get('subject')
  return parameters.get('patient') ?? (subject?.targets.includes('Patient') === true ? subject : undefined)
}

function makePlan(type: string): TypePlan {
  const parameters = searchParameters(type)
  const first = (codes: string[], fits: (def: SearchParameterDef) => boolean): SearchParameterDef | undefined =>
    codes.map((code) => parameters.get(code)).find((def) => def !== undefined && fits(def))
  const codeParam = first(CODE_PARAMETERS, (def) => def.type === 'token' && isCoded(parameterRoutes(def, type)))
  const dateParam = first(DATE_PARAMETERS, (def) => def.type === 'date' && isSingle(parameterRoutes(def, type)))
  const owner = ownerParameter(type)
  const ownerPath = owner === undefined ? undefined : singlePath(parameterRoutes(owner, type))
  const ownerParams = [...parameters.values()].filter(
    (def) =>
      ownerPath !== undefined && def.type === 'reference' && singlePath(parameterRoutes(def, type)) === ownerPath,
  )
  return {
    ...(codeParam === undefined ? {} : { codeParam }),
    ...(dateParam === undefined ? {} : { dateParam }),
    ownerParams,
    ...(ownerPath === undefined ? {} : { ownerPath }),
  }
}

const isCoded = (routes: Route[]): boolean =>
  routes.length > 0 && routes.every(({ type }) => type === 'CodeableConcept' || type === 'Coding')

const isSingle = (routes: Route[]): boolean => singlePath(routes) !== undefined

/** The one element that all routes lead to, when it cannot repeat. */
function singlePath(routes: Route[]): string | undefined {
  const path = routes[0]?.path
  const single = routes.every(
    (route) => route.path === path && route.steps.every((step) => step.kind !== 'key' || !step.many),
  )
  return single ? path : undefined
}
