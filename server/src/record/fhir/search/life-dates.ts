import { coverInside, coverOverlapping, dateBuckets } from '#vault'
import type { Prefix } from './search-request.ts'

const DAY_MS = 86_400_000
/** Years that four digits can write. */
const FIRST_MS = -62_135_596_800_000
const LAST_MS = 253_402_300_799_999

/** An interval of milliseconds, both ends included. */
interface DateInterval {
  lo: number
  hi: number
}

/** Buckets of a stored date of birth or death: decade, year, month and day, as far as its precision goes. */
export function lifeDateBuckets({ lo, hi }: DateInterval): string[] {
  const first = dayText(lo)
  const last = dayText(hi)
  if (first === last) return dateBuckets(first)
  return dateBuckets(first.slice(0, 7) === last.slice(0, 7) ? first.slice(0, 7) : first.slice(0, 4))
}

/** Instead of a day: a time longer than one. */
export const SPAN = 'span'

/** Buckets of a date of a tenant's own parameter, which may be a time of any length. */
export function ownDateBuckets({ lo, hi }: DateInterval): string[] {
  const day = dayText(lo)
  return day === dayText(hi) ? dateBuckets(day) : [SPAN]
}

/**
 * Buckets of which every matching date has at least one. `exact` is false when some dates that have one do not match:
 * the query is finer than a day, or reaches beyond the years that have buckets of their own.
 */
export function lifeDateCover(prefix: Exclude<Prefix, 'ne'>, range: DateInterval): { anyOf: string[]; exact: boolean } {
  const covers = coversOf(prefix, range)
  const wholeDays = range.lo % DAY_MS === 0 && (range.hi + 1) % DAY_MS === 0
  return {
    anyOf: [...new Set(covers.flatMap((cover) => cover.anyOf))],
    exact: wholeDays && covers.every((cover) => cover.exact),
  }
}

function coversOf(prefix: Exclude<Prefix, 'ne'>, range: DateInterval): { anyOf: string[]; exact: boolean }[] {
  const lo = dayText(range.lo)
  const hi = dayText(range.hi)
  // A query finer than a day has to look at the whole day on both of its sides.
  const after = dayText(range.hi + 1)
  const before = dayText(range.lo - 1)
  switch (prefix) {
    case 'eq':
      return [coverInside({ from: lo, to: hi })]
    case 'gt':
      return [coverOverlapping({ from: after })]
    case 'ge':
      return [coverInside({ from: lo }), coverOverlapping({ from: after })]
    case 'lt':
      return [coverOverlapping({ to: before })]
    case 'le':
      return [coverInside({ to: hi }), coverOverlapping({ to: before })]
    case 'sa':
      return [coverInside({ from: after })]
    case 'eb':
      return [coverInside({ to: before })]
    case 'ap':
      return [coverOverlapping({ from: lo, to: hi })]
  }
}

function dayText(at: number): string {
  return new Date(Math.min(Math.max(at, FIRST_MS), LAST_MS)).toISOString().slice(0, 10)
}
