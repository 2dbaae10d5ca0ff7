import { setTimeout as sleep } from 'node:timers/promises'
import type { ShredReport } from '#fhir'
import { raise } from '#kernel'
import type { BranchKeyInfo, RewrapProgress } from '#vault'
import { type Admin, DEFAULT_TENANT } from './admin.ts'

/** What `salus keys list` shows. */
export interface KeyList {
  /** Provider of the root key: file, vault-transit or aws-kms. */
  rootKey: string
  /** Milliseconds until the unwrapped keys of this command would expire. */
  validForMs: number
  branchKeys: BranchKeyInfo[]
}

/** The keys that wrap others; never a key itself. Recorded. */
export function listKeys(admin: Admin): Promise<KeyList> {
  return admin.act({ action: 'key', tenant: DEFAULT_TENANT, text: 'keys list' }, async () => ({
    rootKey: admin.config.required('SALUS_ROOT_KEY'),
    validForMs: admin.vault.keysValidForMs(),
    branchKeys: await admin.vault.listKeys(),
  }))
}

/** A new root key version; every branch key is wrapped anew. Resumable. */
export function rotateRoot(admin: Admin): Promise<RewrapProgress> {
  return admin.act({ action: 'key', tenant: DEFAULT_TENANT, text: 'keys rotate root' }, () =>
    admin.vault.rotateRootKey(),
  )
}

/** A new branch key of `tenant`; retired ones older than 30 days are destroyed. Resumable. Fault `vault.tenant-unknown`. */
export async function rotateBranch(
  admin: Admin,
  tenant: number,
  onProgress: (keys: number) => void,
): Promise<RewrapProgress & { destroyed: number }> {
  await requireTenant(admin, tenant)
  return admin.act({ action: 'key', tenant, text: 'keys rotate branch' }, async () => {
    const { keys } = await admin.vault.rotateBranchKey(tenant, (progress) => onProgress(progress.keys))
    return { keys, destroyed: await admin.vault.destroyRetiredBranchKeys(tenant) }
  })
}

/** A tenant whose keys were never made would get them by asking: a typing error must not make a tenant. */
async function requireTenant(admin: Admin, tenant: number): Promise<void> {
  const known = await admin.vault.listKeys()
  if (!known.some((key) => key.tenant === tenant))
    raise({
      category: 'not-found',
      code: 'vault.tenant-unknown',
      message: `Tenant ${tenant} has no keys. "salus keys list" shows the tenants that do.`,
    })
}

/** Which patient a command is about. `id`: without `Patient/`. */
export interface PatientChoice {
  tenant: number
  id: string
}

async function numberOf(admin: Admin, { tenant, id }: PatientChoice): Promise<number> {
  await requireTenant(admin, tenant)
  await admin.vault.ensureTenant(tenant)
  return (
    (await admin.patients.find(tenant, id)) ??
    raise({
      category: 'not-found',
      code: 'fhir.patient-unknown',
      message: 'There is no such patient. Give the id as the server shows it: Patient/<id>.',
    })
  )
}

/** How far the rotation of a patient's key has come. */
export interface PatientRotationReport {
  /** Versions of resources sealed again. */
  versions: number
  /** The older key is destroyed; false when that has to wait and the caller did not. */
  isFinished: boolean
}

/** How often the end of a rotation is tried while it is too early. */
const FINISH_RETRY_MS = 5_000
/** The vault lets the older key go after five minutes; three tries more allow for a slow clock. */
const FINISH_TRIES_MAX = 63

/**
 * A new data key for one patient; every version of the record is sealed again while servers run, then the older key is destroyed.
 * That is possible five minutes after the start, when no request can hold the older key any more: `wait` for it, or run the
 * command again later. Faults: `fhir.patient-unknown`, `vault.shredded`.
 */
export async function rotatePatient(
  admin: Admin,
  choice: PatientChoice,
  options: RotatePatientOptions,
): Promise<PatientRotationReport> {
  const { tenant } = choice
  const patient = await numberOf(admin, choice)
  return admin.act({ action: 'key', tenant, patient, text: 'keys rotate patient' }, async () => {
    const { version } = await admin.vault.beginPatientRotation(tenant, patient)
    const place = { tenant, patient, version }
    const by = admin.by(tenant, 'keys rotate patient: sealed again')
    const { settledMs } = options
    let versions = 0
    for (let attempt = 1; ; attempt++) {
      // Looked at again before each try: a request that was under way may have sealed something under the older key.
      const before = versions
      versions += await admin.patients.reseal(place, by, (done) => options.onProgress(before + done))
      const finish = { ...place, ...(settledMs === undefined ? {} : { settledMs }) }
      const isFinished = await admin.vault.finishPatientRotation(finish)
      if (isFinished || !options.wait || attempt === FINISH_TRIES_MAX) return { versions, isFinished }
      if (attempt === 1) options.onWait()
      await sleep(FINISH_RETRY_MS)
    }
  })
}

/** How to rotate a patient's key. */
export interface RotatePatientOptions {
  /** Stay until the older key is destroyed. */
  wait: boolean
  onProgress(versions: number): void
  /** Everything is sealed again; what follows is waiting. */
  onWait(): void
  /** Only for tests: how long both keys stay. */
  settledMs?: number
}

/** A write that fetched the key just before it was destroyed has been committed, or has failed, after this. */
const SHRED_SETTLED_MS = 5_000

/**
 * Erase a patient: see `PatientRecords.shred`. Beside running servers it looks again after five seconds for what requests under
 * way had still written. Fault `fhir.patient-unknown`.
 */
export async function shredPatient(
  admin: Admin,
  choice: PatientChoice,
  onStep: (step: 'destroyed' | 'settling') => void,
): Promise<ShredReport> {
  const { tenant } = choice
  const patient = await numberOf(admin, choice)
  const by = admin.by(tenant, 'keys shred')
  const report = await admin.patients.shred({ tenant, patient }, by)
  onStep('destroyed')
  if (!admin.isShared) return report
  onStep('settling')
  await sleep(SHRED_SETTLED_MS)
  const late = await admin.patients.removeShredded({ tenant, patients: [patient] }, by)
  return { ...report, resources: report.resources + late }
}
