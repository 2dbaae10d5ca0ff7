import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { raise } from '@salus/server/kernel'

/** What is remembered of a unit: stored, or sent without our having heard how it ended. */
export type UnitStatus = 'new' | 'done' | 'begun'

/**
 * The memory of a load: content hashes of what was begun and what was stored, never data. Each step is written before
 * the next begins, so that after a crash too nothing is sent twice and nothing is taken for stored that is not.
 */
export interface LoadState {
  path: string
  status(key: string): UnitStatus
  /** Before the request leaves. */
  begin(keys: readonly string[]): void
  /** The server stored it. */
  done(keys: readonly string[]): void
  /** Known not to be stored: the next run sends it again. */
  undo(keys: readonly string[]): void
  close(): void
}

const HEAD = 'salus-load 1'
const LINE = /^([+=-])([0-9a-f]{32})$/

/** Opens or makes the state file for a server. Faults: `cli.load.state-foreign`, `cli.load.state-unwritable`. */
export function openLoadState(options: { path: string; url: string; fresh: boolean }): LoadState {
  const { path, url, fresh } = options
  const known = fresh ? new Map<string, UnitStatus>() : readState(path, url)
  const handle = rewrite(path, url, known)
  const write = (mark: string, status: UnitStatus, keys: readonly string[]): void => {
    for (const key of keys) known.set(key, status)
    // One write for all, so that a kill cuts between units and not within one.
    writeSync(handle, keys.map((key) => `${mark}${key}\n`).join(''))
  }
  return {
    path,
    status: (key) => known.get(key) ?? 'new',
    begin: (keys) => write('+', 'begun', keys),
    done: (keys) => write('=', 'done', keys),
    undo: (keys) => write('-', 'new', keys),
    close: () => closeSync(handle),
  }
}

function readState(path: string, url: string): Map<string, UnitStatus> {
  const known = new Map<string, UnitStatus>()
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return known
    return raise(
      { category: 'invalid', code: 'cli.load.state-foreign', message: `${path} cannot be read. Give another --state.` },
      error,
    )
  }
  const [head, ...lines] = text.split('\n')
  if (head !== `${HEAD} ${url}`)
    raise({
      category: 'invalid',
      code: 'cli.load.state-foreign',
      message: `${path} is not the memory of a load into ${url}. Give another --state, or --fresh to begin anew.`,
    })
  // A crash may have cut the last line; such a unit was not sent yet.
  for (const line of lines) {
    const match = LINE.exec(line)
    if (match) known.set(match[2] as string, match[1] === '=' ? 'done' : match[1] === '+' ? 'begun' : 'new')
  }
  return known
}

/** One line for each unit, in a new file that takes the old one's place at once. */
function rewrite(path: string, url: string, known: ReadonlyMap<string, UnitStatus>): number {
  const lines = [...known]
    .filter(([, status]) => status !== 'new')
    .map(([key, status]) => `${status === 'done' ? '=' : '+'}${key}\n`)
  try {
    const handle = openSync(`${path}.new`, 'w', 0o600)
    writeSync(handle, `${HEAD} ${url}\n${lines.join('')}`)
    fsyncSync(handle)
    renameSync(`${path}.new`, path)
    return handle
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code
    return raise(
      {
        category: 'invalid',
        code: 'cli.load.state-unwritable',
        message: `${path} cannot be written (${reason}). Give another --state.`,
      },
      error,
    )
  }
}
