import type { Fault } from '#kernel'
import { BULK_LIMITS } from './bulk-limits.ts'

/** Also what another client hears: a job that one may not know of answers like none. */
export const JOB_UNKNOWN: Fault = {
  category: 'not-found',
  code: 'fhir.bulk.job-unknown',
  message: 'There is no such job or file: it was never made for this client, was cancelled, or has expired.',
}
export const ASYNC_ONLY: Fault = {
  category: 'invalid',
  code: 'fhir.bulk.async-only',
  message: 'This operation answers later: send it by itself (not in a Bundle) with the header Prefer: respond-async.',
}
export const CLIENT_JOBS: Fault = {
  category: 'busy',
  code: 'fhir.bulk.client-busy',
  message: `At most ${BULK_LIMITS.activePerClientMax} jobs of one client are under way at once, and ${BULK_LIMITS.keptPerClientMax} are kept. Wait, or delete some.`,
}
export const TENANT_JOBS: Fault = {
  category: 'busy',
  code: 'fhir.bulk.tenant-busy',
  message: `At most ${BULK_LIMITS.activePerTenantMax} jobs are under way at once. Try again when others have ended.`,
}
/** Also for what was asked before the client was disabled: none of it is done any more. */
export const CLIENT_DISABLED: Fault = {
  category: 'forbidden',
  code: 'fhir.bulk.client-disabled',
  message: 'The client that asked for this was disabled. Ask your administrator; nothing more of it is done.',
}
/** A value that the operation cannot take, `about` the parameter. */
export function badParameter(about: string, takes: string): Fault {
  return { category: 'invalid', code: 'fhir.bulk.parameter-invalid', message: `${about} takes ${takes}.` }
}
