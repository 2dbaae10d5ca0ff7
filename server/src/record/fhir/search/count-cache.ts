import { hash } from 'node:crypto'
import { typeNumber } from '@salus/fhir-model'
import type { WrittenTypes } from '#events'
import type { Clock } from '#kernel'
import type { Compiled } from './compile-search.ts'
import type { Predicate } from './predicate.ts'

/** Counts that were taken and still hold. */
export interface CountCache {
  /** What `count` gave for the same statement since when nothing of `types` was written; else asks it. */
  of(tenant: number, types: readonly number[], compiled: Compiled, count: () => Promise<number>): Promise<number>
}

/** Some 100 kB. */
const COUNTS_MAX = 1_000
/** Indexing again changes what is found without a write: such a change is seen within this. */
const KNOWN_MS_MAX = 10_000

/**
 * Remembers counts by statement and values, which are keyed tokens and numbers. A count over a million rows takes a second, and
 * screens ask for the same one with each page.
 */
export function countCache(written: WrittenTypes, clock: Clock): CountCache {
  const counts = new Map<string, { stamp: string; at: number; count: Promise<number> }>()
  return {
    async of(tenant, types, compiled, count) {
      const key = keyOf(tenant, compiled)
      // Asked before counting: what is written meanwhile makes the count old, never a count that missed it new.
      const stamp = await written.stamp(tenant, types)
      const known = counts.get(key)
      if (known && known.stamp === stamp && clock.monotonic() - known.at <= KNOWN_MS_MAX) return known.count
      const taken = { stamp, at: clock.monotonic(), count: count() }
      counts.delete(key)
      counts.set(key, taken)
      if (counts.size > COUNTS_MAX) counts.delete(counts.keys().next().value as string)
      taken.count.catch(() => {
        if (counts.get(key) === taken) counts.delete(key)
      })
      return taken.count
    },
  }
}

function keyOf(tenant: number, { statement, values }: Compiled): string {
  const text = values.map((value) =>
    Buffer.isBuffer(value) ? `x${value.toString('base64')}` : `${typeof value} ${String(value)}`,
  )
  return hash('sha256', `${tenant}\n${statement.text}\n${text.join('\n')}`, 'base64url')
}

/** Numbers of the types whose resources decide whether a condition holds, beside the type it is about. */
export function typesOf(predicate: Predicate): number[] {
  switch (predicate.op) {
    case 'and':
    case 'or':
      return predicate.of.flatMap(typesOf)
    case 'not':
      return typesOf(predicate.of)
    case 'chain':
    case 'has':
      return [typeNumber(predicate.type) as number, ...typesOf(predicate.of)]
    default:
      return []
  }
}
