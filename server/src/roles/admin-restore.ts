import { createReadStream, existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { acceptRestore, loadSigningKey } from '#audit'
import { type Progress, type RestoreSummary, restore, verifyBackup } from '#db'
import { skipNumbers } from '#fhir'
import { type Config, raise, systemClock } from '#kernel'
import { openVault, rootKeyOf } from '#vault'
import { type Admin, type AdminOptions, anchorDirectory, DEFAULT_TENANT, openAdminOn, openForCommand } from './admin.ts'
import { keystoreFile } from './admin-backup.ts'
import { type AdminDatabase, allMigrations, openAdminDatabase } from './admin-database.ts'
import { migrateAll } from './all.ts'

/** What `salus restore` did. */
export interface RestoreReport {
  /** Absent when only the end of an earlier restore was caught up. */
  summary?: RestoreSummary
  /** Number of the checkpoint that says the logs go on from the backup; absent when no later checkpoint was known. */
  acceptedAs?: number
  /** Patients on the shred list; their keys are destroyed again. */
  erasedPatients: number
  /** Resources of theirs that the backup had brought back and that were removed. */
  erasedResources: number
}

/** What to restore. */
export interface RestoreChoice {
  /** Absent: finish a restore that was cut off behind its data. */
  file?: string
  onProgress(progress: Progress): void
  onStep(step: string): void
}

/** Read a whole backup, its key store's too, and check every digest. Nothing is changed. Faults `db.backup-*`. */
export async function checkBackup(file: string): Promise<RestoreSummary> {
  const summary = await verifyBackup(file)
  if (existsSync(keystoreFile(file))) await verifyBackup(keystoreFile(file))
  return summary
}

/**
 * Fill an empty database from a backup and make it serve again: data, migrations, then the shred list is replayed, the audit log
 * is told that it goes on from here, numbers that may be in clients' hands are skipped, and what the backup brought back of
 * erased patients is removed. The keys are looked for before anything is written. No server may run on it before this is done.
 * Faults: `db.not-empty`, `db.backup-*`, `db.data-dir-in-use`, `db.restore-beside-server`, `vault.*`, `audit.*`.
 */
export async function restoreBackup(options: AdminOptions, choice: RestoreChoice): Promise<RestoreReport> {
  const { config, log } = options
  await requireKeys(config)
  const { file } = choice
  if (file !== undefined) await verifyReadable(file, config)
  const place = await openAdminDatabase({ config, log, mayBeNew: file !== undefined })
  if (config.get('SALUS_DATABASE_URL') === undefined && place.isShared) return besideServer()
  let isOpen = true
  try {
    let summary: RestoreSummary | undefined
    if (file !== undefined) {
      choice.onStep('restoring the data')
      summary = await restoreData(config, place, file, choice.onProgress)
    }
    await migrateAll(config, place.url)
    const accepted = await acceptLog(options, place.url, choice)
    const admin = await openAdminOn(place, options)
    // From here on the admin closes the database.
    isOpen = false
    const erased = await removeErased(admin, choice)
    return { ...(summary ? { summary } : {}), ...accepted, ...erased }
  } finally {
    if (isOpen) await place.close()
  }
}

/** Without them the restored record can neither be read nor go on signing. */
async function requireKeys(config: Config): Promise<void> {
  await rootKeyOf(config).prepare({ mayCreate: false })
  loadSigningKey(config.dataPath('keys'), { create: false })
}

async function verifyReadable(file: string, config: Config): Promise<void> {
  const isSeparate = config.get('SALUS_KEYSTORE_DATABASE_URL') !== undefined
  for (const path of isSeparate ? [file, keystoreFile(file)] : [file])
    if (!existsSync(path))
      raise({
        category: 'invalid',
        code: 'db.backup-unreadable',
        message: `${path} is not there. ${path === file ? 'Check the path.' : 'A separate key store needs its own backup beside it.'}`,
      })
}

function besideServer(): never {
  return raise({
    category: 'conflict',
    code: 'db.restore-beside-server',
    message: 'A server is running on this data directory. Stop it, then restore into an empty one.',
  })
}

async function restoreData(
  config: Config,
  place: AdminDatabase,
  file: string,
  progress: (progress: Progress) => void,
): Promise<RestoreSummary> {
  const migrations = allMigrations()
  const keystoreUrl = config.get('SALUS_KEYSTORE_DATABASE_URL')
  // The keys first: if the second of the two fails, nothing that can be served is there yet.
  if (keystoreUrl !== undefined) await restore({ url: keystoreUrl, file: keystoreFile(file), migrations, progress })
  return restore({ url: place.url, file, migrations, progress })
}

/** The shred list is replayed, then the log is told where it goes on: both before the first record is written. */
async function acceptLog(
  { config, log, clock = systemClock }: AdminOptions,
  url: string,
  choice: RestoreChoice,
): Promise<Pick<RestoreReport, 'acceptedAs'>> {
  choice.onStep('replaying the list of erased patients')
  const database = await openForCommand(url, log)
  const keystoreUrl = config.get('SALUS_KEYSTORE_DATABASE_URL')
  const keystore = keystoreUrl === undefined ? database : await openForCommand(keystoreUrl, log)
  try {
    const vault = await openVault({ database: keystore, config, clock, log })
    const { highestPatient } = await vault.replayShredList(shredList(config))
    await vault.close()
    const owner = await openForCommand(url, log, 'owner')
    try {
      await skipNumbers(owner, highestPatient)
    } finally {
      await owner.close()
    }
    choice.onStep('continuing the audit log')
    const accepted = await acceptRestore({
      database,
      clock,
      keyDirectory: config.dataPath('keys'),
      anchorDirectory: anchorDirectory(config),
    })
    return accepted ? { acceptedAs: accepted.number } : {}
  } finally {
    if (keystore !== database) await keystore.close()
    await database.close()
  }
}

/** Patients looked at in one query. */
const PATIENTS_PER_QUERY = 1_000

async function removeErased(
  admin: Admin,
  choice: RestoreChoice,
): Promise<Pick<RestoreReport, 'erasedPatients' | 'erasedResources'>> {
  try {
    choice.onStep('removing what came back of erased patients')
    return await admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text: 'restore' }, async () => {
      let erasedPatients = 0
      let erasedResources = 0
      for (const [tenant, patients] of await listedPatients(admin.config)) {
        await admin.vault.ensureTenant(tenant)
        erasedPatients += patients.length
        const by = admin.by(tenant, 'restore: erased patients removed again')
        for (let from = 0; from < patients.length; from += PATIENTS_PER_QUERY) {
          const some = patients.slice(from, from + PATIENTS_PER_QUERY)
          erasedResources += await admin.patients.removeShredded({ tenant, patients: some }, by)
        }
      }
      return { erasedPatients, erasedResources }
    })
  } finally {
    await admin.close()
  }
}

function shredList(config: Config): string {
  return config.dataPath('keys', 'shredded.ndjson')
}

/** Patients on the shred list by tenant. The vault has just checked every line of it. */
async function listedPatients(config: Config): Promise<Map<number, number[]>> {
  const listed = new Map<number, Set<number>>()
  const path = shredList(config)
  if (existsSync(path))
    for await (const line of createInterface({ input: createReadStream(path, 'utf8') })) {
      const entry = entryOf(line)
      if (!entry) continue
      const patients = listed.get(entry.tenant) ?? new Set()
      listed.set(entry.tenant, patients.add(entry.patient))
    }
  return new Map([...listed].map(([tenant, patients]) => [tenant, [...patients]]))
}

/** Undefined for a last line that a crash cut off: its key was not destroyed. */
function entryOf(line: string): { tenant: number; patient: number } | undefined {
  try {
    return JSON.parse(line) as { tenant: number; patient: number }
  } catch {
    return undefined
  }
}
