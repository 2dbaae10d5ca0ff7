import { setTimeout as sleep } from 'node:timers/promises'
import { type Connection, type Database, isConnectionLost, type Part, sqlState } from '#db'
import { type OutboxEntry, outboxPart } from '#events'
import { type Clock, errorFields, type Fault, FaultError, type Log, metrics } from '#kernel'
import { checkBehindLocks } from './guard.ts'
import { restoreTree } from './log-tree.ts'
import { leafHash, type MerkleTree } from './merkle.ts'
import { type AuditRecord, encodeRecord } from './record.ts'
import { claimNode, isNodeFree, logPart, logRowExists } from './store.ts'

/** Turns the rows of all units that share a commit into SQL parts, set-wise: one statement part per table. */
export interface Composer<Rows> {
  parts(rows: Rows[]): Part[]
}

/** What becomes durable together: audit records always, outbox entries and rows when something was written. */
export interface Unit<Rows = unknown> {
  records: AuditRecord[]
  events?: OutboxEntry[]
  write?: { composer: Composer<Rows>; rows: Rows }
  /** Rows of another table that go with them, e.g. how far a job has come. */
  beside?: { composer: Composer<never>; rows: unknown }
  /** Taken for the whole commit, in ascending order, before `verify` looks. */
  locks?: bigint[]
  /** Looks again, behind the locks, whether what the unit was decided on still holds. Stops when `late` says so. */
  verify?: (connection: Connection, late: AbortSignal) => Promise<boolean>
}

/** Another writer was first: nothing was written; decide again from what is stored now. */
export const RACE_LOST: Fault = {
  category: 'conflict',
  code: 'audit.ledger.race-lost',
  message: 'Another request changed the same resource at the same moment. Read it again and retry.',
}

const OUTCOME_UNKNOWN: Fault = {
  category: 'unavailable',
  code: 'audit.ledger.outcome-unknown',
  message: 'The database was lost while this was being stored. It may be stored: read it before you send it again.',
}

/**
 * The one way to make anything durable, one per process. Resolving means committed and audited; 256 units share a
 * commit at most, 5,000 may wait. Faults: `audit.ledger.*`, `db.unavailable`, `db.disk-full`.
 */
export interface Ledger {
  /** Resolves once `unit` is durable. Rejects with `RACE_LOST`, `db.unavailable` or `db.disk-full`; nothing is written then. */
  commit<Rows>(unit: Unit<Rows>): Promise<void>
  /** Audit alone (reads, refusals, logins): resolves when durable. */
  record(record: AuditRecord): Promise<void>
  /** Number of this process's log. Changes when the connection was lost and another log was claimed. */
  readonly node: number
  close(): Promise<void>
}

interface Waiting {
  unit: Unit
  leaves: Buffer[]
  resolve(): void
  reject(error: unknown): void
}

/** Units of one commit. 256 single creates are about 400 kB of parameters: one write to the socket. */
const UNITS_PER_COMMIT_MAX = 256
/** Resources of one commit, unless a single unit has more: about 5 MB of parameters, 100 ms of PostgreSQL. */
const ROWS_PER_COMMIT_MAX = 2_000
/** Units that may wait while PostgreSQL is slow; beyond it new work is answered busy instead of filling memory. */
const UNITS_WAITING_MAX = 5_000
/** How long the fate of a commit is asked for after a crash: PostgreSQL recovers within this after a moderate load. */
const SURVIVED_ATTEMPTS_MAX = 100
const SURVIVED_RETRY_MS = 100
/** SQLSTATEs that mean: another writer was first (guard, unique, serialisation, deadlock, lock timeout). */
const RACE_STATES = new Set(['SA001', '23505', '40001', '40P01', '55P03'])

export interface LedgerOptions {
  database: Database
  clock: Clock
  log: Log
  /** For benchmarks that measure what the audit costs; the composition root refuses it in production. Not a setting. */
  unsafeWithoutAudit?: boolean
}

/**
 * The only way anything becomes durable: units of work that wait together travel as ONE statement (one round trip, one
 * commit) that carries their rows, one outbox row and one row of this process's RFC 6962 audit log.
 * One commit is in flight at a time, so that the log's order is the commit order; the next group forms meanwhile.
 */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const ledger = new GroupCommit(options)
  await ledger.start()
  return ledger
}

class GroupCommit implements Ledger {
  readonly #database: Database
  readonly #clock: Clock
  readonly #log: Log
  readonly #withoutAudit: boolean
  #connection: Connection | undefined
  #tree!: MerkleTree
  #nextEntry = 0
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined
  #closed = false
  node = -1

  constructor(options: LedgerOptions) {
    this.#withoutAudit = options.unsafeWithoutAudit === true
    this.#database = options.database
    this.#clock = options.clock
    this.#log = options.log
  }

  async start(): Promise<void> {
    await this.#claim()
  }

  commit<Rows>(unit: Unit<Rows>): Promise<void> {
    if (this.#closed || this.#waiting.length >= UNITS_WAITING_MAX)
      return Promise.reject(
        new FaultError({
          category: 'busy',
          code: 'audit.ledger.busy',
          message: 'The server has more work than it can store. Retry in a second.',
        }),
      )
    const leaves = this.#withoutAudit ? [] : unit.records.map(encodeRecord)
    if (this.#withoutAudit && !unit.write && !unit.beside) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ unit: unit, leaves, resolve, reject })
      // The end of this event-loop turn: requests that arrived together share a commit.
      this.#running ??= new Promise<void>((done) => setImmediate(done)).then(() => this.#drain())
    })
  }

  record(record: AuditRecord): Promise<void> {
    return this.commit({ records: [record] })
  }

  async close(): Promise<void> {
    this.#closed = true
    while (this.#running) await this.#running
    await this.#connection?.close()
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) await this.#settle(this.#nextGroup())
    this.#running = undefined
  }

  /**
   * Those that share the next commit; one at least, however large. Of units that take the same lock only the first: within
   * one commit each would look before the other has written, and both would find nothing.
   */
  #nextGroup(): Waiting[] {
    const group: Waiting[] = []
    const later: Waiting[] = []
    const locked = new Set<bigint>()
    let rows = 0
    let seen = 0
    for (const waiting of this.#waiting) {
      const { events, locks = [] } = waiting.unit
      if (locks.some((lock) => locked.has(lock))) later.push(waiting)
      else {
        rows += events?.length ?? 0
        if (group.length === UNITS_PER_COMMIT_MAX || (group.length > 0 && rows > ROWS_PER_COMMIT_MAX)) break
        for (const lock of locks) locked.add(lock)
        group.push(waiting)
      }
      seen++
    }
    this.#waiting.splice(0, seen, ...later)
    return group
  }

  async #settle(group: Waiting[]): Promise<void> {
    try {
      const connection = this.#connection ?? (await this.#claim())
      const started = this.#clock.monotonic()
      const written = group.some(needsTransaction)
        ? await this.#guarded(connection, group)
        : await this.#write(connection, group)
      metrics.commitSeconds.observe((this.#clock.monotonic() - started) / 1000)
      metrics.commitUnits.observe(group.length)
      for (const waiting of written) waiting.resolve()
    } catch (error) {
      await this.#failed(group, error)
    }
  }

  /** Locks, looks again, drops the units whose ground has shifted, writes the rest. */
  async #guarded(connection: Connection, group: Waiting[]): Promise<Waiting[]> {
    await connection.query({ text: 'begin' })
    try {
      const units = group.map(({ unit }) => unit)
      const holds = await checkBehindLocks(this.#database, connection, units)
      const kept = group.filter((_, index) => holds[index])
      const written = kept.length > 0 ? await this.#write(connection, kept, true) : []
      // Without a commit the locks, and the transaction itself, would outlive this group.
      if (kept.length === 0) await connection.query({ text: 'rollback' })
      for (const [index, waiting] of group.entries()) if (!holds[index]) waiting.reject(new FaultError(RACE_LOST))
      return written
    } catch (error) {
      // A session whose transaction cannot be ended must not carry the next commit.
      if (!connection.closed) await connection.query({ text: 'rollback' }).catch(() => connection.close())
      throw error
    }
  }

  async #write(connection: Connection, group: Waiting[], insideTransaction = false): Promise<Waiting[]> {
    const before = this.#tree.snapshot()
    const leaves = group.flatMap((waiting) => waiting.leaves)
    const events = group.flatMap((waiting) => waiting.unit.events ?? [])
    const first = this.#tree.size
    for (const leaf of leaves) this.#tree.append(leafHash(leaf))
    const root = this.#tree.root()
    const at = this.#clock.now()
    const parts = rowParts(group)
    if (leaves.length > 0) parts.push(logPart({ node: this.node, first, at, root, leaves }))
    if (events.length > 0) parts.push(outboxPart(this.node, this.#nextEntry, at, events))
    try {
      await connection.query(
        statementOf(parts),
        parts.flatMap((part) => part.values),
      )
      if (insideTransaction) await connection.query({ text: 'commit' })
    } catch (error) {
      // A connection that broke under the commit leaves its fate open: only the table knows.
      if (isConnectionLost(error) && (await this.#survived(first, root)))
        return this.#advance(group, leaves.length, events.length)
      this.#tree.restore(before)
      throw error
    }
    return this.#advance(group, leaves.length, events.length)
  }

  #advance(group: Waiting[], leaves: number, events: number): Waiting[] {
    this.#nextEntry += events
    metrics.auditLeaves.inc(leaves)
    return group
  }

  /** After a lost connection: is the row of this commit in the log? Asked until the database answers again. */
  async #survived(first: number, root: Buffer): Promise<boolean> {
    this.#connection = undefined
    const node = this.node
    for (let attempt = 0; attempt < SURVIVED_ATTEMPTS_MAX; attempt++) {
      try {
        // While the lost session still runs, its commit may yet come: its lock on the log number tells.
        if (await isNodeFree(this.#database, node)) return await logRowExists(this.#database, { node, first, root })
      } catch {
        // Still down.
      }
      await sleep(SURVIVED_RETRY_MS)
    }
    throw new FaultError(OUTCOME_UNKNOWN)
  }

  async #failed(group: Waiting[], error: unknown): Promise<void> {
    const state = sqlState(error)
    const isLost = isConnectionLost(error) || (error instanceof FaultError && error.fault.code === OUTCOME_UNKNOWN.code)
    if (!isLost && group.length > 1) {
      // One unit's lost race, or a value PostgreSQL refuses, must not fail its neighbours: each on its own.
      for (const waiting of group) await this.#settle([waiting])
      return
    }
    if (state !== undefined && RACE_STATES.has(state))
      return group[0]?.reject(new FaultError(RACE_LOST, { cause: error }))
    if (isLost) this.#connection = undefined
    else this.#log.error('commit failed', errorFields(error))
    const fault = faultOf(error, state)
    for (const waiting of group) waiting.reject(fault)
  }

  /** Take the lowest free log number on a connection of its own and restore that log's tree. */
  async #claim(): Promise<Connection> {
    const connection = await this.#database.connect()
    try {
      this.node = await claimNode(connection)
      const restored = await restoreTree(this.#database, this.node)
      this.#tree = restored.tree
      this.#nextEntry = restored.nextEntry
    } catch (error) {
      await connection.close()
      throw error
    }
    connection.onLost(() => {
      if (this.#connection === connection) this.#connection = undefined
    })
    this.#connection = connection
    return connection
  }
}

function needsTransaction(waiting: Waiting): boolean {
  return waiting.unit.locks !== undefined || waiting.unit.verify !== undefined
}

function rowParts(group: Waiting[]): Part[] {
  const byComposer = new Map<Composer<never>, unknown[]>()
  for (const { unit } of group) {
    for (const part of [unit.write, unit.beside]) {
      if (!part) continue
      const rows = byComposer.get(part.composer)
      if (rows) rows.push(part.rows)
      else byComposer.set(part.composer, [part.rows])
    }
  }
  return [...byComposer].flatMap(([composer, rows]) => composer.parts(rows as never[]))
}

const STATEMENTS = new Map<string, { name: string; text: string }>()
/** Distinct combinations of parts; each is prepared once per connection. Ten parts in practice give a few dozen. */
const STATEMENTS_MAX = 1_000

function statementOf(parts: Part[]): { name: string; text: string } {
  const key = parts.map((part) => part.name).join('+')
  const known = STATEMENTS.get(key)
  if (known) return known
  let next = 1
  const bodies: string[] = []
  const checks: string[] = []
  for (const part of parts) {
    bodies.push(`${part.name} as (${part.text(next)})`)
    if (part.check) checks.push(part.check(next))
    next += part.values.length
  }
  const statement = {
    name: `ledger-${STATEMENTS.size}`,
    text: `with ${bodies.join(',\n')} select ${checks.join(', ') || '1'}`,
  }
  if (STATEMENTS.size < STATEMENTS_MAX) STATEMENTS.set(key, statement)
  return statement
}

function faultOf(error: unknown, state: string | undefined): FaultError {
  if (error instanceof FaultError) return error
  if (state === '53100')
    return new FaultError(
      {
        category: 'unavailable',
        code: 'db.disk-full',
        message: 'The database has no disk space left. Nothing was written; free space and retry.',
      },
      { cause: error },
    )
  if (isConnectionLost(error))
    return new FaultError(
      {
        category: 'unavailable',
        code: 'db.unavailable',
        message: 'The database cannot be reached. Nothing was written; retry shortly.',
      },
      { cause: error },
    )
  // A value that PostgreSQL refuses (classes 22 and 23) is our bug; anything else means that it cannot be written now.
  const isBug = state !== undefined && /^2[23]/.test(state)
  return new FaultError(
    {
      category: isBug ? 'bug' : 'unavailable',
      code: 'audit.ledger.failed',
      message: 'The server could not store this or its audit record. Nothing was written and nothing is answered.',
    },
    { cause: error },
  )
}
