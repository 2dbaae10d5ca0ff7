/** One finding about a resource, as an OperationOutcome reports it. Spec: https://hl7.org/fhir/R4/operationoutcome.html */
export interface Issue {
  severity: IssueSeverity
  /** From the code system issue-type. Spec: https://hl7.org/fhir/R4/valueset-issue-type.html */
  code: IssueCode
  /** FHIRPath with indices, as the reference validator writes it: `Patient.name[0].given[1]`, `Observation.value.ofType(Quantity)`. */
  expression: string
  /** What is wrong and what is expected; names definitions, and of the resource at most the address of one that is not known. */
  text: string
}

/** Spec: https://hl7.org/fhir/R4/valueset-issue-severity.html */
export type IssueSeverity = 'fatal' | 'error' | 'warning' | 'information'

/** The issue types that validation uses. Spec: https://hl7.org/fhir/R4/valueset-issue-type.html */
export type IssueCode =
  | 'structure'
  | 'required'
  | 'value'
  | 'invariant'
  | 'code-invalid'
  | 'extension'
  | 'not-found'
  | 'not-supported'
  | 'business-rule'
  | 'too-long'
  | 'too-costly'
  | 'processing'
  | 'informational'
