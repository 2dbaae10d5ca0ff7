import type { Clock } from '#kernel'

/** One record for all refusals within this time. */
const PERIOD_MS = 1_000
/** Refusals recorded one by one before they are counted together; a record each period makes room for the next. */
const RECORDS_AT_ONCE = 10

export interface CountedRefusals {
  /** Resolves when the refusal is durable, alone or counted with others; rejects when its record cannot be written. */
  add(): Promise<void>
  /** Record what waits. */
  close(): Promise<void>
}

interface Waiting {
  count: number
  done: Promise<void>
  flush(): void
}

/**
 * Refusals of nobody known, of which anybody can cause any number: the first ten are recorded as they come, then those of a
 * second become one record with their number, so that a flood fills neither the log nor the ledger's queue.
 */
export function countedRefusals(record: (count: number) => Promise<void>, clock: Clock): CountedRefusals {
  let room = RECORDS_AT_ONCE
  let roomAt = clock.monotonic()
  let waiting: Waiting | undefined
  const hasRoom = (): boolean => {
    const now = clock.monotonic()
    room = Math.min(RECORDS_AT_ONCE, room + (now - roomAt) / PERIOD_MS)
    roomAt = now
    return room >= 1
  }
  const wait = (): Waiting => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const flush = (): void => {
      clearTimeout(timer)
      waiting = undefined
      hasRoom()
      room = Math.max(0, room - 1)
      record(opened.count).then(resolve, reject)
    }
    const timer = setTimeout(flush, PERIOD_MS)
    const opened: Waiting = { count: 0, done: promise, flush }
    return opened
  }
  return {
    add() {
      if (!waiting && hasRoom()) {
        room--
        return record(1)
      }
      waiting ??= wait()
      waiting.count++
      return waiting.done
    },
    async close() {
      const last = waiting
      last?.flush()
      await last?.done.catch(() => undefined)
    },
  }
}
