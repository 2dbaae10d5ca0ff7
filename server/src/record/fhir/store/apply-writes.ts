import { type AuditRecord, RACE_LOST, type Unit } from '#audit'
import { assert, FaultError, LIMITS, raise } from '#kernel'
import { sealDetail } from '../rest/audit-detail.ts'
import type { CheckClaims } from '../validate/claimed-profiles.ts'
import { atPlace } from './at-place.ts'
import { type ConditionSearch, Conditions } from './conditions.ts'
import { type Draft, draftOf } from './draft.ts'
import { linkEntries } from './link-entries.ts'
import { type PatchedResource, patchedResource } from './patch-resource.ts'
import { prepareRows } from './prepare-rows.ts'
import type { RecordStore } from './record-store.ts'
import type { ResolvedIds } from './resolve-ids.ts'
import { resolveTargets } from './resolve-targets.ts'
import { recordComposer } from './store.ts'
import type { Caller, Resource, Target, WriteOutcome, WriteRequest } from './write-request.ts'

export interface WriteDependencies {
  store: RecordStore
  conditionSearch: ConditionSearch
  /** Base URL of the FHIR API without a trailing slash; absolute references below it are local. */
  fhirBase: string
  /** Checks a resource that a patch made; raises the same fault as a create of it would. */
  validate(resource: Resource): void
  /** Holds what is about to be written against the profiles it claims, and tags it; undefined when nothing is to be checked. */
  checkClaims: CheckClaims
}

/** Audit action of the whole: `create`, `update`... for a single request, `transaction` for several. */
export type WriteAction = Extract<AuditRecord['action'], 'create' | 'update' | 'patch' | 'delete' | 'transaction'>

/**
 * Apply writes all or none, in one commit, and answer in their order. Losing a race to another writer starts again from
 * what is stored now, at most `LIMITS.writeAttemptsMax` times. Resolves only when everything, audit included, is durable.
 *
 * Faults: `fhir.write.*`, `fhir.condition.*`, `fhir.transaction.*`, `fhir.store.*`, those of the ledger.
 * http://hl7.org/fhir/R4/http.html#transaction
 */
export async function applyWrites(
  dependencies: WriteDependencies,
  caller: Caller,
  requests: readonly WriteRequest[],
  action: WriteAction,
): Promise<WriteOutcome[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptWrites(dependencies, caller, requests, action)
    } catch (error) {
      const lost = error instanceof FaultError && error.fault.code === RACE_LOST.code
      // With If-Match the caller has said which version it knows: the second look answers 412 by itself.
      if (!lost || attempt >= LIMITS.writeAttemptsMax) throw error
    }
  }
}

async function attemptWrites(
  dependencies: WriteDependencies,
  caller: Caller,
  requests: readonly WriteRequest[],
  action: WriteAction,
): Promise<WriteOutcome[]> {
  const conditions = new Conditions(dependencies.conditionSearch, caller)
  const { targets, ids } = await resolveTargets(dependencies.store, caller, requests, conditions)
  refuseDoubleTargets(requests, targets)
  return storeWrites(dependencies, caller, { requests, action, conditions, targets, ids })
}

interface AimedWrites {
  requests: readonly WriteRequest[]
  action: WriteAction
  conditions: Conditions
  targets: readonly Target[]
  ids: ResolvedIds
}

async function storeWrites(
  dependencies: WriteDependencies,
  caller: Caller,
  work: AimedWrites,
): Promise<WriteOutcome[]> {
  const { store } = dependencies
  const { requests, action, conditions, targets, ids } = work
  const fresh = await store.takeRids(targets.filter((target) => target.rid === undefined && !target.settled).length)
  const now = store.clock.now()
  const drafts: (Draft | undefined)[] = []
  const byCondition = new Map<string, number>()
  for (const [index, request] of requests.entries()) {
    const target = targets[index]
    assert(target, 'each request has its target')
    // The same ifNoneExist twice in one bundle names one resource: the first entry makes it, the second finds it.
    const condition =
      request.action === 'create' && request.condition !== undefined
        ? `${request.type}?${request.condition}`
        : undefined
    const earlier = condition === undefined ? undefined : byCondition.get(condition)
    if (target.settled || earlier !== undefined) {
      drafts.push(earlier === undefined ? undefined : drafts[earlier])
      continue
    }
    if (condition !== undefined) byCondition.set(condition, index)
    const rid = target.rid ?? fresh.pop()
    assert(rid !== undefined, 'a number for each new resource')
    const patched =
      request.action === 'patch'
        ? await atPlace(request, () => checkedPatch(dependencies, caller.tenant, request, target))
        : undefined
    // History is read in the order of its times: a version is never older than the one it replaces, even when the clock jumps.
    const updated = Math.max(now, target.latestAt ?? 0)
    drafts.push(draftOf(store, caller.tenant, { request, target, rid, updated, ...(patched ? { patched } : {}) }))
  }
  const distinct = [...new Set(drafts.filter((draft) => draft !== undefined))]
  if (distinct.length > 0) {
    await linkEntries(dependencies, { caller, requests, drafts, targets, conditions })
    const checking = dependencies.checkClaims({ caller, requests, drafts })
    if (checking) await checking
    const prepared = await prepareRows(store, caller.tenant, distinct, ids)
    prepared.patients.push(...targets.flatMap(({ patient, settled }) => (settled ? [] : (patient ?? []))))
    await store.ledger.commit(
      unitOf(store, caller, { action, drafts: distinct, prepared, conditions, found: foundOf(targets) }),
    )
  } else {
    await store.ledger.record(recordOf(store, caller, action, { drafts: [], patients: [], found: foundOf(targets) }))
  }
  return requests.map((_, index) => {
    const outcome = drafts[index]?.outcome() ?? targets[index]?.settled
    assert(outcome, 'each write has an outcome')
    return outcome
  })
}

async function checkedPatch(
  { store, validate }: WriteDependencies,
  tenant: number,
  request: WriteRequest,
  target: Target,
): Promise<PatchedResource> {
  const patched = await patchedResource(store, tenant, request, target)
  validate(patched.resource)
  return patched
}

/**
 * http://hl7.org/fhir/R4/http.html#trules: two entries for one resource fail the whole transaction, whether they name it
 * by id or by a condition, and also when it does not exist yet. Creates aim at nothing.
 */
function refuseDoubleTargets(requests: readonly WriteRequest[], targets: readonly Target[]): void {
  const seen = new Set<number | string>()
  for (const [index, { action, type, condition, place }] of requests.entries()) {
    if (action === 'create') continue
    const rid = targets[index]?.rid
    const names = [...(rid === undefined ? [] : [rid]), ...(condition === undefined ? [] : [`${type}?${condition}`])]
    if (names.some((name) => seen.has(name)))
      raise({
        category: 'invalid',
        code: 'fhir.transaction.double-target',
        message: 'Two entries of the transaction change the same resource. Send one entry for each resource.',
        ...(place === undefined ? {} : { expression: place }),
      })
    for (const name of names) seen.add(name)
  }
}

interface Prepared {
  rows: NonNullable<Unit['write']>['rows']
  patients: number[]
}

function unitOf(
  store: RecordStore,
  caller: Caller,
  work: { action: WriteAction; drafts: readonly Draft[]; prepared: Prepared; conditions: Conditions; found: Found[] },
): Unit {
  const { action, drafts, prepared, conditions, found } = work
  return {
    records: [recordOf(store, caller, action, { drafts, patients: prepared.patients, found })],
    events: drafts.map((draft) => ({
      tenant: caller.tenant,
      action: draft.action === 'delete' ? ('deleted' as const) : ('written' as const),
      type: draft.typeNumber,
      rid: draft.rid,
      version: draft.version,
      patient: draft.patient,
    })),
    write: { composer: recordComposer, rows: prepared.rows },
    ...(conditions.any
      ? { locks: conditions.locks(), verify: (connection, late) => conditions.stillHold(connection, late) }
      : {}),
  }
}

/** What conditional creates found: the answer names it, or holds it. */
type Found = NonNullable<WriteOutcome['found']>

function foundOf(targets: readonly Target[]): Found[] {
  return targets.flatMap(({ settled }) => settled?.found ?? [])
}

function recordOf(
  store: RecordStore,
  caller: Caller,
  action: WriteAction,
  done: { drafts: readonly Draft[]; patients: number[]; found: Found[] },
): AuditRecord {
  const { drafts, found } = done
  const count = drafts.length + found.length
  const draft = count === 1 ? drafts[0] : undefined
  const only = count === 1 ? (draft ?? found[0]) : undefined
  const patients = new Set([...done.patients, ...found.map(({ patient }) => patient)])
  patients.delete(0)
  return {
    at: store.clock.now(),
    tenant: caller.tenant,
    client: caller.client,
    actor: caller.actor,
    requestId: caller.requestId,
    purpose: caller.purpose,
    action,
    outcome: 'success',
    type: draft?.typeNumber ?? (count === 1 ? found[0]?.type : undefined) ?? 0,
    rid: only?.rid ?? 0,
    version: only?.version ?? 0,
    patients: [...patients],
    count,
    // One record names them all: the outbox, which also does, is not part of what can be proved.
    ...(count > 1 ? { detail: sealDetail(store.vault, caller.tenant, resourcesOf(drafts, found)) } : {}),
  }
}

/** Each resource of a transaction as [what was done, type number, rid, version]. */
function resourcesOf(drafts: readonly Draft[], found: readonly Found[]): string {
  return JSON.stringify([
    ...drafts.map((draft) => [draft.action, draft.typeNumber, draft.rid, draft.version]),
    ...found.map(({ type, rid, version }) => ['found', type, rid, version]),
  ])
}
