import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { FaultError, raise } from '#kernel'
import {
  damage,
  damaged,
  type Frame,
  type Manifest,
  readArchive,
  type SequenceState,
  type TableHead,
} from './archive.ts'
import type { Progress, Summary } from './backup.ts'
import type { Migration } from './collect-migrations.ts'
import { openConnection, type Session } from './connection.ts'
import { sqlState, statementFault } from './faults.ts'
import { applyMigration, checkServer } from './migrate.ts'
import {
  analyzeTable,
  BEGIN,
  COMMIT,
  copyIn,
  dropIndex,
  emptyTable,
  hasRows,
  plainIndexes,
  presentSchemas,
  setSequence,
} from './store.ts'

/** What `restore` needs. */
export interface RestoreOptions {
  /** An empty database, as its owner. */
  url: string
  file: string
  /** All migrations of this Salus; those the backup was made with are applied before the data. */
  migrations: readonly Migration[]
  progress?: (progress: Progress) => void
}

/** What a backup held, with when and by which Salus it was made. */
export interface RestoreSummary extends Summary {
  manifest: Manifest
}

/**
 * Fill an empty database from a backup, in one transaction: the schema as of the backup, the data, the indexes. It is
 * committed only after every digest of the file was right; after any fault the database is as empty as before.
 * `migrate` brings it up to date afterwards. Faults: `db.not-empty`, `db.backup-damaged`, `db.newer-schema`,
 * `db.migration-changed`, `db.backup-unreadable`, `db.disk-full`.
 */
export async function restore(options: RestoreOptions): Promise<RestoreSummary> {
  const bytesExpected = await fileBytes(options.file)
  const session = await openConnection({ url: options.url, pipeline: false })
  try {
    await checkServer(session)
    await session.query(BEGIN)
    const load = new Load(session, options, bytesExpected)
    for await (const frame of readArchive(options.file)) await load.take(frame)
    await load.finish()
    await session.query(COMMIT)
    for (const head of load.tables) await session.query(analyzeTable(head))
    return load.summary()
  } catch (error) {
    // Cutting the session rolls back, whatever state a COPY is in.
    session.cut()
    throw restoreFault(error)
  } finally {
    await session.close()
  }
}

/** Read a whole backup and check every digest, without a database. Faults `db.backup-damaged`, `db.backup-unreadable`. */
export async function verifyBackup(file: string): Promise<RestoreSummary> {
  const bytes = await fileBytes(file)
  let manifest: Manifest | undefined
  let tables = 0
  let rows = 0
  for await (const frame of readArchive(file)) {
    if (frame.kind === 'M') manifest = frame.body
    if (frame.kind === 'T') tables++
    if (frame.kind === 'E') rows += frame.body.rows
  }
  return { manifest: manifest ?? damaged('no manifest'), tables, rows, bytes }
}

async function fileBytes(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (error) {
    return raise(
      {
        category: 'invalid',
        code: 'db.backup-unreadable',
        message: `${file} cannot be read (${(error as NodeJS.ErrnoException).code}). Check the path.`,
      },
      error,
    )
  }
}

interface RunningCopy {
  stream: ReturnType<typeof copyFrom>
  name: string
  failed: Promise<never> | undefined
  error: Error | undefined
}

class Load {
  readonly #session: Session
  readonly #options: RestoreOptions
  readonly #bytesExpected: number
  readonly #indexes: string[] = []
  #manifest: Manifest | undefined
  #copy: RunningCopy | undefined
  #sequences: SequenceState[] = []
  #ended = false
  #bytes = 0
  #rows = 0
  readonly tables: TableHead[] = []

  constructor(session: Session, options: RestoreOptions, bytesExpected: number) {
    this.#session = session
    this.#options = options
    this.#bytesExpected = bytesExpected
  }

  async take(frame: Frame): Promise<void> {
    if ((frame.kind === 'M') !== (this.#manifest === undefined)) damaged('order')
    if ((frame.kind === 'D' || frame.kind === 'E') !== (this.#copy !== undefined)) damaged('order')
    switch (frame.kind) {
      case 'M':
        return this.#prepare(frame.body)
      case 'T':
        return this.#startTable(frame.body)
      case 'D':
        return this.#data(frame.body)
      case 'E':
        return this.#endTable(frame.body.rows)
      case 'S':
        this.#sequences = frame.body
        return
      case 'Z':
        this.#ended = true
    }
  }

  async finish(): Promise<void> {
    if (!this.#ended) damaged('cut short')
    for (const sequence of this.#sequences) await this.#session.query(...setSequence(sequence))
    for (const definition of this.#indexes) await this.#session.query({ text: definition })
  }

  summary(): RestoreSummary {
    const manifest = this.#manifest ?? damaged('no manifest')
    return { manifest, tables: this.tables.length, rows: this.#rows, bytes: this.#bytesExpected }
  }

  async #prepare(manifest: Manifest): Promise<void> {
    this.#manifest = manifest
    const chosen = chooseMigrations(manifest, this.#options.migrations)
    const occupied = await presentSchemas(this.#session, ['salus', ...manifest.schemas])
    if (occupied.length > 0)
      raise({
        category: 'conflict',
        code: 'db.not-empty',
        message: `The database already holds ${occupied.join(', ')}. Restore into an empty database or a new data directory. Nothing was changed.`,
      })
    for (const migration of chosen) await applyMigration(this.#session, migration)
  }

  async #startTable(head: TableHead): Promise<void> {
    this.tables.push(head)
    // Building an index at the end costs a third of keeping it up to date row by row.
    for (const index of await plainIndexes(this.#session, head)) {
      this.#indexes.push(index.definition)
      await this.#session.query(dropIndex(index))
    }
    // A migration may have put a row there, which the backup has too.
    if (await hasRows(this.#session, head)) await this.#session.query(emptyTable(head))
    const stream = this.#session.raw.query(copyFrom(copyIn(head)))
    const copy: RunningCopy = { stream, name: `${head.schema}.${head.table}`, failed: undefined, error: undefined }
    copy.failed = new Promise<never>((_, reject) => {
      stream.on('error', (error) => {
        copy.error ??= error
        reject(error)
      })
    })
    copy.failed.catch(() => undefined)
    this.#copy = copy
  }

  async #data(chunk: Buffer): Promise<void> {
    const copy = this.#copy ?? damaged('order')
    this.#bytes += chunk.length
    this.#options.progress?.({ table: copy.name, bytes: this.#bytes, bytesExpected: this.#bytesExpected })
    // PostgreSQL refused the copy: the driver's stream cannot be written any more.
    if (copy.error) throw copy.error
    if (!copy.stream.write(chunk)) await Promise.race([once(copy.stream, 'drain'), copy.failed])
  }

  async #endTable(rows: number): Promise<void> {
    const copy = this.#copy ?? damaged('order')
    this.#copy = undefined
    if (copy.error) throw copy.error
    const done = once(copy.stream, 'finish')
    done.catch(() => undefined)
    copy.stream.end()
    await Promise.race([done, copy.failed])
    if (copy.stream.rowCount !== rows) damaged('row count')
    this.#rows += rows
  }
}

/** This Salus's migrations that the backup was made with, in order. */
function chooseMigrations(manifest: Manifest, migrations: readonly Migration[]): Migration[] {
  const wanted = new Map(manifest.migrations.map((migration) => [`${migration.module}/${migration.number}`, migration]))
  const chosen = migrations.filter((migration) => wanted.has(`${migration.module}/${migration.number}`))
  if (chosen.length !== wanted.size)
    raise({
      category: 'unsupported',
      code: 'db.newer-schema',
      message: `The backup was made by a newer Salus (${manifest.salus}). Restore it with that one or a later one. Nothing was changed.`,
    })
  for (const { module, number, name, hash } of chosen)
    if (wanted.get(`${module}/${number}`)?.hash !== hash)
      raise({
        category: 'unsupported',
        code: 'db.migration-changed',
        message: `Migration ${module} ${number} "${name}" differs from the one the backup was made with. Install an unmodified Salus. Nothing was changed.`,
      })
  return chosen
}

/**
 * Data exceptions, broken constraints, COPY's own protocol, and names of a schema, table or column that the backup's own migrations
 * did not make: PostgreSQL met the damage before its digest was read.
 */
const DAMAGE_STATES = /^(22|23|08P01|3F000|42P01|42703|42701)/

function restoreFault(error: unknown): unknown {
  if (error instanceof FaultError) return error
  const state = sqlState(error)
  return state !== undefined && DAMAGE_STATES.test(state)
    ? damage('a table cannot be read', error)
    : statementFault(error)
}
