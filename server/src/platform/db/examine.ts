import { FaultError } from '#kernel'
import type { Migration } from './collect-migrations.ts'
import { openConnection, type Session } from './connection.ts'
import { pendingMigrations } from './migrate.ts'
import { clientLink, serverVersion, settings } from './store.ts'

/** One thing `salus doctor` looked at. */
export interface Finding {
  check: string
  ok: boolean
  /** What is so, or what to do about it. */
  advice: string
}

/** What `examineDatabase` needs. */
export interface ExamineOptions {
  /** The database as its owner. */
  url: string
  migrations: readonly Migration[]
  /** Connections that all processes together will open. */
  connections: number
}

/**
 * Look at a database and say what is wrong and what to do; changes nothing and never throws for what it finds.
 * An unreachable database is one finding.
 */
export async function examineDatabase(options: ExamineOptions): Promise<Finding[]> {
  let session: Session
  try {
    session = await openConnection({ url: options.url })
  } catch (error) {
    return [{ check: 'database reachable', ok: false, advice: message(error) }]
  }
  try {
    const { text } = await serverVersion(session)
    return [
      { check: 'database reachable', ok: true, advice: `PostgreSQL ${text} answers.` },
      await schemaFinding(options),
      await roleFinding(options.url),
      ...(await settingFindings(session, options.connections)),
      await linkFinding(session),
    ]
  } finally {
    await session.close()
  }
}

async function schemaFinding(options: ExamineOptions): Promise<Finding> {
  const check = 'schema up to date'
  try {
    const missing = await pendingMigrations(options.url, options.migrations)
    const advice =
      missing === 0 ? 'All migrations are applied.' : `${missing} migrations are missing: the next start applies them.`
    return { check, ok: missing === 0, advice }
  } catch (error) {
    return { check, ok: false, advice: message(error) }
  }
}

async function roleFinding(url: string): Promise<Finding> {
  const check = 'application role'
  try {
    await (await openConnection({ url, role: 'app' })).close()
    return { check, ok: true, advice: 'The server can take the role salus_app.' }
  } catch (error) {
    return { check, ok: false, advice: message(error) }
  }
}

interface Expectation {
  check: string
  /** PostgreSQL settings it looks at. */
  names: readonly string[]
  holds(value: (name: string) => string, connections: number): boolean
  fine: string
  advice: string
}

const EXPECTATIONS: readonly Expectation[] = [
  {
    check: 'commits are durable',
    names: ['fsync', 'full_page_writes', 'synchronous_commit'],
    holds: (value) =>
      value('fsync') === 'on' && value('full_page_writes') === 'on' && value('synchronous_commit') !== 'off',
    fine: 'An acknowledged write survives a power cut.',
    advice: 'Set fsync, full_page_writes and synchronous_commit to on: an acknowledged write could be lost.',
  },
  {
    check: 'page checksums',
    names: ['data_checksums'],
    holds: (value) => value('data_checksums') === 'on',
    fine: 'Silent damage on disk is noticed.',
    advice: 'Enable data checksums (pg_checksums --enable, with the database down), so that damage on disk is noticed.',
  },
  {
    check: 'no patient data in the database log',
    names: [
      'log_statement',
      'log_min_duration_statement',
      'log_parameter_max_length',
      'log_parameter_max_length_on_error',
      'log_min_error_statement',
      'log_error_verbosity',
    ],
    holds: (value) =>
      // Parameters carry tokens and sealed bytes only, but a log is kept longer and read by more people than a database.
      value('log_parameter_max_length_on_error') === '0' &&
      (value('log_parameter_max_length') === '0' ||
        (value('log_statement') === 'none' && value('log_min_duration_statement') === '-1')) &&
      value('log_error_verbosity') === 'terse',
    fine: 'No parameter and no detail of an error is logged.',
    advice:
      'Set log_parameter_max_length = 0, log_parameter_max_length_on_error = 0 and log_error_verbosity = terse, so that no value of a statement reaches the log.',
  },
  {
    check: 'enough connections',
    names: ['max_connections', 'superuser_reserved_connections'],
    holds: (value, connections) =>
      Number(value('max_connections')) - Number(value('superuser_reserved_connections')) >= connections,
    fine: 'max_connections covers all processes.',
    advice: 'Raise max_connections, or lower SALUS_DB_CONNECTIONS or SALUS_WORKERS: the processes together want more.',
  },
  {
    check: 'UTF-8',
    names: ['server_encoding'],
    holds: (value) => value('server_encoding') === 'UTF8',
    fine: 'The database stores every character.',
    advice: "Create the database again with encoding 'UTF8'.",
  },
  {
    check: 'accepts writes',
    names: ['default_transaction_read_only', 'in_hot_standby'],
    holds: (value) => value('default_transaction_read_only') === 'off' && value('in_hot_standby') === 'off',
    fine: 'The database is a primary.',
    advice: 'This is a standby or read-only database. Point SALUS_DATABASE_URL at the primary.',
  },
]

async function settingFindings(session: Session, connections: number): Promise<Finding[]> {
  const known = await settings(
    session,
    EXPECTATIONS.flatMap(({ names }) => names),
  )
  const value = (name: string): string => known.get(name) ?? ''
  return EXPECTATIONS.map(({ check, holds, fine, advice }) => {
    const ok = holds(value, connections)
    return { check, ok, advice: ok ? fine : advice }
  })
}

async function linkFinding(session: Session): Promise<Finding> {
  const { encrypted, local } = await clientLink(session)
  const ok = encrypted || local
  const advice = ok
    ? local
      ? 'The database is on this machine.'
      : 'The connection to the database is encrypted.'
    : 'The connection crosses the network unencrypted. Add ?sslmode=verify-full to SALUS_DATABASE_URL.'
  return { check: 'private connection', ok, advice }
}

function message(error: unknown): string {
  if (error instanceof FaultError) return error.fault.message
  throw error
}
