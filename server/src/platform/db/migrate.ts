import { FaultError, raise } from '#kernel'
import type { Migration } from './collect-migrations.ts'
import { openConnection, type Session } from './connection.ts'
import { sqlState } from './faults.ts'
import {
  type AppliedMigration,
  appliedMigrations,
  BEGIN,
  COMMIT,
  LOCK_MIGRATIONS,
  ROLLBACK,
  recordMigration,
  serverVersion,
  UNLOCK_MIGRATIONS,
} from './store.ts'

/** PostgreSQL 15 is the oldest whose features Salus uses (`security_invoker`, `merge`, no public create right). */
const SERVER_VERSION_MIN = 150_000
const ROLE_MISSING = 'SA101'

/**
 * Bring the database at `url` (as its owner) to the state of `migrations`. Returns those it applied; applying none takes
 * one connection and two queries. Several processes may call it at once: an advisory lock lets one work and the others
 * wait. Each migration is a transaction of its own, so a start cut short continues at the next one.
 * Faults: `db.version-too-old`, `db.newer-schema`, `db.migration-changed`, `db.role-missing`, `db.migration-failed`.
 */
export async function migrate(url: string, migrations: readonly Migration[]): Promise<Migration[]> {
  const session = await openConnection({ url })
  try {
    await checkServer(session)
    if (missing(migrations, await appliedMigrations(session)).length === 0) return []
    await session.query(LOCK_MIGRATIONS)
    const todo = missing(migrations, await appliedMigrations(session))
    for (const migration of todo) await apply(session, migration)
    await session.query(UNLOCK_MIGRATIONS)
    return todo
  } finally {
    await session.close()
  }
}

/** Whether `migrations` and what the database at `url` holds fit, without changing anything: how many are missing. */
export async function pendingMigrations(url: string, migrations: readonly Migration[]): Promise<number> {
  const session = await openConnection({ url })
  try {
    await checkServer(session)
    return missing(migrations, await appliedMigrations(session)).length
  } finally {
    await session.close()
  }
}

/** Fault `db.version-too-old`. */
export async function checkServer(session: Session): Promise<void> {
  requireVersion(await serverVersion(session))
}

export function requireVersion({ number, text }: { number: number; text: string }): void {
  if (number < SERVER_VERSION_MIN)
    raise({
      category: 'unsupported',
      code: 'db.version-too-old',
      message: `The database is PostgreSQL ${text}; Salus needs 15 or newer. Upgrade it, or unset SALUS_DATABASE_URL to use the embedded one.`,
    })
}

function missing(migrations: readonly Migration[], applied: readonly AppliedMigration[]): Migration[] {
  const known = new Map(migrations.map((migration) => [`${migration.module}/${migration.number}`, migration]))
  for (const { module, number, name, hash } of applied) {
    const ours = known.get(`${module}/${number}`)
    if (!ours)
      raise({
        category: 'unsupported',
        code: 'db.newer-schema',
        message: `The database was migrated by a newer Salus (${module} ${number} "${name}"). Start that Salus or a later one. Nothing was changed.`,
      })
    if (ours.hash !== hash)
      raise({
        category: 'unsupported',
        code: 'db.migration-changed',
        message: `Migration ${module} ${number} "${ours.name}" differs from the one this database was made with. Install an unmodified Salus. Nothing was changed.`,
      })
    known.delete(`${module}/${number}`)
  }
  return [...known.values()]
}

async function apply(session: Session, migration: Migration): Promise<void> {
  await session.query(BEGIN)
  try {
    await applyMigration(session, migration)
    await session.query(COMMIT)
  } catch (error) {
    if (!session.closed) await session.query(ROLLBACK).catch(() => undefined)
    throw error
  }
}

/** Apply and record one migration inside the caller's transaction. Faults `db.role-missing`, `db.migration-failed`. */
export async function applyMigration(session: Session, migration: Migration): Promise<void> {
  try {
    // The simple protocol: a migration is many statements.
    await session.raw.query(migration.sql)
    await recordMigration(session, migration)
  } catch (error) {
    throw migrationFault(migration, error)
  }
}

function migrationFault({ module, number, name }: Migration, error: unknown): FaultError {
  const state = sqlState(error)
  if (error instanceof FaultError && state !== ROLE_MISSING) return error
  if (state === ROLE_MISSING)
    return new FaultError(
      {
        category: 'invalid',
        code: 'db.role-missing',
        message:
          'The database user may not create or take the role salus_app. Let an administrator run: create role salus_app nologin; grant salus_app to <user>; and start again.',
      },
      { cause: error },
    )
  return new FaultError(
    {
      category: 'unavailable',
      code: 'db.migration-failed',
      message: `Migration ${module} ${number} "${name}" failed${state ? ` (SQLSTATE ${state})` : ''} and was rolled back. The database is as it was before it.`,
    },
    { cause: error },
  )
}
