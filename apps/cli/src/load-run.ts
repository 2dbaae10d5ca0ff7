import { type Fault, FaultError } from '@salus/server/kernel'
import { type Delivered, type Delivery, deliver } from './load-deliver.ts'
import { ATTEMPTS_MAX } from './load-patience.ts'
import type { Origin, Piece } from './load-piece.ts'
import type { PieceContext } from './load-pieces.ts'
import { addRefusal, LOCAL_REASONS, type LoadReport } from './load-report.ts'
import type { LoadState } from './load-state.ts'
import type { Progress } from './progress.ts'

export interface LoadRun {
  /** Each phase begins when all of the one before is stored. */
  phases: ((context: PieceContext) => AsyncIterable<Piece>)[]
  delivery: Delivery
  state: LoadState
  report: LoadReport
  progress: Progress
  parallel: number
  /** Also sends again what may have been stored. */
  retryUnknown: boolean
  /** Ends the load after the requests under way. */
  stop: AbortController
}

/**
 * Load everything, in lanes that take the next piece when they are free. The report is filled as it goes, so that it is
 * true at any end. Answers the fault that ended the load early, e.g. `cli.server-lost`.
 */
export async function runLoad(run: LoadRun): Promise<Fault | undefined> {
  const started = performance.now()
  let fault: Fault | undefined
  const context = contextOf(run)
  try {
    for (const phase of run.phases) {
      const pieces = phase(context)[Symbol.asyncIterator]()
      const lanes = Array.from({ length: run.parallel }, () => lane(run, pieces))
      const failed = (await Promise.allSettled(lanes)).find((ended) => ended.status === 'rejected')
      await pieces.return?.()
      if (failed) throw failed.reason
      if (run.stop.signal.aborted) break
    }
    run.report.complete = !run.stop.signal.aborted
  } catch (error) {
    if (!(error instanceof FaultError)) throw error
    fault = error.fault
  } finally {
    run.report.seconds = (performance.now() - started) / 1000
  }
  return fault
}

async function lane(run: LoadRun, pieces: AsyncIterator<Piece>): Promise<void> {
  const { stop, state } = run
  try {
    while (!stop.signal.aborted) {
      const next = await pieces.next()
      if (next.done || stop.signal.aborted) return
      state.begin(next.value.keys)
      settle(run, next.value, await delivered(run, next.value))
    }
  } catch (error) {
    // The other lanes finish what they have sent; nothing new begins.
    stop.abort()
    throw error
  }
}

/** A fault on the way to the request leaves nothing behind; after a strange answer nobody knows. */
async function delivered(run: LoadRun, piece: Piece): Promise<Delivered> {
  try {
    return await deliver(run.delivery, piece)
  } catch (error) {
    if (error instanceof FaultError && error.fault.code !== 'cli.server-strange') run.state.undo(piece.keys)
    throw error
  }
}

function settle(run: LoadRun, piece: Piece, delivered: Delivered): void {
  const { report, state, progress, stop } = run
  const { outcome, stored, existing, refused } = delivered
  if (outcome === 'stored') state.done(piece.keys)
  else if (outcome !== 'unknown') state.undo(piece.keys)
  if (outcome === 'unknown') report.unknown.push(originOf(piece))
  if (outcome === 'stopped' && !stop.signal.aborted) throw new FaultError(SERVER_LOST)
  report.resources.stored += stored
  report.resources.existing += existing
  report.resources.refused +=
    outcome === 'refused' ? piece.entries.length : new Set(refused.map(({ entry }) => entry)).size
  for (const { entry, reason } of refused)
    addRefusal(report, { ...(entry?.origin ?? originOf(piece)), type: entry?.type ?? '', ...reason })
  progress.count(stored)
}

function contextOf({ state, report, progress, retryUnknown }: LoadRun): PieceContext {
  const seen = new Set<string>()
  return {
    admit(key, origin, repeatable) {
      const status = state.status(key)
      if (status === 'done' || seen.has(key)) {
        report.storedBefore++
        return false
      }
      seen.add(key)
      if (status === 'new' || retryUnknown || repeatable()) return true
      report.unknown.push(origin)
      return false
    },
    refuse(origin, code) {
      report.resources.refused++
      addRefusal(report, { ...origin, type: '', status: 0, code, message: LOCAL_REASONS[code] })
    },
    onBytes: (bytes) => progress.work(bytes),
  }
}

/** Of a pack from one file the file; of a whole Bundle its own place, which is before that of its entries. */
function originOf(piece: Piece): Origin {
  const [first] = piece.entries
  const last = piece.entries.at(-1)
  const file = first?.origin.file ?? ''
  if (piece.bytes) return { file, place: (first?.origin.place ?? '').replace(/(, )?entry \d+$/, '') }
  const others = last && last.origin.file !== file ? ` and ${piece.keys.length - 1} more files` : ''
  const until = last && last !== first && others === '' ? ` to ${last.origin.place}` : ''
  return { file: `${file}${others}`, place: `${first?.origin.place ?? ''}${until}` }
}

const SERVER_LOST: Fault = {
  category: 'unavailable',
  code: 'cli.server-lost',
  message: `The server did not answer, or was busy, ${ATTEMPTS_MAX} times in a row. What is stored is remembered: run the same command again to go on.`,
}
