import { RESOURCE_TYPES, searchParameterById, typeName, typeNumber } from '@salus/fhir-model'
import { type AuditRecord, RACE_LOST, type Unit } from '#audit'
import { FaultError, LIMITS } from '#kernel'
import { removeExports } from '../bulk/remove-exports.ts'
import type { CustomTable } from '../parameters/custom-parameters.ts'
import { openRows } from '../store/open-row.ts'
import type { RecordStore } from '../store/record-store.ts'
import { idOf } from '../store/resolve-targets.ts'
import { noRows, type RowKey, type WriteRows } from '../store/rows.ts'
import { currentRows, recordComposer } from '../store/store.ts'
import { mentionsOf, patientsWithRows, patientVersions } from './store.ts'

/** One patient of a tenant, by number. */
export interface PatientPlace {
  tenant: number
  patient: number
}

/** Who acts, for the audit records of an administrator's act; `detail` is sealed already. */
export type ActBy = Pick<AuditRecord, 'client' | 'actor' | 'requestId'> & { detail?: Buffer }

/** What erasing a patient did. */
export interface ShredReport {
  /** False when there was no key to destroy: never made, or destroyed before. */
  keyDestroyed: boolean
  /** Current resources removed with their search values; what lies in the history is noise without the key. */
  resources: number
  /** Resources left that refer to the patient or to something of the patient's: they may name the patient and need redaction. */
  mentions: { type: string; id: string }[]
  /** There are more mentions than are listed. */
  isCutShort: boolean
}

/** Resources removed in one commit: as many as a large transaction may write. */
const RESOURCES_PER_COMMIT = 5_000
/** Mentions listed; an operator who has more than this to redact searches for the rest. */
const MENTIONS_MAX = 1_000

const PATIENT = typeNumber('Patient') as number

/**
 * Destroy the key of a patient and remove what made the record findable. That it begins is recorded before, so that no key
 * is destroyed without a trace; from the destruction on every process answers as if the patient were not there. Each
 * current resource then becomes an unreadable tombstone, in commits that carry their audit record and outbox entries. Run again it
 * finishes what was cut off. Faults: `vault.shred-list-unwritable`, `db.unavailable`, those of the ledger.
 */
export async function shredPatient(store: RecordStore, place: PatientPlace, by: ActBy): Promise<ShredReport> {
  await store.ledger.record(recordOf(store, place, by, 0))
  const outcome = await store.vault.shred(place.tenant, place.patient)
  await removeExports(store, place.tenant, [place.patient])
  const resources = await removeRows(store, place, by)
  return { ...outcome, resources, ...(await mentions(store, place)) }
}

/**
 * Remove the current rows of patients whose keys are destroyed: what a request that was under way, or a restored backup,
 * brought back. Returns the number of resources removed; 0 costs one query for all patients.
 */
export async function removeShreddedRows(
  store: RecordStore,
  of: { tenant: number; patients: readonly number[] },
  by: ActBy,
): Promise<number> {
  const { tenant, patients } = of
  const present = await patientsWithRows(store.database, tenant, patients)
  // A number may have been given to another patient after a restore: who has a key lives.
  const living = await store.vault.patientKeys(tenant, present)
  await removeExports(store, tenant, patients)
  let resources = 0
  for (const patient of present) if (!living.has(patient)) resources += await removeRows(store, { tenant, patient }, by)
  return resources
}

/** At least one commit, so that the erasure itself is recorded with the numbers it removed. */
async function removeRows(store: RecordStore, place: PatientPlace, by: ActBy): Promise<number> {
  let resources = 0
  let lost = 0
  for (let isFirst = true; ; ) {
    const rows = await patientVersions(store.database, { ...place, limit: RESOURCES_PER_COMMIT })
    if (rows.length === 0 && !isFirst) return resources
    try {
      await store.ledger.commit(tombstones(store, place, by, rows))
      resources += rows.length
      isFirst = false
    } catch (error) {
      // A write that had the key already was faster: look again.
      const isRace = error instanceof FaultError && error.fault.code === RACE_LOST.code
      if (!isRace || ++lost >= LIMITS.writeAttemptsMax) throw error
    }
  }
}

function tombstones(
  store: RecordStore,
  place: PatientPlace,
  by: ActBy,
  rows: readonly (RowKey & { version: number })[],
): Unit<WriteRows> {
  const { tenant, patient } = place
  const updated = store.clock.now()
  const write = noRows()
  // Nothing could seal their bodies any more, and nothing could open them.
  write.deleted = rows.map(({ type, rid, version }) => ({
    tenant,
    type,
    rid,
    patient,
    updated,
    expected: version,
    sealed: Buffer.alloc(0),
  }))
  return {
    records: [recordOf(store, place, by, rows.length)],
    events: rows.map(({ type, rid, version }) => ({
      tenant,
      type,
      rid,
      patient,
      action: 'deleted',
      version: version + 1,
    })),
    ...(rows.length > 0 ? { write: { composer: recordComposer, rows: write } } : {}),
  }
}

/** What is left that refers to the erased record: of no patient, of several, or of others. */
async function mentions(
  store: RecordStore,
  { tenant, patient }: PatientPlace,
): Promise<Pick<ShredReport, 'mentions' | 'isCutShort'>> {
  const found = await mentionsOf(store.database, { tenant, patient, limit: MENTIONS_MAX + 1 })
  const custom = await store.customParameters(tenant)
  const keys = found.slice(0, MENTIONS_MAX).flatMap(({ param, src }) =>
    // A number belongs to one type alone, so the others are not found.
    typesOfParameter(param, custom).map((type): RowKey => ({ tenant, type, rid: src })),
  )
  const all = (await currentRows(store.database, keys)).filter((row) => row !== undefined)
  const rows = [...new Map(all.map((row) => [row.rid, row])).values()]
  const bodies = await openRows(store, rows)
  return {
    isCutShort: found.length > MENTIONS_MAX,
    mentions: rows.flatMap((row, index) => {
      const body = bodies[index]
      return body ? [{ type: typeName(row.type) as string, id: idOf(body) }] : []
    }),
  }
}

/** Types whose resources may have rows of a parameter: of a tenant's own those it is for, or any when it is gone. */
function typesOfParameter(param: number, custom: CustomTable): number[] {
  const official = typeNumber(searchParameterById(param)?.base ?? '')
  if (official !== undefined) return [official]
  const own = RESOURCE_TYPES.filter((type) =>
    [...(custom.of(type)?.values() ?? [])].some(({ def }) => def.id === param),
  )
  return (own.length > 0 ? own : RESOURCE_TYPES).map((type) => typeNumber(type) as number)
}

/** The record of an act on one patient's record as a whole. */
export function recordOf(
  store: Pick<RecordStore, 'clock'>,
  { tenant, patient }: PatientPlace,
  by: ActBy,
  count: number,
): AuditRecord {
  return {
    ...by,
    at: store.clock.now(),
    tenant,
    purpose: '',
    action: 'key',
    outcome: 'success',
    type: PATIENT,
    rid: patient,
    version: 0,
    patients: [patient],
    count,
  }
}
