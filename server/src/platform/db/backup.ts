import { existsSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { to as copyTo } from 'pg-copy-streams'
import { type Clock, FaultError, raise } from '#kernel'
import { ArchiveWriter } from './archive.ts'
import { openConnection, type Session } from './connection.ts'
import { statementFault } from './faults.ts'
import {
  appliedMigrations,
  BEGIN_SNAPSHOT,
  COMMIT,
  copyOut,
  NOTHING,
  presentSchemas,
  sequenceStates,
  serverVersion,
  type TableToCopy,
  tablesToCopy,
} from './store.ts'

/** What `backup` needs. */
export interface BackupOptions {
  /** The database as its owner. */
  url: string
  /** Where the backup goes; must not exist yet. */
  file: string
  /** Schemas to back up; one that the database does not have is left out. */
  schemas: readonly string[]
  /** Version of this Salus, for the manifest. */
  salusVersion: string
  clock: Clock
  progress?: (progress: Progress) => void
}

/** How far a backup or restore is; told for each piece of data. */
export interface Progress {
  /** Table under way, with its schema. */
  table: string
  bytes: number
  /** An estimate that `bytes` may pass. */
  bytesExpected: number
}

/** What a backup holds. `bytes` is the size of its file. */
export interface Summary {
  tables: number
  rows: number
  bytes: number
}

/**
 * Write a consistent copy of the database to one file while it goes on serving: one snapshot for all tables, streamed.
 * Sealed bodies stay sealed; the keys that open them are not in it unless the vault's schema is (wrapped).
 * The file appears under its name only when it is whole and on disk, mode 0600.
 * Faults: `db.backup-exists`, `db.backup-disk-full`, `db.backup-unwritable`, and those of `openConnection`.
 */
export async function backup(options: BackupOptions): Promise<Summary> {
  const { file } = options
  if (existsSync(file))
    raise({ category: 'invalid', code: 'db.backup-exists', message: `${file} exists already. Name another file.` })
  const partial = `${file}.partial`
  const session = await openConnection({ url: options.url, pipeline: false })
  try {
    const handle = await open(partial, 'w', 0o600)
    let summary: Summary
    try {
      summary = await write(session, new ArchiveWriter(handle), options)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(partial, file)
    await syncDirectory(dirname(file))
    return summary
  } catch (error) {
    session.cut()
    await rm(partial, { force: true }).catch(() => undefined)
    throw backupFault(error, file)
  } finally {
    await session.close()
  }
}

async function write(session: Session, archive: ArchiveWriter, options: BackupOptions): Promise<Summary> {
  await session.query(BEGIN_SNAPSHOT)
  const migrations = await appliedMigrations(session)
  const schemas = await presentSchemas(session, options.schemas)
  const tables = await tablesToCopy(session, schemas)
  const { text: postgres } = await serverVersion(session)
  const bytesExpected = tables.reduce((sum, table) => sum + table.bytes, 0)
  await archive.start({ salus: options.salusVersion, at: options.clock.now(), postgres, schemas, migrations })
  let rows = 0
  for (const table of tables) {
    const report = (): void =>
      options.progress?.({ table: `${table.schema}.${table.table}`, bytes: archive.bytes, bytesExpected })
    rows += await writeTable(session, archive, table, report)
  }
  // Sequences have no snapshot; read last, they are past every number that is in a table.
  await archive.end(await sequenceStates(session, schemas))
  await session.query(COMMIT)
  return { tables: tables.length, rows, bytes: archive.bytes }
}

async function writeTable(
  session: Session,
  archive: ArchiveWriter,
  table: TableToCopy,
  report: () => void,
): Promise<number> {
  const { schema, columns } = table
  await archive.startTable({ schema, table: table.table, columns })
  const stream = session.raw.query(copyTo(copyOut(table)))
  // A cut session tells the stream once more after the loop has left it.
  stream.on('error', () => undefined)
  report()
  for await (const chunk of stream) {
    await archive.data(chunk as Buffer)
    report()
  }
  // The row count arrives after the data; the next answer is behind it.
  await session.query(NOTHING)
  await archive.endTable(stream.rowCount)
  return stream.rowCount
}

async function syncDirectory(dir: string): Promise<void> {
  const handle: FileHandle = await open(dir, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function backupFault(error: unknown, file: string): unknown {
  if (error instanceof FaultError) return error
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new FaultError(
      {
        category: 'unavailable',
        code: 'db.backup-disk-full',
        message: `The disk of ${file} is full. The unfinished backup was removed. Free space or name another disk.`,
      },
      { cause: error },
    )
  if (code === 'EACCES' || code === 'EROFS' || code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR')
    return new FaultError(
      {
        category: 'invalid',
        code: 'db.backup-unwritable',
        message: `${file} cannot be written (${code}). Check the directory and its permissions.`,
      },
      { cause: error },
    )
  return statementFault(error)
}
