import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  collectMigrations,
  type Migration,
  migrationDirs,
  pendingMigrations,
  runningEmbeddedPostgres,
  startEmbeddedPostgres,
} from '#db'
import { type Config, type Log, raise } from '#kernel'

/** The database of one administrator's command. */
export interface AdminDatabase {
  /** As its owner. */
  url: string
  /** Servers may be working on it right now. */
  isShared: boolean
  /** Stops the embedded database again when it was started for this command. */
  close(): Promise<void>
}

/**
 * Find the database: the external one, the embedded one of a server that runs, or the embedded one started for this command.
 * Faults: `db.no-record` unless `mayBeNew`, and those of `startEmbeddedPostgres`.
 */
export async function openAdminDatabase(options: {
  config: Config
  log: Log
  mayBeNew?: boolean
}): Promise<AdminDatabase> {
  const { config, log } = options
  const external = config.get('SALUS_DATABASE_URL')
  if (external !== undefined) return { url: external, isShared: true, close: async () => undefined }
  const dataDir = config.dataPath()
  if (options.mayBeNew !== true && !existsSync(config.dataPath('postgres')))
    raise({
      category: 'not-found',
      code: 'db.no-record',
      message: `There is no record in ${dataDir}. Set SALUS_DATA_DIR to the data directory of the server, or start the server once.`,
    })
  const running = await runningEmbeddedPostgres(dataDir)
  if (running !== undefined) return { url: running, isShared: true, close: async () => undefined }
  const embedded = await startEmbeddedPostgres({ dataDir, log })
  return { url: embedded.url, isShared: false, close: () => embedded.stop() }
}

/** The migrations of all modules, lowest floor first. */
export function allMigrations(): Migration[] {
  return collectMigrations(migrationDirs(join(import.meta.dirname, '..')))
}

/** Fault `db.not-up-to-date`: an administrator's command never migrates by the way. */
export async function requireMigrated(url: string): Promise<void> {
  const missing = await pendingMigrations(url, allMigrations())
  if (missing > 0)
    raise({
      category: 'conflict',
      code: 'db.not-up-to-date',
      message: `The database lacks ${missing} migrations of this Salus. Start the server once, which applies them, and run the command again.`,
    })
}
