import { type Clock, type Fault, FaultError } from '#kernel'
import { BULK_LIMITS } from './bulk-limits.ts'

/** How fast a file has to come. Only the time spent waiting for it counts, not that spent storing what came. */
export interface Pace {
  /** Each `windowMs` of waiting brings this many bytes at least, unless the file ends. */
  windowBytes: number
  windowMs: number
  /** Waiting for the whole file, ms. */
  totalMs: number
}

const INPUT_PACE: Pace = {
  windowBytes: BULK_LIMITS.inputWindowBytes,
  windowMs: BULK_LIMITS.inputWindowMs,
  totalMs: BULK_LIMITS.inputWaitMs,
}

/** Also for a turn that came no further: whoever sends so slowly that lines done are all there is time for. */
export const INPUT_SLOW: Fault = {
  category: 'unavailable',
  code: 'fhir.bulk.input-slow',
  message: `A file came too slowly: it takes ${BULK_LIMITS.inputWindowBytes / 1024} kB in each ${BULK_LIMITS.inputWindowMs / 1000} s at least, and all of it in ${BULK_LIMITS.inputWaitMs / 1000} s. It is tried again. Use a faster server, or send it as several files.`,
}

/**
 * The pieces of a file that `fetch` gets from somebody else's server, which has to keep up a pace: from the first moment on, names
 * and headers included. When `signal` is aborted its reason is thrown at once, whatever the other side does. However it ends, the
 * signal that `fetch` was given is aborted. Faults `fhir.bulk.input-slow`, those of `fetch`.
 */
export async function* inputAtPace(
  fetch: (signal: AbortSignal) => Promise<AsyncIterable<Buffer>>,
  { clock, signal, pace = INPUT_PACE }: { clock: Clock; signal: AbortSignal; pace?: Pace },
): AsyncGenerator<Buffer> {
  const over = new AbortController()
  let totalMs = 0
  let windowMs = 0
  let windowBytes = 0
  const waitFor = async <T>(work: Promise<T>): Promise<T> => {
    const began = clock.monotonic()
    const leftMs = Math.max(0, Math.min(pace.windowMs - windowMs, pace.totalMs - totalMs))
    try {
      return await within(work, leftMs, signal)
    } finally {
      const waited = clock.monotonic() - began
      totalMs += waited
      windowMs += waited
    }
  }
  try {
    const source = await waitFor(fetch(AbortSignal.any([signal, over.signal])))
    const pieces = source[Symbol.asyncIterator]()
    for (;;) {
      const next = await waitFor(pieces.next())
      if (next.done) return
      windowBytes += next.value.length
      if (windowBytes >= pace.windowBytes) {
        windowMs = 0
        windowBytes = 0
      }
      yield next.value
    }
  } finally {
    over.abort()
  }
}

async function within<T>(work: Promise<T>, ms: number, signal: AbortSignal): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new FaultError(INPUT_SLOW)), ms)
  const aborted = (): void => reject(signal.reason)
  if (signal.aborted) aborted()
  else signal.addEventListener('abort', aborted, { once: true })
  try {
    return await Promise.race([late, work])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', aborted)
  }
}
