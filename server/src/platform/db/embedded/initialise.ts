import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FaultError, raise } from '#kernel'
import { diskFull } from '../faults.ts'
import type { Native } from './native.ts'
import type { OsUser } from './os-user.ts'
import type { Place } from './place.ts'
import { spawnWatched } from './postmaster.ts'

/** Name of the owner role and of the database. */
export const OWNER = 'salus'
/** A new cluster is 40 MB and takes a 16 MB WAL segment at once; below this it would fail half-way. */
const NEW_CLUSTER_BYTES = 128 * 1024 * 1024
const INITDB_MS_MAX = 120_000
/** Two seconds: longer than initdb takes to notice that it was stopped. */
const REMOVALS_MAX = 100
const REMOVAL_RETRY_MS = 20
/** Of initdb's complaints, enough for its last lines. */
const SAID_CHARS_MAX = 2_000

export interface Initialisation {
  place: Place
  native: Native
  user: OsUser | undefined
  /** False only in tests of logic: without fsync. */
  durable: boolean
}

/**
 * Make the cluster when there is none, and check that this PostgreSQL can run the one there is.
 * Faults `db.disk-full`, `db.data-dir-newer`, `db.data-dir-older`, `db.password-missing`,
 * `db.init-failed`.
 */
export async function initialise(options: Initialisation): Promise<void> {
  const { place, native } = options
  await removeUnfinished(place.base)
  const versionFile = join(place.data, 'PG_VERSION')
  if (!existsSync(versionFile)) return create(options)
  if (!existsSync(place.password))
    raise({
      category: 'invalid',
      code: 'db.password-missing',
      message: `${place.password} is missing: it holds the password of the database beside it. Put it back from your copy of the data directory.`,
    })
  const major = Number.parseInt(readFileSync(versionFile, 'utf8'), 10)
  if (major > native.major)
    raise({
      category: 'unsupported',
      code: 'db.data-dir-newer',
      message: `The data directory was written by PostgreSQL ${major}; this Salus brings ${native.major}. Start the newer Salus it belongs to. Nothing was changed.`,
    })
  if (major < native.major)
    raise({
      category: 'unsupported',
      code: 'db.data-dir-older',
      message: `The data directory was written by PostgreSQL ${major}; this Salus brings ${native.major}. Run "salus backup" with the Salus it belongs to, then "salus restore" with this one into a new data directory. Nothing was changed.`,
    })
}

/** What a start left that was cut short. Its initdb may be clearing up at this moment too: until the directory is gone. */
async function removeUnfinished(base: string): Promise<void> {
  for (const name of readdirSync(base)) {
    if (!name.startsWith('data.new-')) continue
    for (let attempt = 0; existsSync(join(base, name)) && attempt < REMOVALS_MAX; attempt++) {
      if (attempt > 0) await sleep(REMOVAL_RETRY_MS)
      rmSync(join(base, name), { recursive: true, force: true })
    }
  }
}

async function create(options: Initialisation): Promise<void> {
  const { place, native, user, durable } = options
  const space = statfsSync(place.base)
  if (space.bavail * space.bsize < NEW_CLUSTER_BYTES) throw diskFull()
  // Made beside and renamed at the end: a start cut short leaves no half cluster.
  const fresh = join(place.base, `data.new-${randomBytes(4).toString('hex')}`)
  const password = randomBytes(32).toString('base64url')
  const passwordForInit = join(place.run, 'password.new')
  try {
    mkdirSync(fresh, { mode: 0o700 })
    rmSync(passwordForInit, { force: true })
    writeFileSync(passwordForInit, password, { mode: 0o600 })
    if (user) for (const path of [fresh, passwordForInit]) chownSync(path, user.uid, user.gid)
    await initdb({ native, user, durable, data: fresh, passwordFile: passwordForInit })
    mkdirSync(join(fresh, 'conf.d'), { mode: 0o700 })
    if (user) chownSync(join(fresh, 'conf.d'), user.uid, user.gid)
    appendFileSync(join(fresh, 'postgresql.conf'), "\ninclude_dir = 'conf.d'\n")
    // A cluster without its password is lost: the password is on disk before the cluster has its name.
    writeFileSync(place.password, password, { mode: 0o600, flush: true })
    renameSync(fresh, place.data)
    syncDirectory(place.base)
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    throw (error as NodeJS.ErrnoException).code === 'ENOSPC' ? diskFull(error) : error
  } finally {
    rmSync(passwordForInit, { force: true })
  }
}

function syncDirectory(dir: string): void {
  const handle = openSync(dir, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

async function initdb(options: {
  native: Native
  user: OsUser | undefined
  durable: boolean
  data: string
  passwordFile: string
}): Promise<void> {
  const { native, user, data, passwordFile } = options
  const flags = ['--pgdata', data, '--username', OWNER, '--pwfile', passwordFile, '--encoding', 'UTF8']
  // Code-point order and no operating-system collations: an upgrade of the system cannot break an index.
  flags.push('--locale-provider=builtin', '--locale=C.UTF-8', '--builtin-locale=C.UTF-8')
  flags.push('--auth-local=scram-sha-256', '--auth-host=scram-sha-256')
  // Iterations slow down guessing a person's password; this one is 256 random bits.
  flags.push('--set', 'scram_iterations=1')
  if (!options.durable) flags.push('--no-sync')
  const command = [join(native.dir, 'bin', 'initdb'), ...flags]
  const child = spawnWatched({ command, cwd: data, user, stderr: 'pipe' })
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-SAID_CHARS_MAX)
  })
  const timer = setTimeout(() => child.stdin?.destroy(), INITDB_MS_MAX)
  const outcome = await new Promise<number | string>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    child.once('close', (code) => resolve(code ?? 'killed'))
  })
  clearTimeout(timer)
  if (outcome !== 0) throw initFault(outcome, said, user)
}

function initFault(outcome: number | string, said: string, user: OsUser | undefined): FaultError {
  if (/No space left on device/.test(said)) return diskFull()
  const account = user ? ` as the account "${user.name}"` : ''
  const reason =
    outcome === 'EPERM'
      ? `Salus may not start programs${account}. Start Salus as an ordinary user, or set SALUS_DATABASE_URL.`
      : `initdb failed${account}: ${said.trim().split('\n').slice(-3).join(' ') || outcome}`
  return new FaultError({
    category: 'unavailable',
    code: 'db.init-failed',
    message: `The embedded database could not be made. ${reason}`,
  })
}
