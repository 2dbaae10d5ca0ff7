import { raise } from '#kernel'
import { BULK_SEGMENT } from '../bulk/job-address.ts'
import { interactionOf, UNKNOWN_ADDRESS } from './dispatch.ts'
import type { FhirRequest, FhirResponse } from './exchange.ts'
import { requireType } from './require.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const satisfies readonly FhirRequest['method'][]
const READ_ONLY: readonly string[] = ['GET', 'HEAD']

/**
 * `OPTIONS` of an address: 204 with `Allow` and no body (RFC 9110 §9.3.7), from the address alone and without a look into the
 * record, so there is nothing to audit. It needs a token like the rest: one rule for every request leaves no way around it, and
 * no browser asks ahead without one, because Salus lets no other origin in. An operation that changes something takes POST only,
 * which its definition says. Faults: `fhir.type-unknown`, `fhir.http.unknown-address`.
 */
export function optionsResponse(path: readonly string[]): FhirResponse {
  const allowed = allowedMethods(path)
  return allowed.length === 0 ? raise(UNKNOWN_ADDRESS) : { status: 204, allow: [...allowed, 'OPTIONS'].join(', ') }
}

function allowedMethods(path: readonly string[]): readonly string[] {
  const [first = ''] = path
  if (first === 'metadata') return path.length === 1 ? READ_ONLY : []
  const isOfNoType = first === '_history' || first === '_search' || first === BULK_SEGMENT || first.startsWith('$')
  if (first !== '' && !isOfNoType) requireType(first)
  return METHODS.filter((method) => interactionOf(method, path) !== undefined && isTaken(method, path))
}

/** No id begins with an underscore, and AuditEvent is the audit log: read and searched only. */
function isTaken(method: FhirRequest['method'], path: readonly string[]): boolean {
  const last = path.at(-1) ?? ''
  if (last === '_search') return method === 'POST'
  if (last.startsWith('_') && method !== 'GET' && method !== 'HEAD') return false
  return path[0] !== 'AuditEvent' || (method === 'GET' && path.length <= 2)
}
