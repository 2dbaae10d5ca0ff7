import type { Fault, FaultCategory } from '#kernel'

/** HTTP status and OperationOutcome issue type (http://hl7.org/fhir/R4/valueset-issue-type.html) of each category. */
const ANSWERS: Record<FaultCategory, { status: number; issue: string }> = {
  invalid: { status: 400, issue: 'invalid' },
  unauthenticated: { status: 401, issue: 'login' },
  forbidden: { status: 403, issue: 'forbidden' },
  'not-found': { status: 404, issue: 'not-found' },
  gone: { status: 410, issue: 'deleted' },
  conflict: { status: 409, issue: 'conflict' },
  precondition: { status: 412, issue: 'conflict' },
  unsupported: { status: 406, issue: 'not-supported' },
  'too-large': { status: 413, issue: 'too-long' },
  'too-costly': { status: 422, issue: 'too-costly' },
  busy: { status: 429, issue: 'throttled' },
  unavailable: { status: 503, issue: 'transient' },
  bug: { status: 500, issue: 'exception' },
}

/** Faults whose status is more exact than their category's. */
const STATUS_OF_CODE: Record<string, number> = {
  'fhir.validate.invalid': 422,
  'fhir.validate.profile-not-met': 422,
  'fhir.patch.not-applicable': 422,
  'fhir.http.media-type': 415,
  'fhir.http.method': 405,
  'fhir.audit-event.read-only': 405,
  // 503 says that nothing was done and invites to send it again; here it may be stored.
  'audit.ledger.outcome-unknown': 504,
}

/** Faults whose issue type is more exact than their category's. */
const ISSUE_OF_CODE: Record<string, string> = { 'audit.ledger.outcome-unknown': 'timeout' }

export function statusOf(fault: Fault): number {
  return STATUS_OF_CODE[fault.code] ?? ANSWERS[fault.category].status
}

/** OperationOutcome of a fault. Holds no patient data, because faults do not. */
export function outcomeOf(fault: Fault): object {
  return {
    resourceType: 'OperationOutcome',
    issue: [fault, ...(fault.details ?? [])].filter((one, index, all) => index > 0 || all.length === 1).map(issueOf),
  }
}

function issueOf(fault: Fault): object {
  return {
    severity: fault.category === 'bug' ? 'fatal' : 'error',
    code: ISSUE_OF_CODE[fault.code] ?? ANSWERS[fault.category].issue,
    details: { coding: [{ system: 'https://salus.health/fault', code: fault.code }] },
    diagnostics: fault.message,
    ...(fault.expression === undefined ? {} : { expression: [fault.expression] }),
  }
}

/** OperationOutcome that says all went well, for `Prefer: return=OperationOutcome`. */
export function successOutcome(text: string): object {
  return {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'information', code: 'informational', diagnostics: text }],
  }
}
