import type { Database } from '#db'
import { raise } from '#kernel'
import type { KeyRing } from './key-ring.ts'
import { newKeyBytes } from './keys.ts'
import { newPatientKeyRow, rewrapPatientKeyRow } from './patient-keys.ts'
import type { RootKey } from './root-key/root-key.ts'
import {
  branchKeys,
  deleteOlderVersions,
  deleteRetiredBranchKeys,
  insertBranchKey,
  insertPatientKeys,
  oldPatientKeys,
  type PatientKeyRow,
  patientKeys,
  replaceBranchKey,
  retireBranchKeys,
  rewrapPatientKeys,
  rewrapTenantKey,
  tenantKeys,
} from './store.ts'
import { rewrapTenantKeyRow } from './tenant-keys.ts'

export interface Rotator {
  db: Database
  ring: KeyRing
  root: RootKey
}

/** Keys re-wrapped in one statement: about 10 ms of work, so that others wait for row locks no longer than that. */
const REWRAP_BATCH = 500
/**
 * How long both versions of a patient's key stay before the older may go: longer than any request lasts, so that a
 * write which fetched the older key just before the rotation has long been committed and seen by the re-sealing.
 */
const PATIENT_ROTATION_SETTLED_MS = 5 * 60 * 1000
/** A retired branch key is kept this long by default: short enough that erasure becomes final, long enough for a restore. */
export const BRANCH_KEY_RETIRED_MS = 30 * 24 * 60 * 60 * 1000

/** How far a rotation of root or branch keys has come. */
export interface RewrapProgress {
  /** Keys wrapped anew so far. */
  keys: number
}

/**
 * A new version of the root key: every branch key is wrapped anew under it, in one transaction. Running processes keep
 * serving; they hold branch keys, not the root key. Run again after a crash it finishes.
 * With `to`, the branch keys move to another provider, which the configuration must name at the next start.
 */
export async function rotateRootKey({ db, root }: Rotator, to: RootKey = root): Promise<RewrapProgress> {
  if (to === root) await root.rotate()
  else await to.prepare({ mayCreate: true })
  const rows = await branchKeys(db)
  const wrapped: Buffer[] = []
  for (const row of rows) {
    const key = await root.unwrap(row.wrapped, row)
    wrapped.push(await to.wrap(key, row))
    key.fill(0)
  }
  await db.transaction(async (tx) => {
    for (const [index, row] of rows.entries())
      if (!(await replaceBranchKey(tx, row, wrapped[index] as Buffer)))
        raise({
          category: 'conflict',
          code: 'vault.rotation-conflict',
          message: 'Another process rotated keys at the same time. Nothing was changed; run the rotation again.',
        })
  })
  await to.finishRotation()
  return { keys: rows.length }
}

/**
 * A new branch key for a tenant, then every key under an older one is wrapped anew while the record is served. A
 * rotation that was cut off is continued instead of started anew: its unfinished keys are the rows still under older
 * epochs. The older branch key is then retired; `destroyRetiredBranchKeys` deletes it later.
 */
export async function rotateBranchKey(
  rotator: Rotator,
  tenant: number,
  onProgress?: (progress: RewrapProgress) => void,
): Promise<RewrapProgress> {
  const { db, ring, root } = rotator
  await ring.ensure(tenant)
  const rows = await branchKeys(db, tenant)
  const newest = Math.max(...rows.map((row) => row.epoch))
  const isUnfinished = rows.some((row) => row.epoch < newest && !row.retired)
  if (!isUnfinished) {
    const epoch = newest + 1
    const key = newKeyBytes()
    await insertBranchKey(db, { tenant, epoch, wrapped: await root.wrap(key, { tenant, epoch }) })
    key.fill(0)
  }
  await ring.reload(tenant)
  return rewrapAll(rotator, tenant, onProgress)
}

async function rewrapAll(
  { db, ring }: Rotator,
  tenant: number,
  onProgress?: (progress: RewrapProgress) => void,
): Promise<RewrapProgress> {
  const target = ring.newest(tenant)
  let keys = 0
  for (const row of await tenantKeys(db, tenant)) {
    if (row.epoch >= target.epoch) continue
    await rewrapTenantKey(db, rewrapTenantKeyRow(row, (await ring.branch(tenant, row.epoch)).secret, target))
    keys++
  }
  let place = { patient: 0, version: 0 }
  for (;;) {
    const rows = await oldPatientKeys(db, { tenant, epoch: target.epoch, ...place, limit: REWRAP_BATCH })
    const last = rows.at(-1)
    if (!last) break
    const moved: PatientKeyRow[] = []
    for (const row of rows) moved.push(rewrapPatientKeyRow(row, await ring.branch(tenant, row.epoch), target))
    keys += await rewrapPatientKeys(db, moved)
    onProgress?.({ keys })
    place = { patient: last.patient, version: last.version }
  }
  await retireBranchKeys(db, tenant, target.epoch)
  return { keys }
}

/**
 * Delete branch keys that were retired at least `retiredForMs` ago. From then on even an old backup of the key store
 * cannot bring a shredded patient back. Keys that a process which had not yet heard of the rotation made under a
 * retired branch key are wrapped anew first; while such a row exists its branch key cannot be deleted.
 */
export async function destroyRetiredBranchKeys(
  rotator: Rotator,
  tenant: number,
  retiredForMs: number,
): Promise<number> {
  await rotator.ring.reload(tenant)
  await rewrapAll(rotator, tenant)
  const deleted = await deleteRetiredBranchKeys(rotator.db, tenant, retiredForMs)
  await rotator.ring.reload(tenant)
  return deleted
}

/** The two versions of a patient's key between `beginPatientRotation` and `finishPatientRotation`. */
export interface PatientRotation {
  /** Bodies sealed under versions before this one are to be sealed again; see `sealedKeyVersion`. */
  version: number
  /** The version before; equal to `version` minus one. */
  from: number
}

/** Make the next version of a patient's key, or take up a rotation that was cut off. Both versions open bodies; the new one seals. */
export async function beginPatientRotation(
  { db, ring }: Rotator,
  tenant: number,
  patient: number,
): Promise<PatientRotation> {
  await ring.ensure(tenant)
  let versions = await versionsOf(db, tenant, patient)
  const [only] = versions
  if (versions.length === 1 && only) {
    await insertPatientKeys(db, [newPatientKeyRow(ring.newest(tenant), patient, only)])
    versions = await versionsOf(db, tenant, patient)
  }
  const newest = versions.at(-1)
  if (!newest || versions.length < 2)
    return raise({
      category: 'gone',
      code: 'vault.shredded',
      message: 'This patient has no key: unknown here, or erased. There is nothing to rotate.',
    })
  return { version: newest.version, from: newest.version - 1 }
}

/**
 * Delete the older versions, once every body is sealed under `version`. False while it is too early: both must have
 * been there for five minutes. The caller looks for bodies sealed under older versions again right before, because
 * one may have been written by a request that was under way when the rotation began.
 */
export async function finishPatientRotation(
  { db }: Rotator,
  rotation: { tenant: number; patient: number; version: number; settledMs?: number },
): Promise<boolean> {
  const { tenant, patient, version, settledMs = PATIENT_ROTATION_SETTLED_MS } = rotation
  await deleteOlderVersions(db, { tenant, patient, version, settledMs })
  const versions = await versionsOf(db, tenant, patient)
  return versions.every((row) => row.version >= version)
}

async function versionsOf(db: Database, tenant: number, patient: number): Promise<PatientKeyRow[]> {
  const rows = (await patientKeys(db, [tenant], [patient])).filter((row) => row.tenant === tenant)
  return rows.sort((a, b) => a.version - b.version)
}
