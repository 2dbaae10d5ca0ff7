import { RACE_LOST } from '#audit'
import { type Clock, errorFields, FaultError, type Log, metrics } from '#kernel'
import type { RecordStore } from '../store/record-store.ts'
import { type Job, KIND, STATE } from './bulk-job.ts'
import { BULK_LIMITS } from './bulk-limits.ts'
import type { Held } from './run-export.ts'
import { claimJob, endExpired, endedJobs, failJob, releaseJob, removeChunks, removeJob, renewLease } from './store.ts'

export interface JobRunner {
  /** There is a new job, which may begin after some ms: look then. */
  wake(afterMs: number): void
  /** Lets the page under way finish and gives the jobs back. */
  close(): Promise<void>
}

interface RunnerOptions {
  store: RecordStore
  clock: Clock
  log: Log
  /** Work on a job until it is finished or `held` says stop. */
  run: Record<Job['kind'], (held: Held) => Promise<void>>
}

/**
 * Work on the jobs of all tenants, with all other processes on the same database: a job is held by a lease, and whoever holds
 * an old one cannot write any more. Jobs take turns of some seconds, so that a large one holds up no small one.
 */
export function startJobs(options: RunnerOptions): JobRunner {
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
      const work = turnOf(options, job, signal).finally(() => {
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

/** One turn of one job; whatever goes wrong concerns that job alone. */
async function turnOf({ store, clock, log, run }: RunnerOptions, job: Job, signal: AbortSignal): Promise<void> {
  const began = clock.monotonic()
  let lost = false
  const leaseUntil = (): number => clock.now() + BULK_LIMITS.leaseMs
  const renewing = setInterval(() => {
    renewLease(store.database, job, leaseUntil()).then(
      (held) => {
        if (!held) lost = true
      },
      // The step itself tells whether the job is still ours.
      () => undefined,
    )
  }, BULK_LIMITS.leaseRenewMs)
  const turnMs = job.kind === KIND.import ? BULK_LIMITS.importTurnMs : BULK_LIMITS.turnMs
  const mayGoOn = (): boolean => !lost && !signal.aborted && clock.monotonic() - began < turnMs
  try {
    await store.vault.ensureTenant(job.tenant)
    await run[job.kind]({ job, mayGoOn, leaseUntil, signal })
    if (job.state === STATE.active) await releaseJob(store.database, job, clock.now())
  } catch (error) {
    // What breaks off because the process ends is no failure of the job.
    const givenBack = signal.aborted
      ? releaseJob(store.database, job, clock.now())
      : failed({ store, clock, log }, job, error)
    await givenBack.catch((again: unknown) =>
      // Its lease runs out, and another turn comes.
      log.warn('a bulk job could not be given back', errorFields(again)),
    )
  } finally {
    clearInterval(renewing)
  }
}

async function failed(
  { store, clock, log }: Pick<RunnerOptions, 'store' | 'clock' | 'log'>,
  job: Job,
  error: unknown,
): Promise<void> {
  const fault = error instanceof FaultError ? error.fault : undefined
  // Cancelled, or taken by another process: nothing of ours is left to do.
  if (fault?.code === RACE_LOST.code) return
  log.warn('a bulk job stopped', { code: fault?.code ?? 'fhir.bulk.failed', ...errorFields(error) })
  job.failures++
  const isFinal = fault !== undefined && FINAL.has(fault.category)
  if (isFinal || job.failures >= BULK_LIMITS.failuresMax)
    return failJob(store.database, job, { code: fault?.code ?? 'fhir.bulk.failed', now: clock.now() })
  await releaseJob(store.database, job, clock.now() + BULK_LIMITS.failureWaitMs * job.failures)
}

/** What does not become better by trying again. */
const FINAL = new Set(['invalid', 'forbidden', 'unsupported', 'too-large', 'not-found', 'gone'])

/** Jobs that expired, were cancelled or hold data of an erased patient go, some megabytes at a time. */
export async function removeEnded(store: Pick<RecordStore, 'database' | 'clock'>): Promise<void> {
  await endExpired(store.database, store.clock.now())
  for (const number of await endedJobs(store.database, BULK_LIMITS.activePerTenantMax)) {
    while (await removeChunks(store.database, number, BULK_LIMITS.chunksPerRemoval));
    await removeJob(store.database, number)
  }
}
