/** A code as the resource gives it. */
export interface CheckedCoding {
  system?: string
  version?: string
  code?: string
  display?: string
}

/** The question whether codings are known, rightly displayed and in a value set. */
export interface CodeCheck {
  /** Canonical of the value set, with `|version` where the profile gives one. */
  valueSet: string
  /** Of a CodeableConcept all codings: one of them must be in the value set. A `code` element has a coding without system. */
  codings: CheckedCoding[]
  /** The system of a `code` element is that of the value set's entry, whichever it is. */
  systemImplied: boolean
}

/** What is to be said of one coding, whatever value set was asked about. */
export interface CodingVerdict {
  /**
   * `unknown-system`: no such code system here, so nothing can be said. `unknown-code`: the code system is complete and
   * does not have the code. `wrong-display`: the display is none of the concept's designations.
   */
  problem?: 'unknown-system' | 'unknown-code' | 'wrong-display'
  /** The right display, when `problem` is `wrong-display`. */
  display?: string
}

/** The answer to a {@link CodeCheck}. */
export interface CodeVerdict {
  /** Whether one of the codings is in the value set; `unknown` when that cannot be said at all. */
  inValueSet: boolean | 'unknown'
  /** Why it is `unknown`. */
  reason?: 'value-set-unknown' | 'system-unknown' | 'too-costly'
  /** Per coding of the question, in its order; absent when there is nothing to say of any. */
  codings?: readonly CodingVerdict[]
}

/** What the validator asks of a terminology service. */
export interface TerminologyForValidation {
  /**
   * The answer if it can be given at once, from memory; undefined when it takes the database or another server. Then the
   * validator reports a pending check, which the caller resolves and turns into issues with `issuesOfVerdict`.
   */
  checkNow(check: CodeCheck): CodeVerdict | undefined
}
