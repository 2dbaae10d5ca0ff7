import type { Json } from '../json.ts'
import { isResourceType } from '../structure/resource-types.ts'
import type { Problem } from './issue.ts'
import { containedById, type Rule, report } from './walk.ts'

const MALFORMED: Problem = {
  code: 'value',
  message: 'Must be Type/id, Type/id/_history/version, an absolute URL, a urn or # and the id of a contained resource.',
}
const WRONG_TARGET: Problem = { code: 'value', message: 'Must refer to one of the types that this element allows.' }
const UNKNOWN_TYPE: Problem = { code: 'value', message: 'Refers to a type that FHIR R4 does not have.' }
const NOT_CONTAINED: Problem = { code: 'invariant', message: 'ref-1: No contained resource has this id.' }

/** What ends the first word: the type of `Type/id` or `Type?criteria`, or the scheme of a URI. */
const TYPE_END = /(?<=^[A-Za-z][A-Za-z0-9+.-]*)[/?:]/
const RELATIVE = /^[A-Za-z]+\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?(?:#\S+)?$/

/**
 * The rule for a Reference that may point to these types. A conditional reference (`Patient?identifier=...`) passes: it
 * is resolved when the transaction is stored. Spec: https://hl7.org/fhir/R4/references.html#literal
 */
export function referenceRule(targets: readonly string[] | undefined): Rule {
  return (reference) => {
    const literal = reference.reference
    // A value that is no string has been reported by the check of its type.
    if (typeof literal !== 'string') return
    const problem = literalProblem(literal, targets)
    if (problem !== null) report(problem, 'reference')
  }
}

function literalProblem(literal: string, targets: readonly string[] | undefined): Problem | null {
  if (literal.charCodeAt(0) === 35) return fragmentProblem(literal, targets)
  const end = literal.search(TYPE_END)
  if (end < 0 || (literal.charCodeAt(end) === 47 && !RELATIVE.test(literal))) return MALFORMED
  if (literal.charCodeAt(end) === 58) return null
  const type = literal.slice(0, end)
  if (targets?.includes(type) === true) return null
  if (!isResourceType(type)) return UNKNOWN_TYPE
  return targets === undefined ? null : WRONG_TARGET
}

function fragmentProblem(literal: string, targets: readonly string[] | undefined): Problem | null {
  // `#` alone is the resource that contains this one.
  if (literal.length === 1) return null
  const resource: Json | null = containedById(literal.slice(1))
  if (resource === null) return NOT_CONTAINED
  return targets === undefined || targets.includes(resource.resourceType as string) ? null : WRONG_TARGET
}
