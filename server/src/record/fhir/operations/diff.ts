import { RESOURCE_TYPES, typeName } from '@salus/fhir-model'
import { eventLoopTurns, type Fault, raise } from '#kernel'
import type { RecordStore } from '../store/record-store.ts'
import type { Caller } from '../store/write-request.ts'
import { parseMarkedInTurns, unmarked } from '../store/written-numbers.ts'
import type { Operation, OperationAnswer, OperationCall } from './operation.ts'
import { flagOf, textOf, valuesOf } from './parameter-values.ts'
import { localOf, type OpenedRow } from './referred-rows.ts'
import { resourceDiff } from './resource-diff.ts'
import { storedVersion } from './stored-version.ts'

/** Bytes of an answer: what was changed, and not the whole of what is as large. */
const BYTES_MAX = 8 * 1024 * 1024

interface DiffParts {
  store: RecordStore
  fhirBase: string
}

/**
 * What changed between two versions of a resource, or between two resources of a type, as a FHIRPath Patch that makes the second
 * of the first. `Patient/[id]/$diff` takes `fromVersion` (the one before, unless given) and `toVersion` (the current one);
 * `$diff` takes `from` and `to`, references with or without a version. Labels of `meta` are compared with `includeMeta=true`.
 * The form is that of HAPI FHIR, without the former values: http://hl7.org/fhir/R4/fhirpatch.html
 *
 * Faults: `fhir.diff.reference`, `.types-differ`, `.version-missing`, `.too-many`, `.too-large`, `fhir.forbidden`.
 */
export function diffOperation(parts: DiffParts): Operation {
  return {
    name: 'diff',
    definition: 'https://salus.health/fhir/OperationDefinition/diff',
    levels: ['system', 'instance'],
    types: RESOURCE_TYPES.filter((type) => type !== 'AuditEvent'),
    affectsState: false,
    asks: true,
    permission: 'r',
    namesTypes: true,
    parameters: {
      from: { kind: 'text' },
      to: { kind: 'text' },
      fromVersion: { kind: 'integer' },
      toVersion: { kind: 'integer' },
      includeMeta: { kind: 'boolean' },
    },
    run: (call) => run(parts, call),
  }
}

async function run(parts: DiffParts, call: OperationCall): Promise<OperationAnswer> {
  const { caller, parameters } = call
  const [from, to] = call.instance ? versionsOf(call) : namedIn(parts, call)
  if (from.type !== to.type) raise(TYPES_DIFFER)
  const [before, after] = [await found(parts, caller, from), await found(parts, caller, to)]
  const withMeta = flagOf(parameters, 'includeMeta') === true
  const turn = eventLoopTurns(parts.store.clock)
  const [old, now] = [await compared(before, withMeta, turn), await compared(after, withMeta, turn)]
  const body = await written(await resourceDiff(old, now, turn), turn)
  const patients = [before.row.patient, after.row.patient].filter((patient) => patient !== 0)
  return { status: 200, body, patients: [...new Set(patients)], count: 2 }
}

interface Named {
  type: string
  id: string
  version: number | undefined
}

function versionsOf({ instance, parameters }: OperationCall): [Named, Named] {
  const { row, resource } = instance as NonNullable<OperationCall['instance']>
  if (textOf(parameters, 'from') !== undefined || textOf(parameters, 'to') !== undefined) raise(REFERENCE)
  const [fromVersion = row.version - 1] = valuesOf(parameters, 'fromVersion') as number[]
  const [toVersion = row.version] = valuesOf(parameters, 'toVersion') as number[]
  const one = { type: typeName(row.type) as string, id: String(resource.id) }
  return [
    { ...one, version: fromVersion },
    { ...one, version: toVersion },
  ]
}

function namedIn({ fhirBase }: DiffParts, { parameters }: OperationCall): [Named, Named] {
  const named = (name: string): Named => {
    const text = textOf(parameters, name) ?? ''
    const local = localOf(text, fhirBase) ?? raise(REFERENCE)
    const version = /\/_history\/(\d{1,9})$/.exec(text)?.[1]
    if (version === undefined && text.includes('/_history/')) raise(REFERENCE)
    return { ...local, version: version === undefined ? undefined : Number(version) }
  }
  return [named('from'), named('to')]
}

async function found({ store }: DiffParts, caller: Caller, one: Named): Promise<OpenedRow> {
  const isVersion = one.version === undefined || (one.version > 0 && one.version < 1e9)
  return (isVersion && (await storedVersion(store, caller, one))) || raise(VERSION_MISSING)
}

type Turn = ReturnType<typeof eventLoopTurns>

/** Without what the server itself keeps. */
async function compared({ body }: OpenedRow, withMeta: boolean, turn: Turn): Promise<Record<string, unknown>> {
  const { id: _id, meta, ...rest } = (await parseMarkedInTurns(body.toString(), turn)) as Record<string, unknown>
  await turn()
  const { versionId: _version, lastUpdated: _updated, ...labels } = (meta ?? {}) as Record<string, unknown>
  return withMeta && Object.keys(labels).length > 0 ? { ...rest, meta: labels } : rest
}

/** The answer as JSON, operation by operation. Fault `fhir.diff.too-large`. */
async function written(patch: Awaited<ReturnType<typeof resourceDiff>>, turn: Turn): Promise<Buffer> {
  const { parameter = [], ...head } = patch
  if (parameter.length === 0) return Buffer.from(JSON.stringify(head))
  const pieces = [Buffer.from(`${JSON.stringify(head).slice(0, -1)},"parameter":[`)]
  let bytes = 0
  for (const [index, operation] of parameter.entries()) {
    await turn()
    const piece = Buffer.from(`${index > 0 ? ',' : ''}${JSON.stringify(unmarked(operation))}`)
    bytes += piece.length
    if (bytes > BYTES_MAX) raise(TOO_LARGE)
    pieces.push(piece)
  }
  return Buffer.concat([...pieces, Buffer.from(']}')])
}

const REFERENCE: Fault = {
  category: 'invalid',
  code: 'fhir.diff.reference',
  message:
    'Name two resources of this server by from and to, e.g. from=Patient/1/_history/1&to=Patient/1, or versions of one by fromVersion and toVersion.',
}
const TYPES_DIFFER: Fault = {
  category: 'invalid',
  code: 'fhir.diff.types-differ',
  message: 'Only resources of one type can be compared.',
}
const VERSION_MISSING: Fault = {
  category: 'not-found',
  code: 'fhir.diff.version-missing',
  message: 'There is no such version. See the history of the resource; what was deleted has nothing to compare.',
}
const TOO_LARGE: Fault = {
  category: 'too-costly',
  code: 'fhir.diff.too-large',
  message: `The differences have more than ${BYTES_MAX / 1_048_576} MB. Read both versions instead.`,
}
