import { typeNumber } from '@salus/fhir-model'
import type { Ledger } from '#audit'
import type { Database } from '#db'
import type { Clock } from '#kernel'
import type { Vault } from '#vault'
import { openRecordStore } from '../store/record-store.ts'
import { ResolvedIds } from '../store/resolve-ids.ts'
import { resealPatient } from './reseal-patient.ts'
import { type ActBy, type PatientPlace, removeShreddedRows, type ShredReport, shredPatient } from './shred-patient.ts'
import { skipRids } from './store.ts'

/** What an administrator does to a patient's record as a whole. Nothing of it is disclosed. */
export interface PatientRecords {
  /** The patient's number; undefined when `id` was never a patient's here. */
  find(tenant: number, id: string): Promise<number | undefined>
  /** See `shredPatient`: key, search values and current rows go, tombstones and audit records stay. */
  shred(place: PatientPlace, by: ActBy): Promise<ShredReport>
  /** Remove what came back of patients whose keys are destroyed. Gives the number of resources removed. */
  removeShredded(of: { tenant: number; patients: readonly number[] }, by: ActBy): Promise<number>
  /** Seal what is under a key before `version` again. Gives the number of versions sealed; 0: nothing was left. */
  reseal(
    rotation: PatientPlace & { version: number },
    by: ActBy,
    onProgress?: (versions: number) => void,
  ): Promise<number>
}

/** Open it beside a running server, or without one. Tenants' keys must be loaded (`Vault.ensureTenant`). */
export function openPatientRecords(base: {
  database: Database
  ledger: Ledger
  vault: Vault
  clock: Clock
}): PatientRecords {
  const store = openRecordStore(base)
  return {
    async find(tenant, id) {
      const ids = new ResolvedIds(store, tenant)
      await ids.resolve([{ type: 'Patient', id }], { create: false })
      return ids.rid('Patient', id)
    },
    shred: (place, by) => shredPatient(store, place, by),
    removeShredded: (of, by) => removeShreddedRows(store, of, by),
    reseal: (rotation, by, onProgress) => resealPatient(store, rotation, by, onProgress),
  }
}

/** Numbers of Patient resources carry this type number in audit records. */
export const PATIENT_TYPE: number = typeNumber('Patient') as number

/** More resources than any installation writes between a backup and its restore. */
const NUMBERS_SKIPPED = 2 ** 32

/**
 * After a restore, as the owner of the database: skip numbers that may have been given out since the backup. Clients still
 * hold ids made from them, which must never lead to another patient's resource. `highest`: the highest number known.
 */
export async function skipNumbers(owner: Database, highest: number): Promise<void> {
  await skipRids(owner, highest, NUMBERS_SKIPPED)
}
