import { fhirPathModel } from '@salus/fhir-model'
import { type CompiledExpression, compile, type Environment, FhirPathError } from '@salus/fhirpath'
import { isJson, type Json, objectsOf } from './definition-source.ts'
import type { Constraint } from './element-definition.ts'
import { fixedExpression } from './invariant-fixes.ts'
import { nativeCondition } from './native-conditions.ts'
import type { Check } from './plan.ts'
import { resolveReference } from './resolve.ts'
import { conformsTo } from './resources.ts'
import type { Walk } from './walk.ts'

/** Checked by the structure walk, natively or by the check of a primitive, with the same meaning. */
const NATIVE = new Set(['ele-1', 'ext-1', 'dom-2', 'dom-3', 'dom-4', 'dom-5', 'dom-6', 'ref-1', 'txt-1', 'txt-2'])

const BEST_PRACTICE = 'http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice'

/** Invariants that may exceed their budget, of about half a second each, before no more are evaluated. */
const COSTLY_MAX = 3

/** Invariants of one element: no R4 type has more than 30. */
const INVARIANTS_MAX = 500

/** The checks of the invariants of an element; `type` is what FHIRPath calls its type. Compiled on first use. */
export function invariantChecks(constraints: readonly Constraint[] | undefined, type: string): Check[] {
  if (!Array.isArray(constraints)) return []
  const usable = constraints.filter(
    (constraint: Constraint) =>
      isJson(constraint) && !NATIVE.has(constraint.key) && typeof constraint.expression === 'string',
  )
  return usable.slice(0, INVARIANTS_MAX).map((constraint: Constraint) => invariantCheck(constraint, type))
}

function invariantCheck(constraint: Constraint, type: string): Check {
  const expression = fixedExpression(constraint.key, String(constraint.expression))
  const bestPractice = objectsOf(constraint.extension).some(
    ({ url, valueBoolean }) => url === BEST_PRACTICE && valueBoolean === true,
  )
  let compiled: CompiledExpression | FhirPathError | undefined
  let native = nativeCondition(expression)
  const text = `${constraint.key}: ${constraint.human ?? 'The constraint is not met.'}`
  return (walk, value) => {
    if (native !== null) {
      const answer = native(value as Json)
      if (answer === true) return
      if (answer === false) return report(walk, constraint, text, bestPractice)
      // What it was not made for takes the general way.
    }
    compiled ??= compileInvariant(expression, type, walk)
    if (compiled instanceof FhirPathError) {
      native = null
      return reportProblem(walk, constraint, compiled)
    }
    if (walk.tooDeep || walk.costly >= COSTLY_MAX) return
    try {
      if (!compiled.test(value, environment(walk))) report(walk, constraint, text, bestPractice)
    } catch (error) {
      if (error instanceof FhirPathError) reportProblem(walk, constraint, error)
      else if (error instanceof RangeError)
        walk.error('too-costly', `${constraint.key} could not be evaluated: nested too deep.`)
      else throw error
    }
  }
}

function compileInvariant(expression: string, type: string, walk: Walk): CompiledExpression | FhirPathError {
  const { units, functions } = walk.settings
  try {
    return compile(expression, {
      model: fhirPathModel,
      type,
      functions,
      ...(units === undefined ? {} : { ucum: units }),
    })
  } catch (error) {
    if (error instanceof FhirPathError) return error
    throw error
  }
}

function report(walk: Walk, { severity }: Constraint, text: string, bestPractice: boolean): void {
  if (!bestPractice) return walk.note(severity === 'warning' ? 'warning' : 'error', 'invariant', text)
  const level = walk.settings.bestPractice
  if (level !== 'ignore') walk.note(level, 'invariant', `${text} (best practice)`)
}

/**
 * An invariant that cannot be evaluated has not been met: whether it would be, nobody knows. Only what the profile itself calls a
 * warning stays one. The message of the error names a place in the expression and never what the resource holds.
 */
function reportProblem(walk: Walk, { key, severity }: Constraint, error: FhirPathError): void {
  if (error.code === 'limit') {
    walk.costly++
    const than = walk.isSpent ? 'all invariants together' : 'one invariant'
    walk.error('too-costly', `${key} took more work than ${than} may.`)
    if (walk.isSpent || walk.costly === COSTLY_MAX) walk.stopInvariants()
  } else
    walk.note(
      severity === 'warning' ? 'warning' : 'error',
      'processing',
      `${key} could not be evaluated: ${error.message}`,
    )
}

/** What FHIRPath sees of the resource; one object for all its invariants. */
export function environment(walk: Walk): Environment {
  const { place, settings } = walk
  if (place === null) return NO_ENVIRONMENT
  if (place.env !== null) return place.env
  const env: Environment = {
    resource: place.resource,
    rootResource: place.container,
    resolve: (reference) => resolveReference(walk, place, reference),
    memberOf: (value, valueSet) => isMember(walk, value, valueSet),
    conformsTo: (value, profile) => doesConform(walk, value, profile),
    ...(settings.now === undefined ? {} : { now: settings.now }),
    ...(walk.budget === undefined ? {} : { budget: walk.budget }),
  }
  place.env = env
  return env
}

const NO_ENVIRONMENT: Environment = {}

function isMember({ settings }: Walk, value: unknown, valueSet: string): boolean | undefined {
  const codings =
    typeof value === 'string'
      ? [{ code: value }]
      : isJson(value) && Array.isArray(value.coding)
        ? objectsOf(value.coding)
        : isJson(value)
          ? [value]
          : []
  const verdict = settings.terminology?.checkNow({ valueSet, codings, systemImplied: typeof value === 'string' })
  return verdict === undefined || verdict.inValueSet === 'unknown' ? undefined : verdict.inValueSet
}

function doesConform(walk: Walk, value: unknown, canonical: string): boolean | undefined {
  if (!isJson(value)) return undefined
  const profile = walk.settings.plans.profile(canonical)
  if (profile === undefined) return undefined
  return conformsTo(walk, value, profile)
}
