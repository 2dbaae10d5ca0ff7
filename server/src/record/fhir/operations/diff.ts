import { RESOURCE_TYPES, typeName } from '@salus/fhir-model'
import { type Fault, raise } from '#kernel'
import type { RecordStore } from '../store/record-store.ts'
import type { Caller } from '../store/write-request.ts'
import { parseTagged, untagged } from '../store/written-numbers.ts'
import type { Operation, OperationAnswer, OperationCall } from './operation.ts'
import { flagOf, textOf, valuesOf } from './parameter-values.ts'
import { localOf, type OpenedRow } from './referred-rows.ts'
import { resourceDiff } from './resource-diff.ts'
import { storedVersion } from './stored-version.ts'

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
 * Faults: `fhir.diff.reference`, `.types-differ`, `.version-missing`, `fhir.forbidden`.
 */
export function diffOperation(parts: DiffParts): Operation {
  return {
    name: 'diff',
    definition: 'https://salus.health/fhir/OperationDefinition/diff',
    levels: ['system', 'instance'],
    types: RESOURCE_TYPES.filter((type) => type !== 'AuditEvent'),
    affectsState: false,
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
  const patch = resourceDiff(compared(before, withMeta), compared(after, withMeta))
  const patients = [before.row.patient, after.row.patient].filter((patient) => patient !== 0)
  return { status: 200, body: untagged(patch, true) as object, patients: [...new Set(patients)], count: 2 }
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

/** Without what the server itself keeps. */
function compared({ body }: OpenedRow, withMeta: boolean): Record<string, unknown> {
  const { id: _id, meta, ...rest } = parseTagged(body.toString()) as Record<string, unknown>
  const { versionId: _version, lastUpdated: _updated, ...labels } = (meta ?? {}) as Record<string, unknown>
  return withMeta && Object.keys(labels).length > 0 ? { ...rest, meta: labels } : rest
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
