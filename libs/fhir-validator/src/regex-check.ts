import { type CompiledExpression, compile, FhirPathError } from '@salus/fhirpath'
import type { Walk } from './walk.ts'

export const REGEX = 'http://hl7.org/fhir/StructureDefinition/regex'

/** Patterns kept compiled. */
const PATTERNS_MAX = 500
const patterns = new Map<string, CompiledExpression | null>()

/**
 * Whether a text as a whole fits a pattern of a definition; reports when it does not. It runs on the pattern engine of
 * FHIRPath, whose time is bounded whatever the pattern, and not on JavaScript's, which a pattern can keep busy for ever.
 */
export function checkPattern(walk: Walk, pattern: string, text: string, below: string): void {
  const compiled = compiledPattern(pattern)
  if (compiled === null)
    return walk.note('warning', 'not-supported', 'A pattern of the definition cannot be used.', below)
  try {
    if (!compiled.test(text, walk.budget === undefined ? {} : { budget: walk.budget }))
      walk.error('value', 'The text does not fit the pattern that the definition gives.', below)
  } catch (error) {
    if (!(error instanceof FhirPathError)) throw error
    walk.error('too-costly', 'The pattern of the definition takes too much work on this text.', below)
    if (walk.isSpent) walk.stopInvariants()
  }
}

function compiledPattern(pattern: string): CompiledExpression | null {
  const known = patterns.get(pattern)
  if (known !== undefined) return known
  if (patterns.size >= PATTERNS_MAX) patterns.clear()
  let compiled: CompiledExpression | null = null
  try {
    compiled = compile(`matches('${`^(${pattern})$`.replace(/[\\']/g, '\\$&')}')`, { type: 'string' })
    compiled.test('')
  } catch (error) {
    if (!(error instanceof FhirPathError)) throw error
    compiled = null
  }
  patterns.set(pattern, compiled)
  return compiled
}
