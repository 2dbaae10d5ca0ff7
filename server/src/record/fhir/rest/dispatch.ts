import { type Fault, raise } from '#kernel'
import { BULK_SEGMENT } from '../bulk/job-address.ts'
import type { WriteDependencies } from '../store/apply-writes.ts'
import type { Caller } from '../store/write-request.ts'
import type { FhirRequest, FhirResponse, Handler } from './exchange.ts'
import { history } from './history.ts'
import { read, vread } from './read.ts'
import { write } from './write.ts'

/** Every interaction there is; a test calls each without a token, without the scope and with it, and looks for its audit record. */
export const INTERACTIONS = [
  'read',
  'vread',
  'history',
  'search',
  'create',
  'update',
  'patch',
  'delete',
  'batch',
  'operation',
  'bulk',
  'capabilities',
] as const

export type Interaction = (typeof INTERACTIONS)[number]

export interface DispatchDependencies extends WriteDependencies {
  search: Handler
  operations: Handler
  /** Jobs of bulk operations and their files, below `_bulk`. */
  bulk: Handler
  /** AuditEvent is no stored resource: it is the audit log, read and searched. */
  auditEvents: Handler
}

/** Which interaction a method and path ask for (http://hl7.org/fhir/R4/http.html#summary); undefined when none. */
export function interactionOf(method: FhirRequest['method'], path: readonly string[]): Interaction | undefined {
  const last = path.at(-1)
  if (path[0] === BULK_SEGMENT)
    return (method === 'GET' && (path.length === 2 || path.length === 3)) || (method === 'DELETE' && path.length === 2)
      ? 'bulk'
      : undefined
  if (last?.startsWith('$')) return method === 'GET' || method === 'HEAD' || method === 'POST' ? 'operation' : undefined
  if (method === 'GET' || method === 'HEAD') {
    if (last === '_history') return path.length <= 3 ? 'history' : undefined
    if (path.length === 4) return path[2] === '_history' ? 'vread' : undefined
    if (path.length === 0) return 'search'
    if (path.length === 1) return last === 'metadata' ? 'capabilities' : 'search'
    if (path.length === 2) return 'read'
    return path.length === 3 && last !== '_search' ? 'search' : undefined
  }
  if (method === 'POST') {
    if (last === '_search') return path.length === 1 || path.length === 2 || path.length === 4 ? 'search' : undefined
    return path.length === 0 ? 'batch' : path.length === 1 ? 'create' : undefined
  }
  if (path.length !== 1 && path.length !== 2) return undefined
  return method === 'PUT' ? 'update' : method === 'PATCH' ? 'patch' : 'delete'
}

/** Run one interaction. A Bundle within a Bundle is refused. */
export function dispatch(dependencies: DispatchDependencies): Handler {
  return (caller: Caller, request: FhirRequest): Promise<FhirResponse> => {
    const interaction = interactionOf(request.method, request.path)
    if (request.path[0] === 'AuditEvent') return dependencies.auditEvents(caller, request)
    switch (interaction) {
      case 'read':
        return read(dependencies.store, caller, request)
      case 'vread':
        return vread(dependencies.store, caller, request)
      case 'history':
        return history(dependencies, caller, request)
      case 'operation':
        return dependencies.operations(caller, request)
      case 'bulk':
        return dependencies.bulk(caller, request)
      case 'search':
        return dependencies.search(caller, request)
      case 'create':
      case 'update':
      case 'patch':
      case 'delete':
        return write(dependencies, caller, request)
      default:
        return raise(UNKNOWN_ADDRESS)
    }
  }
}

export const UNKNOWN_ADDRESS: Fault = {
  category: 'not-found',
  code: 'fhir.http.unknown-address',
  message: 'The FHIR API has no such address or operation. See the CapabilityStatement at /metadata.',
}
