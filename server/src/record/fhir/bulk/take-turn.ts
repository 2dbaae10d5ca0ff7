import { RACE_LOST } from '#audit'
import { type Clock, errorFields, FaultError, type Log, raise } from '#kernel'
import type { RecordStore } from '../store/record-store.ts'
import { CLIENT_DISABLED } from './bulk-faults.ts'
import { type Job, KIND, STATE } from './bulk-job.ts'
import { BULK_LIMITS } from './bulk-limits.ts'
import { INPUT_SLOW } from './input-pace.ts'
import { recordEnd } from './record-end.ts'
import type { Held } from './run-export.ts'
import { releaseJob, removeStrays, renewLease } from './store.ts'

export interface TurnOptions {
  store: RecordStore
  clock: Clock
  log: Log
  /** Work on a job until it is finished or `held` says stop. */
  run: Record<Job['kind'], (held: Held) => Promise<void>>
  /** How long a turn of each kind is, ms. */
  turnMs?: Record<Job['kind'], number>
}

const TURN_MS = { [KIND.export]: BULK_LIMITS.turnMs, [KIND.import]: BULK_LIMITS.importTurnMs }

/**
 * One turn of one job, until its time is over, the job is lost (taken by another, cancelled, expired) or `closing` is aborted: each
 * aborts what it waits for. Whatever goes wrong concerns that job alone.
 */
export async function takeTurn(options: TurnOptions, job: Job, closing: AbortSignal): Promise<void> {
  const { store, clock, log, run, turnMs = TURN_MS } = options
  const turn = new AbortController()
  const { signal } = turn
  const end = (): void => turn.abort()
  const leaseUntil = (): number => clock.now() + BULK_LIMITS.leaseMs
  const stopHolding = holdLease(options, job, end)
  let isOver = false
  const timer = setTimeout(() => {
    isOver = !signal.aborted
    end()
  }, turnMs[job.kind])
  closing.addEventListener('abort', end, { once: true })
  if (closing.aborted) end()
  const before = job.cursor
  try {
    await removeStrays(store.database, job.number)
    await store.vault.ensureTenant(job.tenant)
    await run[job.kind]({ job, mayGoOn: () => !signal.aborted, leaseUntil, signal }).catch((error: unknown) => {
      if (error !== signal.reason) throw error
    })
    if (job.state !== STATE.active) return
    // The next turn would read the same again, and end there too.
    if (isOver && job.kind === KIND.import && job.cursor === before) raise(INPUT_SLOW)
    await releaseJob(store.database, job, clock.now())
  } catch (error) {
    // What breaks off because the process ends is no failure of the job.
    const givenBack = closing.aborted ? releaseJob(store.database, job, clock.now()) : failed(options, job, error)
    await givenBack.catch((again: unknown) =>
      // Its lease runs out, and another turn comes.
      log.warn('a bulk job could not be given back', errorFields(again)),
    )
  } finally {
    clearTimeout(timer)
    stopHolding()
    closing.removeEventListener('abort', end)
  }
}

/** Renews the lease until it is told to stop; `lost` is called when another may have the job by now. */
function holdLease({ store, clock }: TurnOptions, job: Job, lost: () => void): () => void {
  let renewed = clock.monotonic()
  const renewing = setInterval(() => {
    const asked = clock.monotonic()
    renewLease(store.database, job, clock.now() + BULK_LIMITS.leaseMs).then(
      (held) => {
        if (held) renewed = asked
        else lost()
      },
      // The database is away: whether the job is still ours is not known, and after a while it need not be.
      () => {
        if (clock.monotonic() - renewed > BULK_LIMITS.leaseMs) lost()
      },
    )
  }, BULK_LIMITS.leaseRenewMs)
  return () => clearInterval(renewing)
}

async function failed({ store, clock, log }: TurnOptions, job: Job, error: unknown): Promise<void> {
  const fault = error instanceof FaultError ? error.fault : undefined
  // Cancelled, or taken by another process: nothing of ours is left to do.
  if (fault?.code === RACE_LOST.code) return
  log.warn('a bulk job stopped', { code: fault?.code ?? 'fhir.bulk.failed', ...errorFields(error) })
  job.failures++
  const code = fault?.code ?? 'fhir.bulk.failed'
  // Nobody will ask for what a disabled client has: it is not kept.
  if (code === CLIENT_DISABLED.code) return recordEnd(store, job, { state: STATE.ended, code })
  const isFinal = fault !== undefined && FINAL.has(fault.category)
  if (isFinal || job.failures >= BULK_LIMITS.failuresMax) return recordEnd(store, job, { state: STATE.failed, code })
  await releaseJob(store.database, job, clock.now() + BULK_LIMITS.failureWaitMs * job.failures)
}

/** What does not become better by trying again. */
const FINAL = new Set(['invalid', 'forbidden', 'unsupported', 'too-large', 'not-found', 'gone'])
