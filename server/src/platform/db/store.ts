import type { Connection } from './connection.ts'
import type { Statement } from './wire-query.ts'

export const BEGIN: Statement = { text: 'begin' }
export const COMMIT: Statement = { text: 'commit' }
export const ROLLBACK: Statement = { text: 'rollback' }
/** A standby after a fail-over answers reads, but Salus can serve nothing without writing its audit. */
export const READY: Statement = { name: 'db-ready', text: 'select not pg_is_in_recovery()' }

/** The cluster's one database. `name` is a constant of ours, never input. */
export function createDatabase(name: string): Statement {
  return { text: `create database ${name}` }
}

export interface AppliedMigration {
  module: string
  number: number
  name: string
  hash: string
}

/** Any number will do, as long as every Salus uses the same. */
const MIGRATION_LOCK = 5_410_115
export const LOCK_MIGRATIONS: Statement = { text: `select pg_advisory_lock(${MIGRATION_LOCK})` }
export const UNLOCK_MIGRATIONS: Statement = { text: `select pg_advisory_unlock(${MIGRATION_LOCK})` }

export async function serverVersion(connection: Connection): Promise<{ number: number; text: string }> {
  const rows = await connection.query({
    text: "select current_setting('server_version_num')::int, current_setting('server_version')",
  })
  return { number: Number(rows[0]?.[0]), text: String(rows[0]?.[1]) }
}

/** What has been applied; nothing when the database is empty. */
export async function appliedMigrations(connection: Connection): Promise<AppliedMigration[]> {
  const [table] = await connection.query({ text: "select to_regclass('salus.migration') is not null" })
  if (table?.[0] !== true) return []
  const rows = await connection.query({
    text: 'select module, number, name, hash from salus.migration order by at, number',
  })
  return rows.map(([module, number, name, hash]) => ({
    module: String(module),
    number: Number(number),
    name: String(name),
    hash: String(hash),
  }))
}

export async function recordMigration(connection: Connection, migration: AppliedMigration): Promise<void> {
  await connection.query(
    {
      text: `insert into salus.migration (module, number, name, hash, at)
             values ($1, $2, $3, $4, floor(extract(epoch from clock_timestamp()) * 1000))`,
    },
    [migration.module, migration.number, migration.name, migration.hash],
  )
}
