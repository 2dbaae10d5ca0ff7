import type { ChildProcess } from 'node:child_process'
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FaultError, type Log } from '#kernel'
import { openConnection } from '../connection.ts'
import { diskFull } from '../faults.ts'
import { createDatabase } from '../store.ts'
import { type Claim, claimCluster, livingOwner } from './claim.ts'
import { initialise, OWNER } from './initialise.ts'
import { type Native, prepareNative } from './native.ts'
import { databaseUser, type OsUser } from './os-user.ts'
import { choosePlace, existingPlace, type Place } from './place.ts'
import { goneWithin, readPostmasterFile, runningPostmaster, spawnPostmaster, stopPostmaster } from './postmaster.ts'
import { settingsFile } from './settings.ts'

/** A running embedded PostgreSQL, owned by this process. */
export interface EmbeddedPostgres {
  /** URL of the database as its owner. Stays the same over restarts. */
  readonly url: string
  /** Process id of the postmaster; changes when it had to be started again. */
  readonly pid: number
  /** Fast shutdown; resolves when it is down and the data directory is free. */
  stop(): Promise<void>
}

/** What `startEmbeddedPostgres` needs. */
export interface EmbeddedOptions {
  dataDir: string
  log: Log
  /** False only in tests of logic: no fsync, so a power cut loses data. */
  durable?: boolean
  /** Other binaries than the installed ones. */
  native?: string
}

const POLL_MS = 5
/** How long the watchdog of a dead owner may take to bring its database down before we do it. */
const WATCHDOG_PATIENCE_MS = 3_000
/** After `kill -9` of the postmaster its children need a moment to notice and let go of the shared memory. */
const STARTS_MAX = 40
const START_RETRY_MS = 250
/** PostgreSQL cannot start with less than a WAL page and its pid file need. */
const FULL_BYTES = 1024 * 1024
/** Waits before starting again a database that died under us, doubling. */
const RESTART_MS_MIN = 100
const RESTART_MS_MAX = 10_000

/**
 * Start the embedded PostgreSQL of `dataDir`, making it at the first start (0.7 s; later starts 0.1 s, longer when it has
 * to recover). It is started again when it dies, and goes down with this process however that ends.
 * One process owns a data directory: a second one gets `db.data-dir-in-use`; commands beside a running server use
 * `runningEmbeddedPostgres`. Other faults: `db.no-embedded`, `db.no-place`, `db.disk-full`, `db.data-dir-newer`,
 * `db.data-dir-older`, `db.init-failed`, `db.start-failed`. Nothing is damaged by any of them.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir)
  const user = databaseUser()
  try {
    const place = choosePlace({ dataDir, user, log: options.log })
    const claim = await claimCluster(place.run)
    const cluster = new Cluster({ ...options, place, claim, user })
    try {
      await cluster.start()
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOSPC' ? diskFull(error) : error
  }
}

/**
 * URL of the cluster of `dataDir` while a Salus process owns and runs it, so that a command can work beside the server;
 * undefined when it is down.
 */
export async function runningEmbeddedPostgres(dataDir: string): Promise<string | undefined> {
  const place = existingPlace(resolve(dataDir))
  if (!place || (await livingOwner(place.run)) === undefined) return undefined
  return readPostmasterFile(place.data)?.ready && existsSync(place.password) ? urlOf(place) : undefined
}

class Cluster implements EmbeddedPostgres {
  readonly #options: EmbeddedOptions
  readonly #place: Place
  readonly #claim: Claim
  readonly #user: OsUser | undefined
  #native!: Native
  #child: ChildProcess | undefined
  #stopping = false
  #reviving: Promise<void> | undefined
  pid = 0

  constructor(options: EmbeddedOptions & { place: Place; claim: Claim; user: OsUser | undefined }) {
    this.#options = options
    this.#place = options.place
    this.#claim = options.claim
    this.#user = options.user
  }

  get url(): string {
    return urlOf(this.#place)
  }

  async start(): Promise<void> {
    const { native: source } = this.#options
    await this.#clearOrphan()
    this.#native = prepareNative({ user: this.#user, copyTo: this.#place.bin, ...(source ? { source } : {}) })
    const durable = this.#options.durable ?? true
    await initialise({ place: this.#place, native: this.#native, user: this.#user, durable })
    await this.#launch()
    await ensureDatabase(this.url)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#child?.stdin?.destroy()
    await this.#reviving
    await stopPostmaster(this.#place.data)
    await this.#claim.release()
  }

  /** A database whose owner was killed: its watchdog is bringing it down, or is dead too. */
  async #clearOrphan(): Promise<void> {
    if (runningPostmaster(this.#place.data) === undefined) return
    this.#options.log.info('waiting for the database of an earlier Salus to stop')
    if (!(await goneWithin(this.#place.data, WATCHDOG_PATIENCE_MS))) await stopPostmaster(this.#place.data)
  }

  async #launch(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const said = await this.#tryLaunch()
      if (said === undefined) return
      const isClearing = /pre-existing shared memory block|lock file "postmaster\.pid" already exists/.test(said)
      if (!isClearing || attempt === STARTS_MAX || this.#stopping) throw startFault(said, this.#place)
      await sleep(START_RETRY_MS)
    }
  }

  /** Undefined once it accepts connections, else what it said when it gave up. */
  async #tryLaunch(): Promise<string | undefined> {
    const { data, log } = this.#place
    const startLog = join(log, 'start.log')
    writeFileSync(
      join(data, 'conf.d', 'salus.conf'),
      settingsFile({ ...this.#place, durable: this.#options.durable ?? true }),
      { mode: 0o644 },
    )
    const before = logSizes(log)
    const stderr = openSync(startLog, 'w', 0o600)
    const binary = join(this.#native.dir, 'bin', 'postgres')
    const child = spawnPostmaster({ binary, data, user: this.#user, stderr })
    closeSync(stderr)
    this.#child = child
    let ended = false
    let failure = ''
    child.once('error', (error) => {
      failure = error.message
      ended = true
    })
    child.once('exit', () => {
      ended = true
    })
    // No limit on the wait: recovery after a crash takes as long as it takes, and ends in ready or in exit.
    for (let waitedMs = 0; ; waitedMs += POLL_MS) {
      const file = readPostmasterFile(data)
      if (file?.ready && runningPostmaster(data) !== undefined && !ended) {
        this.pid = file.pid
        child.once('exit', () => this.#died(child))
        return undefined
      }
      if (ended) return `${failure}\n${readFileSync(startLog, 'utf8')}\n${loggedSince(log, before)}`
      if (this.#stopping) child.stdin?.destroy()
      if (waitedMs > 0 && waitedMs % 10_000 === 0) this.#options.log.info('the database is still recovering')
      await sleep(POLL_MS)
    }
  }

  #died(child: ChildProcess): void {
    if (this.#stopping || child !== this.#child) return
    this.#options.log.error('the database ended unexpectedly and is started again', { code: 'db.restarted' })
    this.#reviving = this.#revive(RESTART_MS_MIN)
  }

  async #revive(waitMs: number): Promise<void> {
    await sleep(waitMs, undefined, { ref: false })
    if (this.#stopping) return
    try {
      await this.#launch()
    } catch (error) {
      if (this.#stopping) return
      const code = error instanceof FaultError ? error.fault.code : 'db.start-failed'
      this.#options.log.error('the database could not be started again', { code })
      await this.#revive(Math.min(waitMs * 2, RESTART_MS_MAX))
    }
  }
}

async function ensureDatabase(url: string): Promise<void> {
  try {
    const connection = await openConnection({ url })
    await connection.close()
  } catch (error) {
    if (!(error instanceof FaultError) || error.fault.code !== 'db.no-database') throw error
    const maintenance = new URL(url)
    maintenance.pathname = '/postgres'
    const connection = await openConnection({ url: maintenance.href })
    try {
      await connection.query(createDatabase(OWNER))
    } finally {
      await connection.close()
    }
  }
}

function urlOf(place: Place): string {
  const password = readFileSync(place.password, 'utf8')
  return `postgres://${OWNER}:${password}@localhost/${OWNER}?host=${encodeURIComponent(place.run)}`
}

/** Bytes in each of PostgreSQL's log files. */
function logSizes(dir: string): Map<string, number> {
  const names = readdirSync(dir).filter((name) => name.startsWith('postgresql-'))
  return new Map(names.map((name) => [name, statSync(join(dir, name)).size]))
}

/** What PostgreSQL logged since `before`. */
function loggedSince(dir: string, before: Map<string, number>): string {
  const added = [...logSizes(dir).keys()].map((name) => readFileSync(join(dir, name)).subarray(before.get(name) ?? 0))
  return Buffer.concat(added).toString()
}

function startFault(said: string, place: Place): FaultError {
  // On a full disk its last words may not have reached the log.
  const { bavail, bsize } = statfsSync(place.base)
  if (/No space left on device/.test(said) || bavail * bsize < FULL_BYTES) return diskFull()
  const fatal = said.split('\n').findLast((line) => /FATAL|PANIC|ENOENT|EACCES|EPERM/.test(line)) ?? ''
  return new FaultError({
    category: 'unavailable',
    code: 'db.start-failed',
    message: `The embedded database did not start. ${fatal.slice(0, 300)} See ${place.log}.`,
  })
}
