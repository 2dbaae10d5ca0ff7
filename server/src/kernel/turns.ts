import type { Clock } from './clock.ts'

/** Longest stretch of work before others get their turn: a health check or a read beside it hardly notices this. */
const TURN_MS = 20

/**
 * For loops over what one request sent, which may be thousands of items: await the function between two items. It gives
 * the event loop a turn whenever 20 ms have passed, and costs next to nothing otherwise.
 */
export function eventLoopTurns(clock: Clock): () => Promise<void> | undefined {
  let began = clock.monotonic()
  return () => {
    if (clock.monotonic() - began < TURN_MS) return undefined
    return new Promise((resolve) =>
      setImmediate(() => {
        began = clock.monotonic()
        resolve()
      }),
    )
  }
}
