import type { Clock } from '#kernel'

/** Failures that cost nothing: a deployment with an old secret retries a few times before someone looks. */
const FREE_FAILURES = 5
/** Longest wait. An attacker at one address gets one guess a minute; the rightful client elsewhere never waits. */
const WAIT_MS_MAX = 60_000
/** A pair without a failure for this long starts afresh. */
const FORGET_MS = 15 * 60_000
/**
 * Pairs remembered, about 2 MB. Filling it costs 10,000 secret checks (at least 10 minutes, see secret.ts), more than
 * the wait an attacker would escape by pushing his own entry out.
 */
const PAIRS_MAX = 10_000

interface Failures {
  count: number
  last: number
}

/** Back-off after wrong secrets, per client id AND address, so that nobody can lock out a client from elsewhere. */
export interface FailureLimiter {
  /** Milliseconds this pair must still wait; 0: may try now. */
  waitMs(client: string, address: string): number
  failed(client: string, address: string): void
  succeeded(client: string, address: string): void
}

/** In memory and per process: with n processes an attacker gets n times the guesses, which the wait still bounds. */
export function createFailureLimiter(clock: Clock): FailureLimiter {
  const pairs = new Map<string, Failures>()
  const keyOf = (client: string, address: string): string => `${address} ${client}`
  const current = (key: string): Failures | undefined => {
    const failures = pairs.get(key)
    if (failures && clock.monotonic() - failures.last > FORGET_MS) {
      pairs.delete(key)
      return undefined
    }
    return failures
  }
  return {
    waitMs: (client, address) => {
      const failures = current(keyOf(client, address))
      if (!failures || failures.count < FREE_FAILURES) return 0
      const wait = Math.min(1_000 * 2 ** (failures.count - FREE_FAILURES), WAIT_MS_MAX)
      return Math.max(0, Math.ceil(failures.last + wait - clock.monotonic()))
    },
    failed: (client, address) => {
      const key = keyOf(client, address)
      const count = (current(key)?.count ?? 0) + 1
      // Set again at the end: the map's first entry is the one that failed longest ago.
      pairs.delete(key)
      pairs.set(key, { count, last: clock.monotonic() })
      if (pairs.size > PAIRS_MAX) {
        const oldest = pairs.keys().next()
        if (!oldest.done) pairs.delete(oldest.value)
      }
    },
    succeeded: (client, address) => {
      pairs.delete(keyOf(client, address))
    },
  }
}
