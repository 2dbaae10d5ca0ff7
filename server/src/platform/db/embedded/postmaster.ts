import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OsUser } from './os-user.ts'

/**
 * The parent of PostgreSQL: a shell of 1 MB that waits for the pipe from Salus to close, which the kernel does however
 * Salus dies, and then asks for a fast shutdown. initdb needs a shell already, so it is there.
 */
const WATCHDOG = `
exec 3<&0
"$@" </dev/null 3<&- &
database=$!
( while read -r line; do :; done <&3; kill -INT $database ) 2>/dev/null >/dev/null &
watcher=$!
exec 3<&-
trap 'kill -INT $database' TERM
wait $database
code=$?
while kill -0 $database 2>/dev/null; do wait $database; code=$?; done
kill $watcher 2>/dev/null
exit $code
`

/**
 * Run one of PostgreSQL's programs so that it is stopped when Salus dies. `stderr` receives what it says before it has
 * a log of its own: an open file, or `pipe`.
 */
export function spawnWatched(options: {
  command: readonly string[]
  cwd: string
  user: OsUser | undefined
  stderr: number | 'pipe'
}): ChildProcess {
  const { user, stderr } = options
  const child = spawn('/bin/sh', ['-c', WATCHDOG, 'salus-database', ...options.command], {
    // A session of its own: Ctrl-C in the terminal must reach Salus, which drains first, not the database.
    detached: true,
    cwd: options.cwd,
    stdio: ['pipe', stderr === 'pipe' ? 'ignore' : stderr, stderr],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    ...(user ? { uid: user.uid, gid: user.gid } : {}),
  })
  child.stdin?.on('error', () => undefined)
  return child
}

/** As `spawnWatched`, for the server: it does not keep Salus alive; when that ends, the pipe closes. */
export function spawnPostmaster(options: {
  binary: string
  data: string
  user: OsUser | undefined
  stderr: number
}): ChildProcess {
  const { binary, data, user, stderr } = options
  const child = spawnWatched({ command: [binary, '-D', data], cwd: data, user, stderr })
  child.unref()
  ;(child.stdin as unknown as { unref(): void } | null)?.unref()
  return child
}

export interface PostmasterFile {
  pid: number
  ready: boolean
}

/** What postmaster.pid says; undefined without one. */
export function readPostmasterFile(data: string): PostmasterFile | undefined {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    const pid = Number.parseInt(lines[0] ?? '', 10)
    return pid > 0 ? { pid, ready: lines[7]?.trim() === 'ready' } : undefined
  } catch {
    return undefined
  }
}

/** The id of a postmaster that runs on `data` right now. A stale file whose number was given to another process is not one. */
export function runningPostmaster(data: string): number | undefined {
  const file = readPostmasterFile(data)
  return file && servesDirectory(file.pid, data) ? file.pid : undefined
}

function servesDirectory(pid: number, data: string): boolean {
  if (existsSync('/proc/self/cwd')) {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(data)
    } catch {
      return false
    }
  }
  try {
    return execFileSync('/bin/ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' }).includes('postgres')
  } catch {
    return false
  }
}

const POLL_MS = 10
/** A fast shutdown writes one checkpoint: at most max_wal_size of dirty pages, seconds on any disk. */
const FAST_SHUTDOWN_MS = 60_000
const IMMEDIATE_SHUTDOWN_MS = 10_000

/** Stop a running postmaster: fast, and when that takes too long at once (the next start recovers from the WAL). */
export async function stopPostmaster(data: string): Promise<void> {
  for (const [signal, patienceMs] of [
    ['SIGINT', FAST_SHUTDOWN_MS],
    ['SIGQUIT', IMMEDIATE_SHUTDOWN_MS],
    ['SIGKILL', IMMEDIATE_SHUTDOWN_MS],
  ] as const) {
    const pid = runningPostmaster(data)
    if (pid === undefined) return
    signalProcess(pid, signal)
    if (await goneWithin(data, patienceMs)) return
  }
}

/** Whether no postmaster runs on `data` any more, waiting at most `patienceMs`. */
export async function goneWithin(data: string, patienceMs: number): Promise<boolean> {
  for (let waited = 0; ; waited += POLL_MS) {
    if (runningPostmaster(data) === undefined) return true
    if (waited >= patienceMs) return false
    await sleep(POLL_MS)
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone in between, which is what was wanted.
  }
}
