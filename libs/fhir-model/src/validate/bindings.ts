import type { Json } from '../json.ts'
import type { CodeList } from '../structure/value-sets.ts'
import type { Problem } from './issue.ts'
import type { PrimitiveCheck } from './primitives.ts'
import { type Rule, report } from './walk.ts'

const NOT_IN_VALUE_SET: Problem = {
  code: 'code-invalid',
  message: 'The code is not in the value set that the specification requires here.',
}
const NO_CODE: Problem = {
  code: 'code-invalid',
  message: 'A code of the value set that the specification requires here is missing.',
}

/** A code of the list is also well-formed, so only others need the check of the type, for the clearer message. */
export function codeCheck(codes: ReadonlySet<string>, otherwise: PrimitiveCheck): PrimitiveCheck {
  return (value) => (codes.has(value as string) ? null : (otherwise(value) ?? NOT_IN_VALUE_SET))
}

/** The rule for a Coding or CodeableConcept with a required binding; null for types without codes. */
export function bindingRule(type: string, list: CodeList): Rule | null {
  if (type === 'Coding') return (value) => checkCoding(value, list)
  if (type === 'CodeableConcept') return (value) => checkConcept(value, list)
  return null
}

const isIn = (coding: Json, { bySystem }: CodeList): boolean =>
  bySystem.get(coding.system as string)?.has(coding.code as string) === true

function checkCoding(coding: Json, list: CodeList): void {
  if (coding.code === undefined) {
    // An extension may say why there is none.
    if (coding.extension === undefined && coding._code === undefined) report(NO_CODE)
  } else if (!isIn(coding, list)) report(NOT_IN_VALUE_SET)
}

/** One of the codings must be in the value set; others may add local codes. */
function checkConcept(concept: Json, list: CodeList): void {
  const { coding } = concept
  if (!Array.isArray(coding) || coding.length === 0) {
    if (concept.extension === undefined) report(NO_CODE)
    return
  }
  for (const one of coding) if (isIn((one ?? NOTHING) as Json, list)) return
  report(NOT_IN_VALUE_SET)
}

const NOTHING: Json = {}
