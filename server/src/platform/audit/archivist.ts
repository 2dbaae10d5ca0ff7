import type { Database } from '#db'
import { type Clock, errorFields, FaultError, type Log, raise } from '#kernel'
import { archiveMonths, removeArchived } from './archive.ts'
import { logHeads, type StoredSegment, segmentAt, tryArchive } from './store.ts'

/** What one run of the archive did. */
export interface ArchiveReport {
  /** Months written and read back, one per log. */
  written: Pick<StoredSegment, 'node' | 'first' | 'next' | 'file'>[]
  /** Months whose rows left the database, and how many rows that were. */
  removed: { segments: number; rows: number }
}

/**
 * Archive every whole month that is over (`archiveMonths`). With `owner`, the database opened as its owner, the rows of archived
 * months are then removed, each after its file was found in `directory` and recomputed (`removeArchived`); the newest row of a
 * log stays. One process of all that share the database works at a time. Run twice, it does nothing the second time.
 * Faults: `audit.archive.busy`, `audit.log.inconsistent`, `audit.segment.*`.
 */
export async function runArchive(options: {
  database: Database
  clock: Clock
  directory: string
  owner?: Database
}): Promise<ArchiveReport> {
  const { database, directory, owner } = options
  const lock = await database.connect()
  try {
    if (!(await tryArchive(lock))) raise(BUSY)
    const written = await archiveMonths(options)
    return { written, removed: owner ? await removeAll(owner, directory) : { segments: 0, rows: 0 } }
  } finally {
    await lock.close()
  }
}

/** A log has one segment per month; what is beyond is removed by the next run. */
const SEGMENTS_MAX = 120

async function removeAll(owner: Database, directory: string): Promise<ArchiveReport['removed']> {
  const removed = { segments: 0, rows: 0 }
  for (const { node, oldest, size } of await logHeads(owner)) {
    let first = oldest
    for (let count = 0; count < SEGMENTS_MAX; count++) {
      const segment = await segmentAt(owner, node, first)
      // The newest row carries the root that the log's next writer goes on from.
      if (!segment || segment.next >= size) break
      removed.rows += await removeArchived({ owner, directory, node, first })
      removed.segments++
      first = segment.next
    }
  }
  return removed
}

/** How often it is looked whether a month is over: some look-ups per log. */
const LOOK_MS = 3_600_000
/** A server that has just started has better things to do. */
const FIRST_LOOK_MS = 60_000

/**
 * Archive in the background, a month within the hours after its end; nothing is removed from the database. Every process may:
 * one works at a time. What fails is logged and tried again at the next look.
 */
export function startArchive(
  options: { database: Database; clock: Clock; log: Log; directory: string },
  firstLookMs: number = FIRST_LOOK_MS,
): { close(): Promise<void> } {
  let closed = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  const look = async (): Promise<void> => {
    try {
      const { written } = await runArchive(options)
      if (written.length > 0) options.log.info('audit months archived', { count: written.length })
    } catch (error) {
      const isElsewhere = error instanceof FaultError && error.fault.code === BUSY.code
      if (!isElsewhere) options.log.error('audit archive failed', errorFields(error))
    }
  }
  const again = (waitMs: number): void => {
    if (closed) return
    timer = setTimeout(() => {
      running = look().then(() => again(LOOK_MS))
    }, waitMs).unref()
  }
  again(firstLookMs)
  return {
    close: async () => {
      closed = true
      clearTimeout(timer)
      await running
    },
  }
}

const BUSY = {
  category: 'busy',
  code: 'audit.archive.busy',
  message: 'Another process archives the audit right now. Run the command again when it has finished.',
} as const
