import { errorFields, metrics } from '#kernel'
import type { RecordStore } from '../store/record-store.ts'
import { KIND } from './bulk-job.ts'
import { BULK_LIMITS } from './bulk-limits.ts'
import { claimJob, endExpired, endedJobs, removeChunks, removeJob } from './store.ts'
import { type TurnOptions, takeTurn } from './take-turn.ts'

export interface JobRunner {
  /** There is a new job, which may begin after some ms: look then. */
  wake(afterMs: number): void
  /** Lets the page under way finish and gives the jobs back. */
  close(): Promise<void>
}

/**
 * Work on the jobs of all tenants, with all other processes on the same database: a job is held by a lease, and whoever holds
 * an old one cannot write any more. Jobs take turns of some seconds, so that a large one holds up no small one.
 */
export function startJobs(options: TurnOptions): JobRunner {
  const { store, clock, log } = options
  const running = new Map<number, Promise<void>>()
  const closing = new AbortController()
  const { signal } = closing
  let imports = 0
  let looking: Promise<void> | undefined
  let isStale = false
  const look = async (): Promise<void> => {
    await removeEnded(store)
    while (!signal.aborted && running.size < BULK_LIMITS.runningMax) {
      const now = clock.now()
      const kinds = imports < BULK_LIMITS.importsMax ? [KIND.export, KIND.import] : [KIND.export]
      const until = now + BULK_LIMITS.leaseMs
      const job = await claimJob(store.database, { now, until, not: [...running.keys()], kinds })
      if (!job) return
      const isImport = job.kind === KIND.import
      if (isImport) imports++
      const work = takeTurn(options, job, signal).finally(() => {
        if (isImport) imports--
        running.delete(job.number)
        metrics.bulkJobs.set(running.size)
        wake()
      })
      running.set(job.number, work)
      metrics.bulkJobs.set(running.size)
    }
  }
  const wake = (): void => {
    isStale = true
    if (signal.aborted || looking) return
    looking = (async () => {
      while (isStale && !signal.aborted) {
        isStale = false
        await look()
      }
    })()
      // Tried again at the next tick.
      .catch((error: unknown) => log.warn('bulk jobs could not be looked for', errorFields(error)))
      .finally(() => {
        looking = undefined
      })
  }
  const timer = setInterval(wake, BULK_LIMITS.pollMs)
  timer.unref()
  return {
    wake(afterMs) {
      setTimeout(wake, afterMs).unref()
    },
    async close() {
      closing.abort()
      clearInterval(timer)
      await looking
      await Promise.all(running.values())
    },
  }
}

/** Jobs that expired, were cancelled or hold data of an erased patient go, some megabytes at a time. */
export async function removeEnded(store: Pick<RecordStore, 'database' | 'clock'>): Promise<void> {
  await endExpired(store.database, store.clock.now())
  // All of them: an erasure says that it is done when nothing is left.
  for (let isMore = true; isMore; ) {
    const numbers = await endedJobs(store.database, BULK_LIMITS.jobsPerRemoval)
    for (const number of numbers) {
      while (await removeChunks(store.database, number, BULK_LIMITS.chunksPerRemoval));
      await removeJob(store.database, number)
    }
    isMore = numbers.length === BULK_LIMITS.jobsPerRemoval
  }
}
