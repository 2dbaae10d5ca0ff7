import pg from 'pg'
import { type Clock, FaultError, systemClock } from '#kernel'
import { type Decoder } from './decode.ts'
import { connectFault, statementFault, unavailable } from './faults.ts'
import { type Row, type Statement, type Wire, WireQuery } from './wire-query.ts'

/** One PostgreSQL session. Statements are pipelined: several may be under way, answered in order. */
export interface Connection {
  /**
   * Run one statement; rows are arrays in column order. `bigint` columns arrive as number while exact, else as bigint.
   * Faults: `db.unavailable` (connection lost: the fate of a commit under way is unknown), `db.too-costly` (statement
   * timeout), `db.disk-full`, `db.rolled-back`; other PostgreSQL errors pass unchanged, see `sqlState`.
   */
  query(statement: Statement, values?: readonly unknown[]): Promise<Row[]>
  /** The driver's client, for LISTEN and session state. COPY needs a connection opened with `pipeline: false`. */
  readonly raw: pg.Client
  /** Let statements under way finish, then end the session. */
  close(): Promise<void>
  readonly closed: boolean
  /** Called once when the session ends without `close`; at once when it already has. */
  onLost(listener: () => void): void
}

/** What `openConnection` needs; only `url` is required. */
export interface ConnectionOptions {
  /** `postgres://user:password@host:port/database`; `?host=/path` for a unix socket. */
  url: string
  /** `app` takes the role salus_app, which has only the rights migrations granted it. */
  role?: 'app' | 'owner'
  /** 0: none. */
  statementTimeoutMs?: number
  planCacheMode?: 'auto' | 'force_generic_plan' | 'force_custom_plan'
  /** False for COPY streams. */
  pipeline?: boolean
  clock?: Clock
}

/** Longest wait for PostgreSQL to accept a connection; a machine in swap still answers in a few seconds. */
const CONNECT_TIMEOUT_MS = 10_000
/** A transaction left idle holds back vacuum and locks; ours never wait for anything but the database. */
const IDLE_IN_TRANSACTION_MS = 120_000
/** Beyond the statement timeout the server itself must be gone: a cut network, a frozen machine. */
const SILENCE_GRACE_MS = 10_000

export class Session implements Connection {
  readonly raw: pg.Client
  readonly #clock: Clock
  readonly #silenceMs: number
  readonly #described = new Map<string, Decoder[]>()
  readonly #listeners: (() => void)[] = []
  #inFlight = 0
  #headSince = 0
  #corked = false
  #lost = false
  #closing: Promise<void> | undefined

  constructor(raw: pg.Client, options: ConnectionOptions) {
    this.raw = raw
    this.#clock = options.clock ?? systemClock
    const timeout = options.statementTimeoutMs ?? 0
    this.#silenceMs = timeout > 0 ? timeout + SILENCE_GRACE_MS : Number.POSITIVE_INFINITY
    raw.on('error', () => this.#drop())
    raw.on('end', () => this.#drop())
  }

  get closed(): boolean {
    return this.#lost || this.#closing !== undefined
  }

  /** Statements sent and not yet answered. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Whether statements of this turn wait to be written. */
  get isCorked(): boolean {
    return this.#corked
  }

  /** How long the statement at the head has been running; those behind it wait. */
  get headMs(): number {
    return this.#inFlight === 0 ? 0 : this.#clock.monotonic() - this.#headSince
  }

  query(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    if (this.closed) return Promise.reject(unavailable())
    return new Promise((resolve, reject) => {
      const query = new WireQuery({
        statement,
        values,
        described: this.#described,
        settle: (error, outcome) => {
          this.#inFlight--
          this.#headSince = this.#clock.monotonic()
          if (error !== undefined) reject(statementFault(error))
          else if (outcome.tag === 'ROLLBACK' && statement.text === 'commit') reject(rolledBack())
          else resolve(outcome.rows)
        },
      })
      if (this.#inFlight++ === 0) this.#headSince = this.#clock.monotonic()
      this.#cork()
      this.raw.query(query)
    })
  }

  onLost(listener: () => void): void {
    if (this.#lost) listener()
    else this.#listeners.push(listener)
  }

  close(): Promise<void> {
    if (this.#lost) return Promise.resolve()
    this.#closing ??= this.raw.end().catch(() => undefined)
    return this.#closing
  }

  /** Cut a session whose server has gone silent, so that what waits on it is answered. */
  cutIfSilent(): void {
    if (this.headMs > this.#silenceMs) this.cut()
  }

  cut(): void {
    const { stream } = (this.raw as unknown as { connection: { stream: { destroy(): void } } }).connection
    stream.destroy()
  }

  /** All statements of one event-loop turn leave in one system call: a write to the socket is a third of their cost. */
  #cork(): void {
    if (this.#corked) return
    this.#corked = true
    const { stream } = (this.raw as unknown as { connection: Wire }).connection
    stream.cork()
    setImmediate(() => {
      this.#corked = false
      stream.uncork()
    })
  }

  #drop(): void {
    if (this.#lost) return
    this.#lost = true
    if (this.#closing === undefined) for (const listener of this.#listeners) listener()
    this.#listeners.length = 0
  }
}

function rolledBack(): FaultError {
  return new FaultError({
    category: 'conflict',
    code: 'db.rolled-back',
    message: 'The transaction had failed and was rolled back instead of committed. Nothing was written; retry.',
  })
}

/** Open one session. Faults: `db.unavailable`, `db.credentials-refused`, `db.no-database`, `db.not-migrated`. */
export async function openConnection(options: ConnectionOptions): Promise<Session> {
  const client = new pg.Client({
    connectionString: withStartupOptions(options),
    pipeline: options.pipeline ?? true,
    application_name: 'salus',
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  })
  // Before the session listens, an error between sockets and startup must not end the process.
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch (error) {
    await client.end().catch(() => undefined)
    throw connectFault(error)
  }
  return new Session(client, options)
}

/** The URL's own `options` stay; ours follow and win. */
function withStartupOptions(options: ConnectionOptions): string {
  const url = new URL(options.url)
  const settings: Record<string, string | number | undefined> = {
    jit: 'off',
    bytea_output: 'hex',
    statement_timeout: options.statementTimeoutMs ?? 0,
    plan_cache_mode: options.planCacheMode,
    idle_in_transaction_session_timeout: options.role === 'app' ? IDLE_IN_TRANSACTION_MS : undefined,
    role: options.role === 'app' ? APP_ROLE : undefined,
  }
  const own = Object.entries(settings).filter(([, value]) => value !== undefined)
  const flags = own.map(([name, value]) => `-c ${name}=${value}`)
  url.searchParams.set('options', [url.searchParams.get('options') ?? '', ...flags].join(' ').trim())
  return url.href
}

/** The role the application acts as: made by the first migration, cannot log in, owns nothing. */
export const APP_ROLE = 'salus_app'
