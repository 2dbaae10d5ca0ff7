import { TERMINOLOGY_LIMITS } from '../limits.ts'

/** Codes of http://hl7.org/fhir/tools/CodeSystem/tx-issue-type that the service uses. */
export type TxIssueType =
  | 'not-found'
  | 'not-in-vs'
  | 'this-code-not-in-vs'
  | 'invalid-code'
  | 'invalid-display'
  | 'invalid-data'
  | 'code-rule'
  | 'vs-invalid'
  | 'status-check'
  | 'code-comment'
  | 'display-comment'
  | 'cannot-infer'
  | 'version-error'
  | 'too-costly'

export interface Issue {
  severity: 'error' | 'warning' | 'information'
  /** http://hl7.org/fhir/issue-type */
  code: string
  type?: TxIssueType
  text: string
  /** Name of the message, the same whatever language it is told in. */
  id?: string
  /** FHIRPath of the element: `Coding.version`, or of the request's parameter: `code`. */
  path?: string
}

/** A request the service cannot answer: the OperationOutcome and the HTTP status of its answer. */
export class TerminologyError extends Error {
  readonly issues: readonly Issue[]
  readonly status: number

  constructor(issue: Issue, status = 422) {
    super(issue.text)
    this.name = 'TerminologyError'
    this.issues = [issue]
    this.status = status
  }
}

/** Issues of one validation, in the order found; the same issue is told once. */
export class IssueList {
  readonly all: Issue[] = []

  /** False when it was there already. */
  add(issue: Issue): boolean {
    const isKnown = this.all.some(
      (one) => one.text === issue.text && one.path === issue.path && one.severity === issue.severity,
    )
    // Told is enough: what lies beyond the limit repeats for each coding.
    if (isKnown || this.all.length >= TERMINOLOGY_LIMITS.issuesMax) return false
    this.all.push(issue)
    return true
  }

  get hasErrors(): boolean {
    return this.all.some((one) => one.severity === 'error')
  }
}

const MESSAGE_ID = 'http://hl7.org/fhir/StructureDefinition/operationoutcome-message-id'
const ISSUE_TYPES = 'http://hl7.org/fhir/tools/CodeSystem/tx-issue-type'

/** OperationOutcome in the shape that terminology clients compare: http://hl7.org/fhir/R4/operationoutcome.html */
export function outcomeOfIssues(issues: readonly Issue[]): object {
  return {
    resourceType: 'OperationOutcome',
    issue: issues.map(({ severity, code, type, text, id, path }) => ({
      ...(id === undefined ? {} : { extension: [{ url: MESSAGE_ID, valueString: id }] }),
      severity,
      code,
      details: { ...(type === undefined ? {} : { coding: [{ system: ISSUE_TYPES, code: type }] }), text },
      ...(path === undefined || path === '' ? {} : { location: [path], expression: [path] }),
    })),
  }
}
