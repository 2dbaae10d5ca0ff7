import { type Clock, FaultError, type Log, metrics, systemClock } from '#kernel'
import { type Connection, type ConnectionOptions, openConnection, type Session } from './connection.ts'
import { FairShare } from './fair-share.ts'
import { unavailable } from './faults.ts'
import { BEGIN, COMMIT, READY, ROLLBACK } from './store.ts'
import type { Row, Statement } from './wire-query.ts'

/** The database of one process. */
export interface Database {
  /**
   * Run one statement on the least busy of the shared connections. One with a name is planned once for any values; one
   * without is planned for its own, and has connections of its own, so that a long search holds up no read.
   * `client`: on whose behalf. Statements without a name of one client run on two thirds of their connections at once, at least
   * one; 64 more wait in order, so that slow searches of one client leave connections to the others.
   * Faults as `Connection.query`, `db.busy` and `db.client-busy`.
   */
  query(statement: Statement, values?: readonly unknown[], client?: string): Promise<Row[]>
  /** Run `work` in a transaction on a connection of its own: committed when it resolves, rolled back when it rejects. */
  transaction<T>(work: (tx: Connection) => Promise<T>): Promise<T>
  /** A connection of the caller's own, who closes it. It is not reconnected: see `onLost`. */
  connect(): Promise<Connection>
  /** Whether statements are answered and writes are accepted right now. */
  healthy(): Promise<boolean>
  /** Let statements under way finish, then end all sessions, those of `connect` too. */
  close(): Promise<void>
}

/** What `openDatabase` needs. */
export interface DatabaseOptions {
  url: string
  /** Shared connections for `query`, at least 2, half of them for statements with a name; as many again at most for `transaction`. */
  connections: number
  statementTimeoutMs: number
  /** Default `app`. */
  role?: 'app' | 'owner'
  log: Log
  clock?: Clock
}

/** First and longest wait before a lost connection is tried again: PostgreSQL restarts in well under a second. */
const RECONNECT_MS_MIN = 50
const RECONNECT_MS_MAX = 2_000
/** Statements under way per connection before callers hear busy: at 50 us each this is a quarter of a second. */
const IN_FLIGHT_PER_CONNECTION_MAX = 5_000
/** Short statements of one turn that share a connection: together they take half a millisecond. */
const PACKED_MAX = 8
/** Statements of one client that wait for its turn: a loader gains nothing from more requests at once than this. */
const WAITING_PER_CLIENT_MAX = 64
/** One client's part of the connections for statements without a name. */
const CLIENT_SHARE = 2 / 3
/** A statement that runs this long holds up those behind it: new ones go elsewhere when they can. */
const SLOW_HEAD_MS = 20
/** How often silent connections are looked for and the gauge is set. */
const SWEEP_MS = 5_000
/** Longest wait of `healthy`; a load balancer's probe gives up soon after. */
const HEALTH_MS = 2_000

/**
 * Open the database. Resolves when all shared connections stand, rejects as `openConnection`. A connection lost later
 * rejects what was under way on it with `db.unavailable` and is opened again with back-off.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const pool = new Pool(options)
  try {
    await pool.start()
  } catch (error) {
    await pool.close()
    throw error
  }
  return pool
}

class Pool implements Database {
  readonly #options: DatabaseOptions
  readonly #connect: ConnectionOptions
  readonly #shared: (Session | undefined)[]
  /** Slots below this are for statements with a name. */
  readonly #named: number
  readonly #shares: FairShare
  readonly #all = new Set<Session>()
  readonly #idle: Session[] = []
  readonly #waiting: ((session: Session | FaultError) => void)[] = []
  #transactions = 0
  #sweeper: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: DatabaseOptions) {
    this.#options = options
    this.#connect = {
      url: options.url,
      role: options.role ?? 'app',
      statementTimeoutMs: options.statementTimeoutMs,
      clock: options.clock ?? systemClock,
    }
    this.#shared = new Array<Session | undefined>(options.connections).fill(undefined)
    this.#named = Math.ceil(options.connections / 2)
    const each = Math.max(1, Math.floor((options.connections - this.#named) * CLIENT_SHARE))
    this.#shares = new FairShare({ each, waitingMax: WAITING_PER_CLIENT_MAX })
  }

  async start(): Promise<void> {
    const opened = await Promise.allSettled(this.#shared.map((_, slot) => this.#fill(slot)))
    const failed = opened.find((outcome) => outcome.status === 'rejected')
    if (failed) throw failed.reason
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref()
    this.#sweep()
  }

  query(statement: Statement, values?: readonly unknown[], client?: string): Promise<Row[]> {
    if (client === undefined || statement.name !== undefined) return this.#query(statement, values)
    return this.#shares.run(client, () => this.#query(statement, values))
  }

  #query(statement: Statement, values?: readonly unknown[]): Promise<Row[]> {
    const session =
      (statement.name === undefined ? this.#leastBusy(this.#named, this.#shared.length) : this.#forShort()) ??
      this.#leastBusy(0, this.#shared.length)
    if (!session) return Promise.reject(unavailable())
    if (session.inFlight >= IN_FLIGHT_PER_CONNECTION_MAX) return Promise.reject(busy())
    return session.query(statement, values)
  }

  async transaction<T>(work: (tx: Connection) => Promise<T>): Promise<T> {
    const session = await this.#takeForTransaction()
    try {
      // Not awaited: it travels with the first statement of `work`. Should it fail, that statement fails too.
      session.query(BEGIN).catch(() => undefined)
      const result = await work(session)
      await session.query(COMMIT)
      return result
    } catch (error) {
      await session.query(ROLLBACK).catch(() => session.cut())
      throw error
    } finally {
      this.#giveBack(session)
    }
  }

  async connect(): Promise<Connection> {
    return this.#open(this.#connect)
  }

  async healthy(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), HEALTH_MS)
    })
    const asked = this.query(READY).then(
      (rows) => rows[0]?.[0] === true,
      () => false,
    )
    const answer = await Promise.race([asked, late])
    clearTimeout(timer)
    return answer
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#sweeper)
    for (const waiting of this.#waiting.splice(0)) waiting(unavailable())
    await Promise.all([...this.#all].map((session) => session.close()))
  }

  async #open(options: ConnectionOptions): Promise<Session> {
    if (this.#closed) throw unavailable()
    const session = await openConnection(options)
    this.#all.add(session)
    session.raw.once('end', () => this.#all.delete(session))
    if (this.#closed) await session.close()
    return session
  }

  async #fill(slot: number): Promise<void> {
    // By itself PostgreSQL plans anew for each set of values when it takes a generic plan for dearer: 0.3 ms per search.
    const session = await this.#open(
      slot < this.#named ? { ...this.#connect, planCacheMode: 'force_generic_plan' } : this.#connect,
    )
    this.#shared[slot] = session
    session.onLost(() => {
      this.#shared[slot] = undefined
      if (this.#closed) return
      this.#options.log.warn('database connection lost', { code: 'db.unavailable' })
      this.#refill(slot, RECONNECT_MS_MIN)
    })
  }

  #refill(slot: number, waitMs: number): void {
    setTimeout(() => {
      if (this.#closed) return
      this.#fill(slot).then(
        () => this.#options.log.info('database connection restored'),
        () => this.#refill(slot, Math.min(waitMs * 2, RECONNECT_MS_MAX)),
      )
      // The slot number spreads the attempts, so that a starting server is not met by all at once.
    }, waitMs + slot).unref()
  }

  /** One that is woken in this turn anyway: waking another costs more than waiting for a short statement. */
  #forShort(): Session | undefined {
    for (let slot = 0; slot < this.#named; slot++) {
      const session = this.#shared[slot]
      if (session?.isCorked && !session.closed && session.inFlight < PACKED_MAX && session.headMs <= SLOW_HEAD_MS)
        return session
    }
    return this.#leastBusy(0, this.#named)
  }

  /** Fewest statements under way; a connection whose head has been running long comes last. */
  #leastBusy(from: number, until: number): Session | undefined {
    let best: Session | undefined
    let bestScore = Number.POSITIVE_INFINITY
    for (let slot = from; slot < until; slot++) {
      const session = this.#shared[slot]
      if (!session || session.closed) continue
      if (session.inFlight === 0) return session
      const score = session.inFlight + (session.headMs > SLOW_HEAD_MS ? 1_000_000 : 0)
      if (score < bestScore) {
        best = session
        bestScore = score
      }
    }
    return best
  }

  async #takeForTransaction(): Promise<Session> {
    for (;;) {
      const idle = this.#idle.pop()
      if (!idle) break
      if (!idle.closed) return idle
      this.#transactions--
    }
    if (this.#transactions < this.#options.connections) {
      this.#transactions++
      try {
        return await this.#open(this.#connect)
      } catch (error) {
        this.#transactions--
        throw error
      }
    }
    if (this.#waiting.length >= IN_FLIGHT_PER_CONNECTION_MAX) throw busy()
    const given = await new Promise<Session | FaultError>((resolve) => this.#waiting.push(resolve))
    if (given instanceof FaultError) throw given
    return given
  }

  #giveBack(session: Session): void {
    const next = this.#waiting.shift()
    if (!session.closed) {
      if (next) next(session)
      else this.#idle.push(session)
      return
    }
    this.#transactions--
    if (!next) return
    // The place of the lost connection goes to the one who waits longest.
    this.#takeForTransaction().then(next, (error) => next(error instanceof FaultError ? error : unavailable(error)))
  }

  #sweep(): void {
    let busyCount = 0
    for (const session of this.#all) {
      session.cutIfSilent()
      if (session.inFlight > 0) busyCount++
    }
    metrics.poolConnections.set({ state: 'busy' }, busyCount)
    metrics.poolConnections.set({ state: 'idle' }, this.#all.size - busyCount)
    metrics.poolConnections.set({ state: 'lost' }, this.#shared.filter((session) => session === undefined).length)
  }
}

function busy(): FaultError {
  return new FaultError({
    category: 'busy',
    code: 'db.busy',
    message: 'The server has more database work than it can do. Retry in a second.',
  })
}
