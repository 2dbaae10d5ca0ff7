import { sqlState } from './faults.ts'

/** The answer of one key of a query that several share. */
export type FetchedApart<V> = { value: V } | { error: unknown }

/**
 * Run a query that many callers share. A value that PostgreSQL refuses (a data error, e.g. a NUL character in a text) fails its own
 * key alone: the keys are asked again in halves, in twice as many queries as keys at most. Any other error is that of all.
 */
export async function fetchApart<K, V>(
  keys: K[],
  fetch: (keys: K[]) => Promise<V[]>,
): Promise<FetchedApart<V | undefined>[]> {
  try {
    const values = await fetch(keys)
    return keys.map((_, index) => ({ value: values[index] }))
  } catch (error) {
    if (keys.length < 2 || !sqlState(error)?.startsWith('22')) return keys.map(() => ({ error }))
    const middle = keys.length >> 1
    const first = await fetchApart(keys.slice(0, middle), fetch)
    return [...first, ...(await fetchApart(keys.slice(middle), fetch))]
  }
}
