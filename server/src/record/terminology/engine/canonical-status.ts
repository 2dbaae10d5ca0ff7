import type { CodeSystemHead } from './concept.ts'
import type { Issue, IssueList } from './issues.ts'
import * as messages from './messages.ts'
import {
  canonicalOf,
  canonicalOfResource,
  extensionText,
  type Json,
  STANDARDS_STATUS,
  text,
  truth,
} from './resources.ts'

export interface CanonicalStatus {
  type: 'CodeSystem' | 'ValueSet'
  canonical: string
  status: string | undefined
  standardsStatus: string | undefined
  isExperimental: boolean
}

/** What a reader should know of a resource that took part: withdrawn, deprecated, retired, or draft drawn in by what is none. */
export function statusWord(one: CanonicalStatus, source: CanonicalStatus | undefined): string | undefined {
  if (one.standardsStatus === 'deprecated') return 'deprecated'
  if (one.standardsStatus === 'withdrawn') return 'withdrawn'
  if (one.status === 'retired') return 'retired'
  if (!source) return undefined
  if (one.isExperimental && !source.isExperimental) return 'experimental'
  return isDraft(one) && !isDraft(source) ? 'draft' : undefined
}

export function noteStatus(issues: IssueList, one: CanonicalStatus, source: CanonicalStatus | undefined): void {
  const word = statusWord(one, source)
  if (word === undefined) return
  const issue: Issue = {
    severity: 'information',
    code: 'business-rule',
    type: 'status-check',
    id: `MSG_${word.toUpperCase()}`,
    text: messages.referenceTo(word, one.type, one.canonical),
  }
  issues.add(issue)
}

export function statusOfResource(resource: Json): CanonicalStatus {
  return {
    type: 'ValueSet',
    canonical: canonicalOfResource(resource),
    status: text(resource, 'status'),
    standardsStatus: extensionText(resource, STANDARDS_STATUS),
    isExperimental: truth(resource, 'experimental') ?? false,
  }
}

export function statusOfSystem(head: CodeSystemHead): CanonicalStatus {
  return { ...head, type: 'CodeSystem', canonical: canonicalOf(head.url, head.version) }
}

function isDraft({ status, standardsStatus }: CanonicalStatus): boolean {
  return status === 'draft' || standardsStatus === 'draft'
}
