import type { Database } from '#db'
import { mergePendingTokens, refreshStatistics } from './store.ts'

/** How often the token index's pending list is merged: a quarter of the CPU of merging on each insert (ADR 0002). */
const MERGE_TOKENS_MS = 100
/** How often the record is looked at for having doubled since the planner last measured it. */
const REFRESH_STATISTICS_MS = 1_000

/**
 * What the tables need beside reading and writing, done by each server process; the returned function stops it.
 * Failing upkeep is tried again at the next tick: until then answers are right, only slower.
 */
export function startUpkeep(database: Database): () => Promise<void> {
  const stops = [
    repeat(MERGE_TOKENS_MS, () => mergePendingTokens(database)),
    repeat(REFRESH_STATISTICS_MS, () => refreshStatistics(database)),
  ]
  return async () => {
    await Promise.all(stops.map((stop) => stop()))
  }
}

/** Run `work` every `everyMs`, never twice at once; the returned function stops it and waits for the last run. */
function repeat(everyMs: number, work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= work()
      .catch(() => undefined)
      .finally(() => {
        running = undefined
      })
  }, everyMs)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await running
  }
}
