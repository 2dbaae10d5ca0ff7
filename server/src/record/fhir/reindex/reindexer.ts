import { typeNumber } from '@salus/fhir-model'
import { type Clock, errorFields, type Log } from '#kernel'
import { KNOWN_MS_MAX } from '../parameters/custom-parameters.ts'
import { newParameters, startBuilding } from '../parameters/store.ts'
import type { RecordStore } from '../store/record-store.ts'
import { baseTypes } from './base-types.ts'
import { type ReindexOptions, runJob } from './run-job.ts'
import { askReindex, openJob, takeWork } from './store.ts'

/** How often new search parameters and jobs are looked for: two queries of some 30 us. */
const LOOK_MS = 1_000
/** A process learns of a parameter within two seconds; the rest is for one that was held up. */
const SETTLE_MS = KNOWN_MS_MAX + 3_000
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
  { log, settleMs = SETTLE_MS, pageRows = PAGE_ROWS }: Partial<ReindexOptions> & { log: Log; clock?: Clock },
): Reindexer {
  let isStopped = false
  let running: Promise<void> | undefined
  const options = { settleMs, pageRows, isStopped: () => isStopped }
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

async function work(store: RecordStore, options: ReindexOptions & { isStopped(): boolean }): Promise<void> {
  const waiting = await newParameters(store.database)
  if (waiting.length === 0 && !(await openJob(store.database))) return
  const session = await store.database.connect()
  try {
    if (!(await takeWork(session))) return
    await buildNew(store)
    for (let job = await openJob(store.database); job && !options.isStopped(); job = await openJob(store.database))
      if (!(await runJob(store, job, options))) return
  } finally {
    await session.close()
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
  }
}
