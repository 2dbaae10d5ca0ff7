import { isResourceType, typeNumber } from '@salus/fhir-model'
import { type Fault, raise } from '#kernel'
import type { Caller } from '../store/write-request.ts'

/** Letters of SMART v2 scopes: create, read, update, delete, search. */
export type Permission = 'c' | 'r' | 'u' | 'd' | 's'

/** Fault `fhir.forbidden` unless the caller's scopes allow the interaction on the type. */
export function requireScope(caller: Caller, type: string, permission: Permission): void {
  if (!caller.scopes.allows(type, permission)) raise(forbidden(type, permission))
}

/** Number of a resource type; fault `fhir.type-unknown` (404) when R4 has none of that name. */
export function requireType(type: string): number {
  return (isResourceType(type) ? typeNumber(type) : undefined) ?? raise(UNKNOWN_TYPE)
}

function forbidden(type: string, permission: Permission): Fault {
  const scope = isResourceType(type) ? ` Ask for the scope system/${type}.${permission}.` : ''
  return { ...FORBIDDEN, message: `The access token does not allow this interaction.${scope}` }
}

export const FORBIDDEN: Fault = {
  category: 'forbidden',
  code: 'fhir.forbidden',
  message: 'The access token does not allow this interaction. Ask for a scope that covers it.',
}
const UNKNOWN_TYPE: Fault = {
  category: 'not-found',
  code: 'fhir.type-unknown',
  message: 'FHIR R4 has no such resource type. Types are written as in the specification, e.g. Observation.',
}
