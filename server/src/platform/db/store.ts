import type { SequenceState } from './archive.ts'
import type { Connection } from './connection.ts'
import type { Row, Statement } from './wire-query.ts'

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

/** A moment of the past for all tables: what commits meanwhile is not seen, and nothing is held up. */
export const BEGIN_SNAPSHOT: Statement = { text: 'begin isolation level repeatable read read only' }
export const NOTHING: Statement = { text: 'select 1' }

interface TableName {
  schema: string
  table: string
  columns: string[]
}

export interface TableToCopy extends TableName {
  /** Size on disk, as an estimate of what is to come. */
  bytes: number
}

/**
 * The tables of `schemas` with their stored columns, referenced tables before those that refer to them.
 * The list of migrations is left out: restoring makes its own. So is what a migration calls transient (`comment on table`).
 */
export async function tablesToCopy(connection: Connection, schemas: readonly string[]): Promise<TableToCopy[]> {
  const rows = await connection.query(
    {
      text: `select n.nspname::text, c.relname::text, c.oid::int8, pg_table_size(c.oid),
                    array(select a.attname::text from pg_attribute a
                          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
                          order by a.attnum),
                    array(select f.confrelid::int8 from pg_constraint f
                          where f.conrelid = c.oid and f.contype = 'f' and f.confrelid <> c.oid)
             from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where c.relkind = 'r' and c.relpersistence = 'p' and n.nspname = any($1::text[])
               and (n.nspname, c.relname) <> ('salus', 'migration')
               and obj_description(c.oid, 'pg_class') is distinct from 'transient'
             order by n.nspname, c.relname`,
    },
    [schemas],
  )
  const byId = new Map(rows.map((row) => [String(row[2]), row]))
  const ordered = new Set<Row>()
  const visit = (row: Row): void => {
    if (ordered.has(row)) return
    for (const referenced of row[5] as string[]) {
      const other = byId.get(referenced)
      if (other) visit(other)
    }
    ordered.add(row)
  }
  for (const row of rows) visit(row)
  return [...ordered].map(([schema, table, , bytes, columns]) => ({
    schema: String(schema),
    table: String(table),
    bytes: Number(bytes),
    columns: columns as string[],
  }))
}

export async function sequenceStates(connection: Connection, schemas: readonly string[]): Promise<SequenceState[]> {
  const names = await connection.query(
    {
      text: `select n.nspname::text, c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where c.relkind = 'S' and n.nspname = any($1::text[]) order by 1, 2`,
    },
    [schemas],
  )
  const states: SequenceState[] = []
  for (const [schema, name] of names) {
    const from = `${quoted(String(schema))}.${quoted(String(name))}`
    const [state] = await connection.query({ text: `select last_value::text, is_called from ${from}` })
    states.push({ schema: String(schema), name: String(name), last: String(state?.[0]), called: state?.[1] === true })
  }
  return states
}

export function setSequence(state: SequenceState): [Statement, unknown[]] {
  const name = `${quoted(state.schema)}.${quoted(state.name)}`
  return [{ text: 'select setval($1::regclass, $2::bigint, $3)' }, [name, state.last, state.called]]
}

export function copyOut(table: TableName): string {
  return `copy ${quoted(table.schema)}.${quoted(table.table)} (${table.columns.map(quoted).join()}) to stdout (format binary)`
}

export function copyIn(table: TableName): string {
  return `copy ${quoted(table.schema)}.${quoted(table.table)} (${table.columns.map(quoted).join()}) from stdin (format binary)`
}

export async function hasRows(connection: Connection, table: TableName): Promise<boolean> {
  const [row] = await connection.query({
    text: `select exists (select from ${quoted(table.schema)}.${quoted(table.table)})`,
  })
  return row?.[0] === true
}

export function emptyTable(table: TableName): Statement {
  return { text: `delete from ${quoted(table.schema)}.${quoted(table.table)}` }
}

export function analyzeTable(table: TableName): Statement {
  return { text: `analyze ${quoted(table.schema)}.${quoted(table.table)}` }
}

/** Which of `schemas` exist. */
export async function presentSchemas(connection: Connection, schemas: readonly string[]): Promise<string[]> {
  const rows = await connection.query(
    { text: 'select nspname::text from pg_namespace where nspname = any($1::text[])' },
    [schemas],
  )
  return rows.map((row) => String(row[0]))
}

interface PlainIndex {
  schema: string
  name: string
  definition: string
}

/** The indexes of a table that no constraint and nothing else stands on. */
export async function plainIndexes(connection: Connection, table: TableName): Promise<PlainIndex[]> {
  const rows = await connection.query(
    {
      text: `select n.nspname::text, c.relname::text, pg_get_indexdef(i.indexrelid)
             from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
             where i.indrelid = to_regclass($1) and not i.indisprimary and not i.indisreplident
               and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
               and not exists (select from pg_depend d where d.refclassid = 'pg_class'::regclass and d.refobjid = i.indexrelid)`,
    },
    [`${quoted(table.schema)}.${quoted(table.table)}`],
  )
  return rows.map(([schema, name, definition]) => ({
    schema: String(schema),
    name: String(name),
    definition: String(definition),
  }))
}

export function dropIndex(index: PlainIndex): Statement {
  return { text: `drop index ${quoted(index.schema)}.${quoted(index.name)}` }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export async function settings(connection: Connection, names: readonly string[]): Promise<Map<string, string>> {
  const rows = await connection.query({ text: 'select name, setting from pg_settings where name = any($1::text[])' }, [
    names,
  ])
  return new Map(rows.map(([name, setting]) => [String(name), String(setting)]))
}

/** Whether this session is encrypted, and whether it stays on the machine. */
export async function clientLink(connection: Connection): Promise<{ encrypted: boolean; local: boolean }> {
  const [row] = await connection.query({
    text: `select coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false),
                  inet_client_addr() is null or inet_client_addr() <<= '127.0.0.0/8' or inet_client_addr() = '::1'`,
  })
  return { encrypted: row?.[0] === true, local: row?.[1] === true }
}
