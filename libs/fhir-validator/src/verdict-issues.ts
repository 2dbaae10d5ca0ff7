import type { Issue, IssueCode } from './issue.ts'
import type { BindingStrength, PendingCheck } from './pending.ts'
import { printable } from './printable.ts'
import type { CodeVerdict } from './terminology-port.ts'

interface Finding {
  severity: 'error' | 'warning' | 'information'
  code: IssueCode
  text: string
  /** Below the coded element: `coding[0].display`. */
  below: string
}

/** The issues of a pending check, once the terminology has answered. */
export function issuesOfVerdict(pending: PendingCheck, verdict: CodeVerdict): Issue[] {
  return findingsOf(pending, verdict).map(({ severity, code, text, below }) => ({
    severity,
    code,
    expression: below === '' ? pending.expression : `${pending.expression}.${below}`,
    text,
  }))
}

const SEVERITY: Readonly<Record<BindingStrength, 'error' | 'warning' | 'information' | null>> = {
  required: 'error',
  extensible: 'warning',
  preferred: 'information',
  example: null,
}

export function findingsOf(pending: PendingCheck, verdict: CodeVerdict): Finding[] {
  const { check, strength, type } = pending
  const findings: Finding[] = []
  const step = (at: number, name: string): string => (type === 'CodeableConcept' ? `coding[${at}].${name}` : name)
  for (const [at, coding] of (verdict.codings ?? []).entries()) {
    if (check.systemImplied) break
    if (coding.problem === 'unknown-code')
      findings.push({
        severity: 'error',
        code: 'code-invalid',
        text: 'The code system does not have this code.',
        below: step(at, 'code'),
      })
    else if (coding.problem === 'wrong-display')
      findings.push(displayFinding(pending, step(at, 'display'), coding.display))
    else if (coding.problem === 'unknown-system' && check.codings[at]?.system !== undefined)
      findings.push({
        severity: 'warning',
        code: 'not-found',
        text: `The code system${printable.address(check.codings[at]?.system)} is not known here, so the code was not checked.`,
        below: step(at, 'system'),
      })
  }
  const severity = SEVERITY[strength]
  if (verdict.inValueSet === false && severity !== null) {
    const text =
      strength === 'required'
        ? `The code is not in the value set ${check.valueSet}, which is required here.`
        : `The code is not in the value set ${check.valueSet}, from which one should come if it fits.`
    findings.push({ severity, code: 'code-invalid', text, below: '' })
  } else if (verdict.inValueSet === 'unknown' && verdict.reason === 'value-set-unknown' && strength !== 'example')
    findings.push({
      severity: 'warning',
      code: 'not-found',
      text: `The value set ${check.valueSet} is not known here.`,
      below: '',
    })
  return findings
}

function displayFinding(pending: PendingCheck, below: string, display = ''): Finding {
  const severity = pending.displaySeverity === 'fatal' ? 'error' : pending.displaySeverity
  const right = display === '' ? '' : ` The display is '${display}'.`
  return { severity, code: 'code-invalid', text: `This is not a display of the code.${right}`, below }
}
