import { fhirPathModel } from '@salus/fhir-model'
import { compile, FhirPathError } from '@salus/fhirpath'
import { isJson, type Json, objectsOf, textOf } from './definition-source.ts'
import { fixedExpression } from './invariant-fixes.ts'
import { printable } from './printable.ts'
import type { Walk } from './walk.ts'

/**
 * The invariants of a profile must be such that they can be evaluated: otherwise no resource is ever known to meet them. What is
 * no FHIRPath is an error; a function that is not known here may be known elsewhere. Each expression is reported once, where the
 * author wrote it rather than in the snapshot made from that. Spec: https://hl7.org/fhir/R4/elementdefinition.html#ElementDefinition.constraint
 */
export function checkConstraints(walk: Walk, resource: Json): void {
  const seen = new Set<string>()
  for (const view of ['differential', 'snapshot']) {
    const part = resource[view]
    if (!isJson(part)) continue
    for (const [row, { constraint }] of objectsOf(part.element).entries())
      for (const [place, one] of objectsOf(constraint).entries()) {
        const { key, expression } = one
        if (typeof expression !== 'string' || seen.has(expression)) continue
        seen.add(expression)
        const error = problemOf(walk, fixedExpression(textOf(key), expression))
        if (error === null) continue
        const at = `${view}.element[${row}].constraint[${place}].expression`
        const text = `${printable.identifier(key, 'The constraint')} cannot be evaluated: ${error.message}`
        walk.note(error.code === 'semantic' ? 'warning' : 'error', 'processing', text, at)
      }
  }
}

/** What runs as part of the check of every narrative, and is no function of FHIRPath. */
const NARRATIVE = 'htmlChecks()'

function problemOf(walk: Walk, expression: string): FhirPathError | null {
  if (expression === NARRATIVE) return null
  try {
    compile(expression, { model: fhirPathModel, functions: walk.settings.functions })
    return null
  } catch (error) {
    if (error instanceof FhirPathError) return error
    throw error
  }
}
