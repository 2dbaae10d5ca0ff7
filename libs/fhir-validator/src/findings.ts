import type { Issue } from './issue.ts'
import type { Walk } from './walk.ts'

/** What a walk found, each finding once, with the profiles that ask for it. */
export function findingsOfWalk({ issues, askers, repeated }: Walk): Issue[] {
  if (!repeated && askers.size === 0) return issues
  const known = new Map<string, { issue: Issue; by: Set<string> }>()
  for (const issue of issues) {
    const key = keyOf(issue)
    let one = known.get(key)
    if (one === undefined) known.set(key, (one = { issue, by: new Set<string>() }))
    const asker = askers.get(issue)
    if (asker !== undefined) one.by.add(asker)
  }
  return [...known.values()].map(({ issue, by }) => (by.size === 0 ? issue : { ...issue, text: withAskers(issue, by) }))
}

/** Of findings that say the same about the same place only the first: two profiles may have given it, or two value sets. */
export function distinctIssues(issues: readonly Issue[]): Issue[] {
  const seen = new Set<string>()
  return issues.filter((issue) => {
    const key = keyOf(issue)
    return !seen.has(key) && seen.add(key) !== undefined
  })
}

const keyOf = ({ severity, expression, text }: Issue): string => `${severity}\n${expression}\n${text}`

/** Texts end with a full stop: `name: at least 1 required, but 0 found (http://...).` */
const withAskers = ({ text }: Issue, by: ReadonlySet<string>): string => `${text.slice(0, -1)} (${[...by].join(', ')}).`
