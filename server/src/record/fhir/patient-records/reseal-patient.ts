import type { Unit } from '#audit'
import { raise } from '#kernel'
import { type PatientKey, sealedKeyVersion } from '#vault'
import type { RecordStore } from '../store/record-store.ts'
import type { StoredRow } from '../store/rows.ts'
import { type ActBy, type PatientPlace, recordOf } from './shred-patient.ts'
import { patientBodies, type ResealedRows, resealComposer, type VersionPlace } from './store.ts'

/** Versions sealed again in one commit: about a megabyte, some tens of milliseconds, so that others do not wait. */
const VERSIONS_PER_COMMIT = 500
const START: VersionPlace = { type: 0, rid: 0, version: 0 }

/**
 * Seal every version of a patient's record again that is under a key before `version`, current and earlier ones, while the
 * record is served. One commit and one audit record per 500 versions; run again it goes on with what is left. A version that is
 * replaced meanwhile is passed over. Returns how many were sealed again; 0: nothing is left under an older key.
 * Faults: `fhir.store.patient-erased`, `vault.integrity`, `db.unavailable`, those of the ledger.
 */
export async function resealPatient(
  store: RecordStore,
  rotation: PatientPlace & { version: number },
  by: ActBy,
  onProgress?: (versions: number) => void,
): Promise<number> {
  let versions = 0
  for (const table of ['resource', 'history'] as const) {
    let after = START
    for (;;) {
      const page = await patientBodies(store.database, { ...rotation, table, after, limit: VERSIONS_PER_COMMIT })
      const last = page.at(-1)
      if (!last) break
      after = last
      // The tombstones of an erasure have no body.
      const older = page.filter((row) => row.sealed.length > 0 && sealedKeyVersion(row.sealed) < rotation.version)
      if (older.length === 0) continue
      await store.ledger.commit(await resealed(store, rotation, by, { table, rows: older }))
      versions += older.length
      onProgress?.(versions)
    }
  }
  return versions
}

async function resealed(
  store: RecordStore,
  place: PatientPlace,
  by: ActBy,
  work: ResealedRows,
): Promise<Unit<ResealedRows>> {
  const key =
    (await store.vault.patientKeys(place.tenant, [place.patient])).get(place.patient) ??
    raise({
      category: 'gone',
      code: 'fhir.store.patient-erased',
      message: 'The patient was erased while the record was sealed again. There is nothing left to do.',
    })
  const rows = work.rows.map((row) => ({ ...row, sealed: sealAgain(store, key, row) }))
  return {
    records: [recordOf(store, place, by, rows.length)],
    write: {
      composer: resealComposer,
      rows: { table: work.table, rows },
    },
  }
}

function sealAgain(store: RecordStore, key: PatientKey, row: StoredRow): Buffer {
  return store.vault.seal(key, row, store.vault.open(key, row, row.sealed), row.type)
}
