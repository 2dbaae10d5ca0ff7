import { searchParameterById, typeName, typeNumber } from '@salus/fhir-model'
import { eventLoopTurns, FaultError, raise } from '#kernel'
import { requireScope } from '../../rest/require.ts'
import { applyWrites, type WriteDependencies } from '../../store/apply-writes.ts'
import { idOf, NOT_FOUND } from '../../store/resolve-targets.ts'
import type { RowKey } from '../../store/rows.ts'
import { currentRows } from '../../store/store.ts'
import type { Caller, PatchDocument, Resource, WriteOutcome, WriteRequest } from '../../store/write-request.ts'
import type { Operation, OperationAnswer, OperationCall } from '../operation.ts'
import { flagOf, valuesOf } from '../parameter-values.ts'
import { localOf, type OpenedRow, openedRows } from '../referred-rows.ts'
import { referringTo, typesOf } from '../store.ts'
import { storedVersion } from '../stored-version.ts'
import { MERGE_FAULTS, MERGED_MAX } from './merge-faults.ts'
import { type MergedVersion, mergeProvenance } from './merge-provenance.ts'
import { activeSteps, linkSteps, replacedBy } from './patient-links.ts'
import { type PatchStep, pointersTo, replacing } from './reference-pointers.ts'

/** Times a merge is planned again because somebody wrote in between. */
const ATTEMPTS_MAX = 5

/**
 * Merge two records of one person: what refers to the source patient then refers to the target, and so moves into the target's record
 * and under its key; the source is set inactive and linked as replaced. One transaction, recorded by a Provenance that names each
 * version made, with which `$salus-unmerge` undoes it. `preview=true` tells what would be changed. References that name a version,
 * and those in extensions that no search knows, stay. Earlier versions stay under the source's key: who erases the person erases both patients.
 * Parameters as in http://hl7.org/fhir/R5/patient-operation-merge.html
 *
 * Faults: `fhir.merge.*`, `fhir.store.not-found`, `fhir.forbidden` where a type concerned may not be changed, those of a write.
 */
export function mergeOperation(writes: WriteDependencies): Operation {
  return {
    name: 'merge',
    definition: 'http://hl7.org/fhir/OperationDefinition/Patient-merge',
    levels: ['type'],
    types: ['Patient'],
    affectsState: true,
    permission: 'u',
    parameters: {
      'source-patient': { kind: 'any' },
      'target-patient': { kind: 'any' },
      preview: { kind: 'boolean' },
    },
    run: (call) => run(writes, call),
  }
}

async function run(writes: WriteDependencies, call: OperationCall): Promise<OperationAnswer> {
  const { caller, parameters } = call
  requireScope(caller, 'Provenance', 'c')
  const named = (name: string): string => {
    const [value] = valuesOf(parameters, name) as { reference?: unknown }[]
    const local = typeof value?.reference === 'string' ? localOf(value.reference, writes.fhirBase) : undefined
    return local?.type === 'Patient' ? local.id : raise(MERGE_FAULTS.patients)
  }
  const [sourceId, targetId] = [named('source-patient'), named('target-patient')]
  if (sourceId === targetId) raise(MERGE_FAULTS.patients)
  const isPreview = flagOf(parameters, 'preview') === true
  return retried(async () => {
    const plan = await planOf(writes, caller, sourceId, targetId)
    const patients = [...new Set([plan.source, plan.target, ...plan.moved].map(({ row }) => row.patient))]
    const disclosed = { patients: patients.filter((patient) => patient !== 0), count: plan.moved.length + 2 }
    const outcomes = isPreview
      ? undefined
      : await applyWrites(writes, caller, [...plan.requests, provenanceOf(writes, caller, plan)], 'transaction')
    const input = inputOf(sourceId, targetId, isPreview)
    return { status: 200, body: answerOf(plan, input, outcomes), ...disclosed }
  })
}

/** Versions are guarded: when somebody else wrote one of them, the whole is planned again. */
export async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const isLost = error instanceof FaultError && error.fault.code === 'fhir.write.version-differs'
      if (!isLost || attempt >= ATTEMPTS_MAX) throw error
    }
  }
}

interface Plan {
  source: OpenedRow
  target: OpenedRow
  moved: OpenedRow[]
  requests: WriteRequest[]
}

async function planOf(writes: WriteDependencies, caller: Caller, sourceId: string, targetId: string): Promise<Plan> {
  const { store, fhirBase } = writes
  const [source, target] = await Promise.all(
    [sourceId, targetId].map((id) => storedVersion(store, caller, { type: 'Patient', id })),
  )
  if (!source || !target) return raise(NOT_FOUND)
  const [from, to] = [`Patient/${sourceId}`, `Patient/${targetId}`]
  const [sourcePatient, targetPatient] = [resourceOf(source), resourceOf(target)]
  const replacement = replacedBy(sourcePatient)
  if (replacement !== undefined && replacement !== to) raise(MERGE_FAULTS.sourceMerged)
  if (replacedBy(targetPatient) !== undefined) raise(MERGE_FAULTS.targetMerged)
  const moved: OpenedRow[] = []
  const requests: WriteRequest[] = []
  const turn = eventLoopTurns(store.clock)
  for (const one of await concernedBy(writes, caller, source.row)) {
    await turn()
    if (one.row.rid === target.row.rid || one.row.rid === source.row.rid) continue
    const resource = resourceOf(one)
    const pointers = pointersTo(resource, from, fhirBase)
    if (pointers.length === 0) continue
    for (const permission of ['r', 'u'] as const) requireScope(caller, resource.resourceType, permission)
    moved.push(one)
    requests.push(movingRequest(one, pointers, to))
  }
  const patients = [
    patchRequest(source, [...linkSteps(sourcePatient, to, 'replaced-by'), ...activeSteps(sourcePatient, false)]),
    patchRequest(target, linkSteps(targetPatient, from, 'replaces')),
  ]
  return { source, target, moved, requests: [...requests, ...patients] }
}

async function concernedBy({ store }: WriteDependencies, caller: Caller, source: RowKey): Promise<OpenedRow[]> {
  const { tenant } = caller
  const limit = MERGED_MAX + 1
  const { owned, mentions } = await referringTo(store.database, { tenant, patient: source.rid, limit })
  const keys = new Map<number, RowKey>(owned.map(({ type, rid }) => [rid, { tenant, type, rid }]))
  const untold: number[] = []
  for (const { param, rid } of mentions) {
    const type = typeNumber(searchParameterById(param)?.base ?? '')
    if (type === undefined) untold.push(rid)
    else keys.set(rid, { tenant, type, rid })
  }
  // A parameter of the tenant's own may be of several types, or be gone by now.
  for (const { type, rid } of await typesOf(store.database, { tenant, rids: untold }))
    keys.set(rid, { tenant, type, rid })
  if (keys.size > MERGED_MAX) raise(MERGE_FAULTS.tooLarge)
  const rows = await currentRows(store.database, [...keys.values()])
  return openedRows(
    store,
    rows.filter((row) => row !== undefined),
  )
}

/** A guarded change of one version. */
export function patchRequest(one: OpenedRow, steps: readonly PatchStep[]): WriteRequest {
  return guarded(one, { format: 'json-patch', body: [...steps, STAY] })
}

/** A guarded change of the references at these places. */
export function movingRequest(one: OpenedRow, pointers: readonly string[], to: string): WriteRequest {
  return guarded(one, replacing(one.body, pointers, { to, more: [STAY] }))
}

function guarded({ row, body }: OpenedRow, patch: PatchDocument): WriteRequest {
  return { action: 'patch', type: typeName(row.type) as string, id: idOf(body), ifMatch: row.version, patch }
}

/** So that each named version is made: what it writes is the server's own, and overwritten. */
const STAY: PatchStep = { op: 'add', path: '/meta/versionId', value: '0' }

function resourceOf({ body }: OpenedRow): Resource {
  return JSON.parse(body.toString()) as Resource
}

/** The version that the change of a row makes. */
export function madeVersion({ row, body }: OpenedRow): MergedVersion {
  return { type: typeName(row.type) as string, id: idOf(body), version: row.version + 1 }
}

function provenanceOf({ store }: WriteDependencies, caller: Caller, { source, target, moved }: Plan): WriteRequest {
  const resource = mergeProvenance({
    activity: 'merge',
    source: madeVersion(source),
    target: madeVersion(target),
    moved: moved.map(madeVersion),
    recorded: new Date(store.clock.now()).toISOString(),
    by: caller.actor,
  })
  return { action: 'create', type: 'Provenance', resource }
}

/** What was asked, as it was understood: what else was sent was not looked at, and is not repeated. */
function inputOf(source: string, target: string, preview: boolean): Resource {
  const patient = (name: string, id: string): object => ({ name, valueReference: { reference: `Patient/${id}` } })
  const patients = [patient('source-patient', source), patient('target-patient', target)]
  return {
    resourceType: 'Parameters',
    parameter: preview ? [...patients, { name: 'preview', valueBoolean: true }] : patients,
  }
}

function answerOf({ target, moved }: Plan, input: Resource, outcomes: WriteOutcome[] | undefined): object {
  const made = outcomes?.find(({ type }) => type === 'Provenance')
  const result = outcomes?.find(({ type, id }) => type === 'Patient' && id === idOf(target.body))?.body ?? target.body
  const said = `${made ? 'Merged' : 'A merge would change'}: ${moved.length} resources, and both patients.`
  const issue = [{ severity: 'information', code: 'informational', details: { text: said } }]
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'input', resource: input },
      { name: 'outcome', resource: { resourceType: 'OperationOutcome', issue } },
      { name: 'result', resource: JSON.parse(result.toString()) as Resource },
      ...(made ? [{ name: 'provenance', valueReference: { reference: `Provenance/${made.id}` } }] : []),
    ],
  }
}
