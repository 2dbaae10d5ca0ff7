import { RESOURCE_TYPES, typeName } from '@salus/fhir-model'
import { RACE_LOST } from '#audit'
import { type Fault, FaultError, LIMITS, raise } from '#kernel'
import { sealDetail } from '../rest/audit-detail.ts'
import { auditRecord } from '../rest/audit-record.ts'
import { locate } from '../rest/read.ts'
import { applyWrites, type WriteDependencies } from '../store/apply-writes.ts'
import { NOT_FOUND } from '../store/resolve-targets.ts'
import type { RowKey } from '../store/rows.ts'
import { tombstones } from '../store/store.ts'
import type { Operation, OperationAnswer, OperationCall } from './operation.ts'
import { flagOf, textOf } from './parameter-values.ts'
import { expungeComposer, mayExpunge, versionsBelow } from './store.ts'

interface ExpungeParts {
  writes: WriteDependencies
}

const MODES = ['expungePreviousVersions', 'expungeDeletedResources', 'expungeEverything'] as const
type Mode = (typeof MODES)[number]

/**
 * Remove versions for good, where the tenant's policy allows it (`salus expunge`; off unless set) and the token allows deleting:
 * `expungePreviousVersions` of a resource that is there, `expungeDeletedResources` of one that was deleted (named by `id`, at type
 * level), or `expungeEverything`, which deletes it first. Parameters and answer are those of HAPI FHIR. The number of the last version
 * stays, as after an erasure, so that no version number is used twice. Audit records and backups are not touched.
 *
 * Faults: `fhir.expunge.not-allowed`, `.mode`, `.id-needed`, `.not-deleted`, `fhir.store.not-found`, `fhir.forbidden`, those of the ledger.
 */
export function expungeOperation(parts: ExpungeParts): Operation {
  return {
    name: 'expunge',
    definition: 'https://salus.health/fhir/OperationDefinition/expunge',
    levels: ['type', 'instance'],
    types: RESOURCE_TYPES.filter((type) => type !== 'AuditEvent'),
    affectsState: true,
    permission: 'd',
    parameters: {
      id: { kind: 'text' },
      expungePreviousVersions: { kind: 'boolean' },
      expungeDeletedResources: { kind: 'boolean' },
      expungeEverything: { kind: 'boolean' },
    },
    run: (call) => run(parts, call),
  }
}

async function run(parts: ExpungeParts, call: OperationCall): Promise<OperationAnswer> {
  const { store } = parts.writes
  const { caller, parameters, instance } = call
  if (!(await mayExpunge(store.database, caller.tenant))) raise(NOT_ALLOWED)
  const modes = MODES.filter((mode) => flagOf(parameters, mode) === true)
  const [mode] = modes
  if (mode === undefined || modes.length > 1) return raise(BAD_MODE)
  const given = textOf(parameters, 'id')
  const id = instance ? String(instance.resource.id) : given
  if (id === undefined || (instance && given !== undefined)) return raise(ID_NEEDED)
  const key = (await locate(store, caller, call.type as string, id)) ?? raise(NOT_FOUND)
  for (let attempt = 1; ; attempt++) {
    try {
      const { versions, patients } = await expunged(parts, call, { mode, key, id })
      const parameter = [{ name: 'count', valueInteger: versions }]
      return { status: 200, body: { resourceType: 'Parameters', parameter }, patients, count: versions }
    } catch (error) {
      const isLost = error instanceof FaultError && error.fault.code === RACE_LOST.code
      if (!isLost || attempt >= LIMITS.writeAttemptsMax) throw error
    }
  }
}

interface Asked {
  mode: Mode
  key: RowKey
  id: string
}

async function expunged(
  { writes }: ExpungeParts,
  { caller }: OperationCall,
  { mode, key, id }: Asked,
): Promise<{ versions: number; patients: number[] }> {
  const { store } = writes
  let current = await store.current(key)
  if (current && mode === 'expungeDeletedResources') raise(NOT_DELETED)
  if (current && mode === 'expungeEverything') {
    await applyWrites(writes, caller, [{ action: 'delete', type: typeName(key.type) as string, id }], 'delete')
    current = await store.current(key)
    // Written again in between: what came then was not meant.
    if (current) raise(RACE_LOST)
  }
  const [gone] = current ? [] : await tombstones(store.database, [key])
  const wholly = mode !== 'expungePreviousVersions'
  const newest = current ?? gone
  // What an erasure or an earlier expunge left is answered like what never was.
  if (!newest || newest.sealed.length === 0 || (!wholly && !current)) return raise(NOT_FOUND)
  const { versions, patients } = await versionsBelow(store.database, key, newest.version)
  const concerned = [...new Set([...patients, ...(newest.patient === 0 ? [] : [newest.patient])])]
  await store.ledger.commit({
    records: [
      auditRecord(store, caller, {
        action: 'delete',
        type: key.type,
        rid: key.rid,
        version: newest.version,
        patients: concerned,
        count: versions,
        detail: sealDetail(store.vault, caller.tenant, `$expunge ${mode} below ${newest.version}`),
      }),
    ],
    write: { composer: expungeComposer, rows: { ...key, below: newest.version, versions, wholly } },
  })
  return { versions: versions + (wholly ? 1 : 0), patients: concerned }
}

const NOT_ALLOWED: Fault = {
  category: 'forbidden',
  code: 'fhir.expunge.not-allowed',
  message:
    'Removing versions for good is not allowed here. The operator allows it for a tenant with "salus expunge allow".',
}
const BAD_MODE: Fault = {
  category: 'invalid',
  code: 'fhir.expunge.mode',
  message: `Set one of ${MODES.join(', ')} to true.`,
}
const ID_NEEDED: Fault = {
  category: 'invalid',
  code: 'fhir.expunge.id-needed',
  message: 'Name one resource: [type]/[id]/$expunge, or the parameter id at [type]/$expunge for one that was deleted.',
}
const NOT_DELETED: Fault = {
  category: 'conflict',
  code: 'fhir.expunge.not-deleted',
  message: 'The resource is there. Delete it first, or ask for expungeEverything.',
}
