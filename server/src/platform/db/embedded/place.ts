import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Log, raise } from '#kernel'
import { canTraverse, type OsUser } from './os-user.ts'

/** Where the embedded cluster of a data directory lies. */
export interface Place {
  /** Holds data/, log/, bin/ and the password. */
  base: string
  data: string
  log: string
  bin: string
  password: string
  /** Unix sockets: PostgreSQL's and the owner's. */
  run: string
}

/** Bytes of a unix socket path: 104 on macOS, 108 on Linux, less the terminator and the longest file name put in `run`. */
const RUN_PATH_BYTES_MAX = 103 - '/.s.PGSQL.5432'.length - 8
/** Where a cluster goes when its account cannot reach the data directory (a data directory under /root, mode 0700). */
const ELSEWHERE = '/var/lib'
const POINTER = 'place.json'
const LEFT_OVERS_MAX = 1_000

/** The place of `dataDir`'s cluster when there is one already; undefined before the first start. */
export function existingPlace(dataDir: string): Place | undefined {
  const inside = join(dataDir, 'postgres')
  const pointer = join(inside, POINTER)
  if (existsSync(pointer)) {
    const { base } = JSON.parse(readFileSync(pointer, 'utf8')) as { base: string }
    return place(base)
  }
  return existsSync(join(inside, 'data')) ? place(realpathSync(inside)) : undefined
}

/**
 * Find or make the place. Normally `<dataDir>/postgres`. As root, when the database's account cannot pass through to
 * it, `/var/lib/salus-<hash>`, named in `<dataDir>/postgres/place.json`. Faults `db.no-place`, `db.run-dir-taken`.
 */
export function choosePlace(options: { dataDir: string; user: OsUser | undefined; log: Log }): Place {
  const { dataDir, user } = options
  const inside = join(dataDir, 'postgres')
  try {
    if (!existsSync(dataDir)) mkdirSync(dataDir, { recursive: true, mode: user ? 0o711 : 0o700 })
    if (!existsSync(inside)) mkdirSync(inside, { mode: user ? 0o711 : 0o700 })
  } catch (error) {
    raise(
      {
        category: 'invalid',
        code: 'db.no-place',
        message: `The data directory ${dataDir} cannot be made or written. Make it a directory that you can write to, or set SALUS_DATA_DIR elsewhere.`,
      },
      error,
    )
  }
  const known = existingPlace(dataDir)
  const chosen =
    known ?? (!user || canTraverse(user, realpathSync(inside)) ? place(realpathSync(inside)) : elsewhere(options))
  if (user && !reaches(user, chosen.base))
    raise({
      category: 'invalid',
      code: 'db.no-place',
      message: `The account "${user.name}" that runs the database cannot reach ${chosen.base}. Let it pass through the directories above (chmod o+x), or set SALUS_DATA_DIR elsewhere.`,
    })
  for (const dir of [chosen.log, chosen.run]) own(dir, user)
  mkdirSync(chosen.bin, { recursive: true, mode: 0o755 })
  return chosen
}

function place(base: string): Place {
  const inside = join(base, 'run')
  const short = `/tmp/salus-${hash(base)}`
  return {
    base,
    data: join(base, 'data'),
    log: join(base, 'log'),
    bin: join(base, 'bin'),
    password: join(base, 'password'),
    run: Buffer.byteLength(inside) <= RUN_PATH_BYTES_MAX ? inside : short,
  }
}

function elsewhere(options: { dataDir: string; log: Log }): Place {
  const dataDir = realpathSync(options.dataDir)
  const base = join(ELSEWHERE, `salus-${hash(dataDir)}`)
  if (existsSync(join(base, 'data'))) setAside(base, options.log)
  // The pointer comes first: a start cut short here finds its place again.
  writeFileSync(join(dataDir, 'postgres', POINTER), `${JSON.stringify({ base })}\n`, { mode: 0o600 })
  try {
    mkdirSync(base, { recursive: true, mode: 0o711 })
    chmodSync(base, 0o711)
    writeFileSync(join(base, 'README'), `The embedded PostgreSQL of the Salus data directory ${dataDir}.\n`)
  } catch (error) {
    raise(
      {
        category: 'invalid',
        code: 'db.no-place',
        message: `The database's account cannot reach ${dataDir}, and ${base} cannot be made. Set SALUS_DATA_DIR to a directory outside private homes, such as /srv/salus.`,
      },
      error,
    )
  }
  options.log.info('database placed outside the data directory', { path: base })
  return place(base)
}

/** A cluster whose data directory was deleted: kept, because it may be all that is left, but out of the way. */
function setAside(base: string, log: Log): void {
  for (let n = 1; n <= LEFT_OVERS_MAX; n++) {
    const kept = `${base}.left-over-${n}`
    if (existsSync(kept)) continue
    renameSync(base, kept)
    log.warn('the database of a deleted data directory was set aside; remove it when it is not needed', { path: kept })
    return
  }
}

function reaches(user: OsUser, base: string): boolean {
  try {
    return canTraverse(user, base)
  } catch {
    return false
  }
}

/** Make a private directory of the database's account. In /tmp another user may have made it first: never trust that. */
function own(dir: string, user: OsUser | undefined): void {
  if (!existsSync(dir)) {
    mkdirSync(dir, { mode: 0o700 })
    if (user) chownSync(dir, user.uid, user.gid)
  }
  const { uid, mode } = lstatSync(dir)
  const isOurs = uid === (user?.uid ?? process.getuid?.() ?? 0)
  if (!lstatSync(dir).isDirectory() || !isOurs || (mode & 0o077) !== 0)
    raise({
      category: 'invalid',
      code: 'db.run-dir-taken',
      message: `${dir} must be a directory of mode 0700 that belongs to the account running the database. Remove it, or set SALUS_DATA_DIR elsewhere.`,
    })
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}
