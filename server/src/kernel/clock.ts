/** Wall clock and monotonic clock; tests hold them still. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. May jump backwards when an operator sets the time. */
  now(): number
  /** Milliseconds since some start; never goes backwards. */
  monotonic(): number
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}
