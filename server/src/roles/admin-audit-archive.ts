import { type ArchiveReport, runArchive } from '#audit'
import type { Config } from '#kernel'
import { type Admin, DEFAULT_TENANT, openForCommand } from './admin.ts'

/** Where the archived months of this installation lie. */
export function archiveDirectory(config: Config): string {
  return config.get('SALUS_AUDIT_ARCHIVE_DIR') ?? config.dataPath('audit-archive')
}

/** Archive the months that are over and, with `remove`, take the archived rows out of the database. Recorded. Faults of `runArchive`. */
export async function archiveAudit(
  admin: Admin,
  { directory, remove }: { directory: string; remove: boolean },
): Promise<ArchiveReport> {
  const { database, clock, databaseUrl, log } = admin
  const text = `audit archive${remove ? ' --remove' : ''}`
  return admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text }, async () => {
    if (!remove) return runArchive({ database, clock, directory })
    const owner = await openForCommand(databaseUrl, log, 'owner')
    try {
      return await runArchive({ database, clock, directory, owner })
    } finally {
      await owner.close()
    }
  })
}
