import type { Issue } from '@salus/fhir-validator'
import { type Clock, eventLoopTurns, type Fault, FaultError, raise } from '#kernel'
import type { Draft } from '../store/draft.ts'
import type { Caller, Resource, WriteRequest } from '../store/write-request.ts'
import { inResource } from './place-in-entry.ts'
import type { Policies } from './policies.ts'
import type { ProfileCheck, ProfileChecks } from './profile-checks.ts'
import type { ValidationPolicy } from './store.ts'

/** Code system of the tags that say how a stored version did. */
export const VALIDATION_TAG = 'https://salus.health/fhir/validation'

/** `profile-unchecked`: a claimed profile is not known here or cannot be evaluated, or the check took too much. */
export type ValidationTag = 'profile-passed' | 'profile-failed' | 'profile-unchecked'

/** What is about to be written, with the requests it comes from. */
export interface Claims {
  caller: Caller
  requests: readonly WriteRequest[]
  drafts: readonly (Draft | undefined)[]
}

/** Undefined when there is nothing to wait for: under `accept` a write costs one look into a map. */
export type CheckClaims = (claims: Claims) => Promise<void> | undefined

/**
 * Hold what is written against the profiles it claims in `meta.profile`, as the tenant's policy says. A resource that claims none
 * is not looked at. Faults under `reject`: `fhir.validate.profile-not-met` with one detail per error, those of the check.
 */
export function claimsChecker(parts: { policies: Policies; checks: ProfileChecks; clock: Clock }): CheckClaims {
  return (claims) => {
    const policy = parts.policies.of(claims.caller.tenant)
    if (policy === 'accept') return undefined
    return (async () => {
      const decided = await policy
      if (decided !== 'accept') await checkAll(parts, claims, decided)
    })()
  }
}

async function checkAll(
  { checks, clock }: { checks: ProfileChecks; clock: Clock },
  { caller, requests, drafts }: Claims,
  policy: Exclude<ValidationPolicy, 'accept'>,
): Promise<void> {
  const turn = eventLoopTurns(clock)
  const resolve = siblings(drafts)
  const seen = new Set<Draft>()
  let check: ProfileCheck | undefined
  for (const [index, draft] of drafts.entries()) {
    if (!draft?.resource || seen.has(draft)) continue
    seen.add(draft)
    const claims = claimsOf(draft.resource)
    if (claims === 0) {
      retag(draft, undefined)
      continue
    }
    check ??= await checks.of(caller.tenant)
    const issues = await issuesOf(check, draft.resource, resolve, policy)
    if (policy === 'tag') retag(draft, tagOf(issues))
    else {
      const errors = issues?.filter((issue) => isError(issue) || isUnknownProfile(issue)) ?? []
      if (errors.length > 0) refuse(caller, requests[index] as WriteRequest, errors)
      retag(draft, undefined)
    }
    await turn()
  }
}

/** Undefined: it could not be checked, and need not be. */
async function issuesOf(
  check: ProfileCheck,
  resource: Resource,
  resolve: (reference: string) => Resource | undefined,
  policy: ValidationPolicy,
): Promise<Issue[] | undefined> {
  try {
    return await check(resource, { resolve, bestPractice: 'ignore', wrongDisplay: 'warning' })
  } catch (error) {
    const category = error instanceof FaultError ? error.fault.category : 'bug'
    if (policy === 'tag' && (category === 'too-costly' || category === 'busy')) return undefined
    throw error
  }
}

/** References between the entries of one transaction, which are final by now. */
function siblings(drafts: Claims['drafts']): (reference: string) => Resource | undefined {
  if (drafts.length < 2) return () => undefined
  const byReference = new Map<string, Resource>()
  for (const draft of drafts) if (draft?.resource) byReference.set(`${draft.type}/${draft.id}`, draft.resource)
  return (reference) => byReference.get(reference)
}

function claimsOf({ meta }: Resource): number {
  return Array.isArray(meta?.profile) ? meta.profile.length : 0
}

export function isError({ severity }: Issue): boolean {
  return severity === 'error' || severity === 'fatal'
}

/** What the validator says of a claimed profile that it does not have. */
export function isUnknownProfile({ code, expression }: Issue): boolean {
  return code === 'not-found' && /\.meta\.profile\[\d+\]$/.test(expression)
}

/** Errors of the check or of the profile itself: nobody knows whether the resource conforms. */
const UNDECIDED: ReadonlySet<string> = new Set(['too-costly', 'processing'])

function tagOf(issues: readonly Issue[] | undefined): ValidationTag {
  if (issues?.some((issue) => isError(issue) && !UNDECIDED.has(issue.code))) return 'profile-failed'
  if (!issues || issues.some((issue) => isError(issue) || isUnknownProfile(issue))) return 'profile-unchecked'
  return 'profile-passed'
}

/** What a client sends of these tags is that of an earlier version, or made up. */
function retag({ resource, exact }: Draft, tag: ValidationTag | undefined): void {
  for (const one of [resource, exact]) {
    if (!one?.meta) continue
    const given: unknown[] = Array.isArray(one.meta.tag) ? one.meta.tag : []
    const others = given.filter((each) => (each as { system?: unknown } | null)?.system !== VALIDATION_TAG)
    const tags = tag === undefined ? others : [...others, { system: VALIDATION_TAG, code: tag }]
    if (tags.length > 0) one.meta.tag = tags
    else delete one.meta.tag
  }
}

/** Details of a patch tell of what was there before: they are for those who may read it. */
function refuse(caller: Caller, { action, type, place }: WriteRequest, errors: readonly Issue[]): never {
  const isTold = action !== 'patch' || caller.scopes.allows(type, 'r')
  const at = (expression: string): string => (place === undefined ? expression : inResource(place, expression))
  const details = errors.map(
    (issue): Fault => ({
      category: 'invalid',
      code: `fhir.validate.${issue.code}`,
      message: issue.text,
      expression: at(issue.expression),
    }),
  )
  return raise({
    ...NOT_MET,
    ...(place === undefined ? {} : { expression: place }),
    ...(isTold ? { details } : {}),
  })
}

const NOT_MET: Fault = {
  category: 'invalid',
  code: 'fhir.validate.profile-not-met',
  message: 'The resource does not conform to a profile that it claims, or claims one that is not known here.',
}
