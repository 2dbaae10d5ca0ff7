import type { IssueSeverity } from './issue.ts'
import type { CodeCheck } from './terminology-port.ts'

/** Spec: https://hl7.org/fhir/R4/valueset-binding-strength.html */
export type BindingStrength = 'required' | 'extensible' | 'preferred' | 'example'

/** A check of codes that the terminology could not answer at once: the caller asks it and calls `issuesOfVerdict`. */
export interface PendingCheck {
  check: CodeCheck
  strength: BindingStrength
  /** Where the coded element stands. */
  expression: string
  /** Of what type it is: where the parts of an issue's expression lie. */
  type: string
  /** Severity of a wrong display. */
  displaySeverity: IssueSeverity
}
