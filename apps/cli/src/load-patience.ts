/** Trying again: first pause, longest pause, and how often; together a server may be away for some two minutes. */
const PAUSE_MS_MIN = 250
const PAUSE_MS_MAX = 15_000
const RETRY_AFTER_MS_MAX = 60_000
export const ATTEMPTS_MAX = 14

/** Pauses between attempts. A stop ends a pause at once. */
export interface Patience {
  /** False when there is no attempt left or the load is being stopped. */
  wait(attempt: number, retryAfterMs?: number): Promise<boolean>
}

/** `attempt` counts from 1. Pauses double, with chance in them so that lanes do not come back all at once. */
export function newPatience(stop: AbortSignal, speed = 1): Patience {
  return {
    async wait(attempt, retryAfterMs) {
      if (attempt >= ATTEMPTS_MAX || stop.aborted) return false
      await pause(pauseMs(attempt, retryAfterMs, Math.random()) / speed, stop)
      return !stop.aborted
    },
  }
}

/** `chance`: 0 to 1. The server's own wish is met, up to a minute. */
export function pauseMs(attempt: number, retryAfterMs: number | undefined, chance: number): number {
  if (retryAfterMs !== undefined) return Math.min(RETRY_AFTER_MS_MAX, retryAfterMs) + PAUSE_MS_MIN * chance
  return Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** (attempt - 1)) * (0.75 + chance / 2)
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      stop.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    stop.addEventListener('abort', end)
  })
}
