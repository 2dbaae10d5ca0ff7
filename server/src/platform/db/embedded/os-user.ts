import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** The operating-system account PostgreSQL runs as; undefined: the one Salus runs as. */
export interface OsUser {
  name: string
  uid: number
  gid: number
}

/** Accounts tried when Salus runs as root, which PostgreSQL refuses to: a dedicated one first. */
const CANDIDATES = ['salus', 'postgres', '_postgres', 'nobody']

/** Whom to run PostgreSQL as. Only root needs, and may, change accounts. */
export function databaseUser(passwd = '/etc/passwd'): OsUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  const accounts = new Map<string, OsUser>()
  for (const line of readFileSync(passwd, 'utf8').split('\n')) {
    const [name = '', , uid, gid] = line.split(':')
    // Numbers are unsigned 32 bit to the kernel; macOS writes nobody as -2.
    if (Number(uid) !== 0 && gid !== undefined)
      accounts.set(name, { name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 })
  }
  for (const name of CANDIDATES) {
    const account = accounts.get(name)
    if (account) return account
  }
  return { name: 'nobody', uid: 65_534, gid: 65_534 }
}

/** Whether `user` can pass through every directory from the root down to `path` itself, which must exist. */
export function canTraverse(user: OsUser, path: string): boolean {
  for (let at = resolve(path); ; at = dirname(at)) {
    const { uid, gid, mode } = statSync(at)
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return false
    if (at === dirname(at)) return true
  }
}
