import { isResourceType, type ValidationIssue, validateResource } from '@salus/fhir-model'
import { type Fault, raise } from '#kernel'
import type { Resource } from '../store/write-request.ts'

/**
 * Refuse what is not a structurally valid R4 resource. `members` is the number of JSON members that were written, to
 * find keys that came twice. Fault `fhir.validate.invalid` carries one detail per issue, with its FHIRPath expression.
 */
export function checkResource(value: unknown, members?: number): asserts value is Resource {
  const type = (value as { resourceType?: unknown } | null)?.resourceType
  if (typeof type !== 'string' || !isResourceType(type)) raise(UNKNOWN_TYPE)
  const { issues, keys } = validateResource(value)
  const errors = issues.filter((issue) => issue.severity === 'error')
  if (errors.length > 0) raise({ ...INVALID, details: errors.map(detailOf) })
  if (members !== undefined && keys !== members) raise(DOUBLE_KEY)
}

function detailOf(issue: ValidationIssue): Fault {
  return {
    category: 'invalid',
    code: `fhir.validate.${issue.code}`,
    message: issue.message,
    expression: issue.expression,
  }
}

const UNKNOWN_TYPE: Fault = {
  category: 'invalid',
  code: 'fhir.validate.type-unknown',
  message: 'resourceType must name an R4 resource type.',
}
const INVALID: Fault = {
  category: 'invalid',
  code: 'fhir.validate.invalid',
  message: 'The resource is not valid FHIR R4. Each issue names its element.',
}
/** A second key of one name would hide the first: what is checked and what another system reads could differ. */
export const DOUBLE_KEY: Fault = {
  category: 'invalid',
  code: 'fhir.json.double-key',
  message: 'A JSON object has the same key twice. Send each key once.',
}
