/** One thing wrong with a resource, as an OperationOutcome reports it. Spec: https://hl7.org/fhir/R4/operationoutcome.html */
export interface ValidationIssue {
  severity: 'error' | 'warning'
  /** From the code system issue-type. Spec: https://hl7.org/fhir/R4/valueset-issue-type.html */
  code: IssueCode
  /** FHIRPath with indices: `Patient.name[0].given[1]`. */
  expression: string
  /** What is wrong and what is expected; never a value of the resource. */
  message: string
}

/** Codes that validation uses. Spec: https://hl7.org/fhir/R4/valueset-issue-type.html */
export type IssueCode = 'structure' | 'required' | 'value' | 'code-invalid' | 'invariant' | 'too-long' | 'too-costly'

/** What a check answers; constants, so that checking allocates nothing. */
export interface Problem {
  code: IssueCode
  message: string
}

/** The answer of {@link validateResource}. */
export interface ValidationResult {
  /** Empty when the resource is valid; at most 100 (one more says that the list was cut). */
  issues: ValidationIssue[]
  /**
   * JSON object members visited: of a valid resource, all of them. A text that holds more has a key twice in an object,
   * because parsing keeps only the last.
   */
  keys: number
}
