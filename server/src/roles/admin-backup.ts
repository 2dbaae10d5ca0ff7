import { existsSync } from 'node:fs'
import { backup, type Progress, type Summary } from '#db'
import { raise, VERSION } from '#kernel'
import { type Admin, DEFAULT_TENANT } from './admin.ts'

/** Schemas with data, lowest floor first. The schema `salus` (the list of migrations) is made anew by a restore. */
export const BACKED_UP_SCHEMAS: readonly string[] = [
  'events',
  'audit',
  'vault',
  'identity',
  'definitions',
  'terminology',
  'record',
]
const KEYSTORE_SCHEMAS: readonly string[] = ['vault']

/** What `salus backup` wrote. */
export interface BackupReport {
  file: string
  summary: Summary
  /** The separate key store's own file, when there is one. */
  keystore?: { file: string; summary: Summary }
}

/** Where the backup of a separate key store goes. */
export function keystoreFile(file: string): string {
  return `${file}.keystore`
}

/**
 * A consistent copy of the record while servers run, bodies sealed as they are. A separate key store gets a file of its own,
 * written after the other, so that it has a key for every row. Recorded before anything is written. Faults `db.backup-*`.
 */
export async function backUp(
  admin: Admin,
  options: { file: string; onProgress(progress: Progress): void },
): Promise<BackupReport> {
  const { file, onProgress } = options
  const keystoreUrl = admin.config.get('SALUS_KEYSTORE_DATABASE_URL')
  if (keystoreUrl !== undefined && existsSync(keystoreFile(file)))
    raise({
      category: 'invalid',
      code: 'db.backup-exists',
      message: `${keystoreFile(file)} exists already. Name another file.`,
    })
  const common = { salusVersion: VERSION, clock: admin.clock, progress: onProgress }
  return admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text: 'backup' }, async () => {
    const summary = await backup({ ...common, url: admin.databaseUrl, file, schemas: BACKED_UP_SCHEMAS })
    if (keystoreUrl === undefined) return { file, summary }
    const keys = { ...common, url: keystoreUrl, file: keystoreFile(file), schemas: KEYSTORE_SCHEMAS }
    return { file, summary, keystore: { file: keystoreFile(file), summary: await backup(keys) } }
  })
}
