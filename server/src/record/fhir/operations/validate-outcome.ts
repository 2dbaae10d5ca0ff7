import type { Issue } from '@salus/fhir-validator'
import { VALIDATE_LIMITS } from '../validate/validate-limits.ts'

/** A finding of `$validate`: one of the validator, or of what would become of the resource here. */
export type Finding = Omit<Issue, 'code'> & { code: Issue['code'] | 'invalid' | 'forbidden' | 'conflict' }

/**
 * The answer of `$validate`: http://hl7.org/fhir/R4/operationoutcome.html. The gravest come first where there are too many.
 * Texts name definitions and elements, never a value of the resource.
 */
export function outcomeOfFindings(findings: readonly Finding[]): object {
  return { resourceType: 'OperationOutcome', issue: findings.length === 0 ? [ALL_WELL] : cut(findings).map(issueOf) }
}

const ALL_WELL = { severity: 'information', code: 'informational', ...texts('No issues were found.') }

function issueOf({ severity, code, text, expression }: Finding): object {
  return {
    severity,
    code,
    ...texts(text),
    ...(expression === '' ? {} : { location: [expression], expression: [expression] }),
  }
}

/** Validators write one or the other, and clients read the one they know. */
function texts(text: string): object {
  return { details: { text }, diagnostics: text }
}

const GRAVITY: readonly Finding['severity'][] = ['fatal', 'error', 'warning', 'information']

function cut(findings: readonly Finding[]): readonly Finding[] {
  if (findings.length <= VALIDATE_LIMITS.issuesMax) return findings
  const gravest = findings
    .toSorted((a, b) => GRAVITY.indexOf(a.severity) - GRAVITY.indexOf(b.severity))
    .slice(0, VALIDATE_LIMITS.issuesMax)
  const text = `More than ${VALIDATE_LIMITS.issuesMax} findings; the rest is not listed.`
  return [...gravest, { severity: 'error', code: 'too-costly', expression: '', text }]
}
