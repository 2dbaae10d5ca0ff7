/** Why something was refused, without anything of the data. */
export interface Reason {
  /** HTTP status; 0 when it was not sent. */
  status: number
  /** Of the server's fault codes, or the issue type of the OperationOutcome, or one of ours. */
  code: string
  /** FHIRPath of the element at fault. */
  expression?: string
  /** Only from a Salus server: its messages hold no patient data. */
  message?: string
}

/** An OperationOutcome may list hundreds; the first ones say what is wrong. */
const ISSUES_MAX = 10
const SALUS_FAULTS = 'https://salus.health/fault'

interface Issue {
  severity?: unknown
  code?: unknown
  details?: { coding?: { system?: unknown; code?: unknown }[] }
  diagnostics?: unknown
  expression?: unknown[]
}

/** Reasons in an answer's body, which may be anything; at least one. */
export function reasonsOf(status: number, outcome: unknown): Reason[] {
  const issues = issuesOf(outcome).filter(({ severity }) => severity !== 'warning' && severity !== 'information')
  const reasons = issues.slice(0, ISSUES_MAX).map((issue) => reasonOf(status, issue))
  return reasons.length > 0 ? reasons : [{ status, code: `http.${status}` }]
}

function reasonOf(status: number, issue: Issue): Reason {
  const coding = Array.isArray(issue.details?.coding)
    ? issue.details.coding.find((one) => one?.system === SALUS_FAULTS)
    : undefined
  const expression = Array.isArray(issue.expression) ? safeExpression(issue.expression[0]) : undefined
  return {
    status,
    code: safeCode(coding?.code) ?? safeCode(issue.code) ?? `http.${status}`,
    ...(expression === undefined ? {} : { expression }),
    ...(coding && typeof issue.diagnostics === 'string' ? { message: issue.diagnostics } : {}),
  }
}

function issuesOf(outcome: unknown): Issue[] {
  const issues = (outcome as { issue?: unknown } | null | undefined)?.issue
  return Array.isArray(issues)
    ? issues.filter((issue): issue is Issue => typeof issue === 'object' && issue !== null)
    : []
}

function safeCode(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z][\w.-]{0,63}$/.test(value) ? value : undefined
}

/** Paths only: another server may put values into quotes. */
function safeExpression(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z][\w.[\]/:()]{0,199}$/.test(value) ? value : undefined
}

/** JSON of an answer; undefined when it is none. */
export function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
