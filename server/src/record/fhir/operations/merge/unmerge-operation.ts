import { typeNumber } from '@salus/fhir-model'
import { eventLoopTurns, raise } from '#kernel'
import { requireScope, requireType } from '../../rest/require.ts'
import { applyWrites, type WriteDependencies } from '../../store/apply-writes.ts'
import type { Caller, Resource, WriteRequest } from '../../store/write-request.ts'
import type { Operation, OperationAnswer, OperationCall } from '../operation.ts'
import { flagOf } from '../parameter-values.ts'
import type { OpenedRow } from '../referred-rows.ts'
import { storedVersion } from '../stored-version.ts'
import { MERGE_FAULTS, MERGED_MAX } from './merge-faults.ts'
import { madeVersion, movingRequest, patchRequest, retried } from './merge-operation.ts'
import { type MergedVersion, mergeProvenance, readProvenance } from './merge-provenance.ts'
import { activeSteps, unlinkSteps } from './patient-links.ts'
import { pointersTo, valueAt } from './reference-pointers.ts'

/**
 * Undo a merge, named by its Provenance: each reference that it moved goes back, in the resource as it is now, and both patients lose
 * their links. What was deleted since is passed over; what came into the target's record since stays there. Refused as a whole where a
 * moved reference is no longer where the merge put it. `preview=true` tells what would be changed.
 *
 * Faults: `fhir.merge.not-a-merge`, `.changed-since`, `fhir.forbidden`, those of a write.
 */
export function unmergeOperation(writes: WriteDependencies): Operation {
  return {
    name: 'salus-unmerge',
    definition: 'https://salus.health/fhir/OperationDefinition/unmerge',
    levels: ['instance'],
    types: ['Provenance'],
    affectsState: true,
    permission: 'r',
    parameters: { preview: { kind: 'boolean' } },
    run: (call) => run(writes, call),
  }
}

async function run(writes: WriteDependencies, call: OperationCall): Promise<OperationAnswer> {
  const { caller, parameters } = call
  requireScope(caller, 'Provenance', 'c')
  for (const permission of ['r', 'u'] as const) requireScope(caller, 'Patient', permission)
  const said = readProvenance((call.instance as NonNullable<OperationCall['instance']>).resource)
  if (said.moved.length > MERGED_MAX) raise(MERGE_FAULTS.tooLarge)
  return retried(async () => {
    const { moved, source, target, requests } = await planOf(writes, caller, said)
    if (flagOf(parameters, 'preview') !== true) {
      const resource = mergeProvenance({
        activity: 'unmerge',
        source: madeVersion(source),
        target: madeVersion(target),
        moved: moved.map(madeVersion),
        recorded: new Date(writes.store.clock.now()).toISOString(),
        by: caller.actor,
      })
      await applyWrites(
        writes,
        caller,
        [...requests, { action: 'create', type: 'Provenance', resource }],
        'transaction',
      )
    }
    const patients = new Set([source, target, ...moved].map(({ row }) => row.patient))
    patients.delete(0)
    const parameter = [{ name: 'count', valueInteger: moved.length }]
    return {
      status: 200,
      body: { resourceType: 'Parameters', parameter },
      patients: [...patients],
      count: moved.length + 2,
    }
  })
}

interface Plan {
  source: OpenedRow
  target: OpenedRow
  moved: OpenedRow[]
  requests: WriteRequest[]
}

async function planOf(
  writes: WriteDependencies,
  caller: Caller,
  said: ReturnType<typeof readProvenance>,
): Promise<Plan> {
  const { store, fhirBase } = writes
  const [from, to] = [`Patient/${said.source.id}`, `Patient/${said.target.id}`]
  const turn = eventLoopTurns(store.clock)
  const moved: OpenedRow[] = []
  const requests: WriteRequest[] = []
  for (const one of said.moved) {
    await turn()
    requireType(one.type)
    for (const permission of ['r', 'u'] as const) requireScope(caller, one.type, permission)
    const current = await storedVersion(store, caller, { type: one.type, id: one.id })
    if (!current) continue
    const pointers = await movedPointers(writes, caller, one, { from, to })
    const resource = resourceOf(current)
    const there = new Set(pointersTo(resource, to, fhirBase))
    if (!pointers.every((pointer) => there.has(pointer))) raise(MERGE_FAULTS.changedSince)
    if (pointers.length === 0) continue
    moved.push(current)
    requests.push(movingRequest(current, pointers, from))
  }
  const source = await patientNow(writes, caller, said.source)
  const target = await patientNow(writes, caller, said.target)
  const before = await storedVersion(store, caller, { ...said.source, version: said.source.version - 1 })
  if (!before) return raise(MERGE_FAULTS.changedSince)
  const [sourcePatient, targetPatient] = [resourceOf(source), resourceOf(target)]
  requests.push(
    patchRequest(source, [
      ...unlinkSteps(sourcePatient, to, 'replaced-by'),
      ...activeSteps(sourcePatient, resourceOf(before).active),
    ]),
    patchRequest(target, unlinkSteps(targetPatient, from, 'replaces')),
  )
  return { source, target, moved, requests }
}

/** Where the merge itself put the target: told by the version it made and the one before, whatever the Provenance claims. */
async function movedPointers(
  { store, fhirBase }: WriteDependencies,
  caller: Caller,
  one: MergedVersion,
  { from, to }: { from: string; to: string },
): Promise<string[]> {
  const before = await storedVersion(store, caller, { ...one, version: one.version - 1 })
  const made = await storedVersion(store, caller, one)
  if (!before || !made || before.row.type !== typeNumber(one.type)) return raise(MERGE_FAULTS.changedSince)
  const after = resourceOf(made)
  return pointersTo(resourceOf(before), from, fhirBase).filter((pointer) => valueAt(after, pointer) === to)
}

async function patientNow(
  { store }: WriteDependencies,
  caller: Caller,
  { type, id }: MergedVersion,
): Promise<OpenedRow> {
  return (await storedVersion(store, caller, { type, id })) ?? raise(MERGE_FAULTS.changedSince)
}

function resourceOf({ body }: OpenedRow): Resource {
  return JSON.parse(body.toString()) as Resource
}
