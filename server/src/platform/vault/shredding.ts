import type { Database } from '#db'
import { type Clock, type Log, raise } from '#kernel'
import type { KeyRing } from './key-ring.ts'
import { appendToShredList, type LineMac, readShredList } from './shred-list.ts'
import {
  countReusedNumbers,
  deleteLineages,
  deletePatientKeys,
  insertTombstones,
  LOCK_PATIENT_KEYS,
  lineagesOf,
  type Tombstone,
  tombstonesAfter,
} from './store.ts'

/** What `Vault.shred` did. */
export interface ShredOutcome {
  /** False when there was no key to destroy: never made, or shredded before. */
  keyDestroyed: boolean
}

/** What `Vault.replayShredList` found and did; counts. */
export interface ReplayOutcome {
  /** Entries of the list that concern this key store. */
  entries: number
  /** Keys that a restored backup had brought back, destroyed again. */
  keysDestroyed: number
  /** Entries whose patient number now belongs to another patient, who was left alone. */
  numbersReused: number
  /** Entries of tenants this key store does not have. */
  unknownTenants: number
  /** The highest patient number on the list: after a restore, numbers up to it must not be given out again. */
  highestPatient: number
}

export interface Shredder {
  db: Database
  ring: KeyRing
  clock: Clock
  log: Log
  shredList: string
}

/** Tombstones copied to a list that lacks them, at a time. */
const BATCH_TOMBSTONES = 1_000

/**
 * Destroy the key of one patient. The list is on disk before the key is deleted, so a crash between the two ends with
 * the key destroyed at the next start, never with a destroyed key that a backup could bring back. Shredding again
 * is harmless: the list and the tombstone already say so.
 */
export async function shredPatient(shredder: Shredder, tenant: number, patient: number): Promise<ShredOutcome> {
  const { db, ring, clock, shredList } = shredder
  if (!Number.isSafeInteger(patient) || patient <= 0)
    raise({
      category: 'invalid',
      code: 'vault.not-a-patient',
      message: 'Name the patient to shred by the number of a Patient resource.',
    })
  await ring.ensure(tenant)
  const mac = lineMac(ring)
  return db.transaction(async (tx) => {
    await tx.query(LOCK_PATIENT_KEYS)
    const lineages = await lineagesOf(tx, tenant, patient)
    const tombstones = (lineages.length > 0 ? lineages : [0]).map((lineage) => ({
      tenant,
      patient,
      lineage,
      at: clock.now(),
    }))
    await appendToShredList(shredList, tombstones, mac)
    const deleted = await deletePatientKeys(tx, tenant, patient)
    await insertTombstones(tx, tombstones)
    return { keyDestroyed: deleted > 0 }
  })
}

/**
 * Make the key store agree with the shred list: destroy keys that a restored backup brought back, and copy to the list
 * tombstones it lacks (another host wrote them to its own). Runs at every start, before anything is served; running
 * it twice changes nothing.
 */
export async function replayShredList(shredder: Shredder, path = shredder.shredList): Promise<ReplayOutcome> {
  const mac = lineMac(shredder.ring)
  const outcome = { entries: 0, keysDestroyed: 0, numbersReused: 0, unknownTenants: 0, highestPatient: 0 }
  const listed = new Set<string>()
  for await (const batch of readShredList(path, mac)) {
    const ours = batch.filter((entry) => entry.known)
    outcome.entries += ours.length
    outcome.unknownTenants += batch.length - ours.length
    for (const { tenant, patient } of ours) {
      listed.add(`${tenant}/${patient}`)
      outcome.highestPatient = Math.max(outcome.highestPatient, patient)
    }
    if (ours.length > 0) await destroyListed(shredder, ours, outcome)
  }
  if (outcome.keysDestroyed > 0)
    shredder.log.warn('keys of erased patients had come back and were destroyed again', {
      count: outcome.keysDestroyed,
    })
  if (outcome.numbersReused > 0)
    shredder.log.warn('numbers of erased patients belong to other patients now', { count: outcome.numbersReused })
  if (outcome.unknownTenants > 0)
    shredder.log.warn('the shred list names tenants that are not in this key store', { count: outcome.unknownTenants })
  await copyToList(shredder, listed, mac)
  return outcome
}

async function destroyListed(
  shredder: Shredder,
  tombstones: readonly Tombstone[],
  outcome: ReplayOutcome,
): Promise<void> {
  await shredder.db.transaction(async (tx) => {
    await tx.query(LOCK_PATIENT_KEYS)
    outcome.keysDestroyed += await deleteLineages(tx, tombstones)
    await insertTombstones(tx, tombstones)
    outcome.numbersReused += await countReusedNumbers(tx, tombstones)
  })
}

async function copyToList(shredder: Shredder, listed: ReadonlySet<string>, mac: LineMac): Promise<void> {
  let after = { tenant: 0, patient: 0 }
  for (;;) {
    const batch = await tombstonesAfter(shredder.db, { ...after, limit: BATCH_TOMBSTONES })
    const last = batch.at(-1)
    if (!last) return
    const missing = batch.filter(
      ({ tenant, patient }) => !listed.has(`${tenant}/${patient}`) && mac(tenant, '') !== undefined,
    )
    if (missing.length > 0) await appendToShredList(shredder.shredList, missing, mac)
    after = last
  }
}

function lineMac(ring: KeyRing): LineMac {
  const tenants = new Set(ring.tenants())
  return (tenant, line) => (tenants.has(tenant) ? ring.keysOf(tenant).shredListMac(line) : undefined)
}
