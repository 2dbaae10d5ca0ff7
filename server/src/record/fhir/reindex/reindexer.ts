import { typeNumber } from '@salus/fhir-model'
import { errorFields, FaultError, type Log } from '#kernel'
import { KNOWN_MS_MAX } from '../parameters/custom-parameters.ts'
import { failParameters, newParameters, startBuilding } from '../parameters/store.ts'
import type { RecordStore } from '../store/record-store.ts'
import { baseTypes } from './base-types.ts'
import { type ReindexOptions, runJob } from './run-job.ts'
import { askReindex, hasOpenJobs, nextJob, noteFailure, type ReindexJob, takeWork } from './store.ts'

/** How often new search parameters and jobs are looked for: two queries of some 30 us. */
const LOOK_MS = 1_000
/** A process learns of a parameter within two seconds; the rest is for one that was held up. */
const SETTLE_MS = KNOWN_MS_MAX + 3_000
/** Attempts at a job before it is given up: what fails five times is no passing trouble. */
const ATTEMPTS_MAX = 5
/** One commit each: some tens of milliseconds of a database that serves others at the same time. */
const PAGE_ROWS = 200

export interface Reindexer {
  /** Look for work now and do it; for tests that cannot wait. */
  look(): Promise<void>
  close(): Promise<void>
}

/**
 * Index again what is stored, when a tenant defines a search parameter or asks for it. One process of all works at a time; when
 * it ends, however it ends, the next goes on from the last commit.
 */
export function startReindexer(
  store: RecordStore,
  { log, settleMs = SETTLE_MS, pageRows = PAGE_ROWS }: Partial<ReindexOptions> & { log: Log },
): Reindexer {
  let isStopped = false
  let running: Promise<void> | undefined
  const options = { settleMs, pageRows, log, isStopped: () => isStopped }
  const look = (): Promise<void> => {
    running ??= work(store, options).finally(() => {
      running = undefined
    })
    return running
  }
  const timer = setInterval(() => {
    look().catch((error: unknown) => log.warn('reindexing stopped; tried again', errorFields(error)))
  }, LOOK_MS).unref()
  return {
    look,
    async close() {
      isStopped = true
      clearInterval(timer)
      await running?.catch(() => undefined)
    },
  }
}

interface Work extends ReindexOptions {
  log: Log
  isStopped(): boolean
}

async function work(store: RecordStore, options: Work): Promise<void> {
  const waiting = await newParameters(store.database)
  if (waiting.length === 0 && !(await hasOpenJobs(store.database))) return
  const session = await store.database.connect()
  try {
    if (!(await takeWork(session))) return
    await buildNew(store)
    while (!options.isStopped()) {
      const job = await nextJob(store.database, store.clock.now() - options.settleMs)
      if (!job) return
      await attempt(store, job, options)
    }
  } finally {
    await session.close()
  }
}

/** What fails for one job, e.g. a body that was damaged, holds up nobody else's. */
async function attempt(store: RecordStore, job: ReindexJob, options: Work): Promise<void> {
  try {
    await runJob(store, job, options)
  } catch (error) {
    if (error instanceof FaultError && error.fault.category === 'unavailable') throw error
    const now = store.clock.now()
    const failures = await noteFailure(store.database, { job: job.job, attemptsMax: ATTEMPTS_MAX, now })
    options.log.error('indexing again failed', { count: failures, ...errorFields(error) })
    if (failures < ATTEMPTS_MAX) return
    await failParameters(store.database, { tenant: job.tenant, numbers: job.numbers, now })
  }
}

/** New parameters get their numbers; those of a tenant are built together. */
async function buildNew(store: RecordStore): Promise<void> {
  const found = await newParameters(store.database)
  for (const tenant of new Set(found.map((one) => one.tenant))) {
    const rids = found.filter((one) => one.tenant === tenant).map(({ rid }) => rid)
    const types = (await baseTypes(store, tenant, rids)).map((type) => typeNumber(type) as number)
    const now = store.clock.now()
    const numbers = await startBuilding(store.database, { tenant, rids, now })
    if (numbers.length > 0) await askReindex(store.database, { tenant, types, numbers, now })
    // A tenant has 12,768 numbers; those without one would be looked at each second.
    else await failParameters(store.database, { tenant, rids, now })
  }
}
