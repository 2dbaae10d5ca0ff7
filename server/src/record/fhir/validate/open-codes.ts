import {
  type CodeCheck,
  type CodeVerdict,
  distinctIssues,
  type Issue,
  issuesOfVerdict,
  type PendingCheck,
} from '@salus/fhir-validator'
import { VALIDATE_LIMITS } from './validate-limits.ts'

/**
 * Ask the terminology what a check of profiles left open, each question once. When `isLate` comes true first, that is a finding:
 * what was not asked is not known to be right.
 */
export async function issuesOfOpenCodes(
  pending: readonly PendingCheck[],
  ask: (check: CodeCheck) => Promise<CodeVerdict>,
  { isLate, turn }: { isLate(): boolean; turn(): Promise<void> | undefined },
): Promise<Issue[]> {
  const verdicts = new Map<string, CodeVerdict>()
  const questions = new Map(pending.map(({ check }) => [JSON.stringify(check), check]))
  const left = questions.entries()
  const lane = async (): Promise<void> => {
    for (const [key, check] of left) {
      if (isLate()) return
      verdicts.set(key, await ask(check))
      // Answers from memory come without any turn of the event loop.
      await turn()
    }
  }
  await Promise.all(Array.from({ length: Math.min(VALIDATE_LIMITS.codesAtOnce, questions.size) }, lane))
  const issues: Issue[] = []
  let isCut = false
  for (const one of pending) {
    const verdict = verdicts.get(JSON.stringify(one.check))
    if (verdict) issues.push(...issuesOfVerdict(one, verdict))
    else if (!isCut) {
      isCut = true
      const text = 'There was no time to check this code and some others.'
      issues.push({ severity: 'error', code: 'too-costly', expression: one.expression, text })
    }
  }
  return distinctIssues(issues)
}
