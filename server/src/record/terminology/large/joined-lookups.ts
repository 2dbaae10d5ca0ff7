import { fetchApart } from '#db'

/** Keys of one query. */
const KEYS_PER_QUERY_MAX = 1_000
/** Queries under way at once: a second one forms while the first flies. */
const IN_FLIGHT_MAX = 2

interface Waiting<K, V> {
  key: K
  resolve(value: V | undefined): void
  reject(error: unknown): void
}

/**
 * Joins the look-ups of one event-loop turn into one query, and remembers what was found. What was not found is asked again: a code
 * that is none today costs its query each time, and cannot fill the memory. A key that PostgreSQL refuses fails alone.
 */
export function joinedLookups<K, V>(
  fetch: (keys: K[]) => Promise<(V | undefined)[]>,
  nameOf: (key: K) => string,
  rememberedMax: number,
): (key: K) => Promise<V | undefined> {
  const remembered = new Map<string, V>()
  const waiting: Waiting<K, V>[] = []
  let inFlight = 0
  let isScheduled = false
  const remember = (key: K, value: V): void => {
    if (remembered.size >= rememberedMax) remembered.delete(remembered.keys().next().value as string)
    remembered.set(nameOf(key), value)
  }
  const run = async (batch: Waiting<K, V>[]): Promise<void> => {
    inFlight++
    try {
      const fetched = await fetchApart(
        batch.map(({ key }) => key),
        fetch,
      )
      for (const [index, one] of batch.entries()) {
        const own = fetched[index]
        if (own && 'error' in own) one.reject(own.error)
        else {
          if (own?.value !== undefined) remember(one.key, own.value)
          one.resolve(own?.value)
        }
      }
    } finally {
      inFlight--
      pump()
    }
  }
  const pump = (): void => {
    isScheduled = false
    while (waiting.length > 0 && inFlight < IN_FLIGHT_MAX) void run(waiting.splice(0, KEYS_PER_QUERY_MAX))
  }
  return (key) => {
    const known = remembered.get(nameOf(key))
    if (known !== undefined) return Promise.resolve(known)
    return new Promise((resolve, reject) => {
      waiting.push({ key, resolve, reject })
      if (isScheduled || inFlight >= IN_FLIGHT_MAX) return
      isScheduled = true
      setImmediate(pump)
    })
  }
}
