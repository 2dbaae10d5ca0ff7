/**
 * Birth dates as search tokens: each date carries the decade, year, month and day it lies in, and a range is searched
 * by the fewest such buckets that fill it. No order is revealed, only equality of buckets.
 */

/** Decades are kept one by one between these years; anything outside is an entry error and shares one bucket. */
const YEAR_MIN = 1800
const YEAR_MAX = 2199
const DAY_MIN = `${YEAR_MIN}-01-01`
const DAY_MAX = `${YEAR_MAX}-12-31`
const EARLY = 'early'
const LATE = 'late'

const DATE = /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?/

/**
 * The buckets of one FHIR date (`YYYY`, `YYYY-MM`, `YYYY-MM-DD`; a time is ignored), the coarser first. A date given
 * only to the year or month also gets a bucket that says so (`=1984`), because a search by day must find it when the
 * ranges overlap. Text that is no date has none.
 */
export function dateBuckets(date: string): string[] {
  const match = DATE.exec(date)
  if (!match) return []
  const [, year = '', month, day] = match
  const far = Number(year) < YEAR_MIN ? [EARLY] : Number(year) > YEAR_MAX ? [LATE] : []
  const buckets = [...far, decade(Number(year)), year]
  if (month === undefined) return [...buckets, `=${year}`]
  buckets.push(`${year}-${month}`)
  return day === undefined ? [...buckets, `=${year}-${month}`] : [...buckets, `${year}-${month}-${day}`]
}

/** The buckets to look up for a range of birth dates; made by `coverInside` and `coverOverlapping`. */
export interface BucketCover {
  /** A date matches when it has at least one of these. */
  anyOf: string[]
  /** False when the range reaches beyond the years 1800 to 2199: hits must then be checked after opening. */
  exact: boolean
}

/** A closed range of days, `YYYY-MM-DD`; an open end is left out. */
export interface DayRange {
  from?: string
  to?: string
}

/** The fewest buckets whose dates lie wholly inside the range: for `eq`, and for `sa` and `eb`. */
export function coverInside({ from, to }: DayRange): BucketCover {
  if (from && to && from > to) return { anyOf: [], exact: true }
  const first = from && from > DAY_MIN ? from : DAY_MIN
  const last = to && to < DAY_MAX ? to : DAY_MAX
  const anyOf = first <= last ? fill(first, last) : []
  if (!from || from < DAY_MIN) anyOf.push(EARLY)
  if (!to || to > DAY_MAX) anyOf.push(LATE)
  return { anyOf, exact: !isFar(from) && !isFar(to) }
}

/**
 * As `coverInside`, and also the dates given only to the year or month whose range overlaps this one:
 * for `gt`, `lt`, `ge`, `le` (search.html#prefix).
 */
export function coverOverlapping(range: DayRange): BucketCover {
  const cover = coverInside(range)
  const partial = new Set<string>()
  for (const end of [range.from, range.to]) {
    if (!end) continue
    partial.add(`=${end.slice(0, 4)}`)
    partial.add(`=${end.slice(0, 7)}`)
  }
  return { anyOf: [...cover.anyOf, ...partial], exact: cover.exact }
}

function decade(year: number): string {
  return `${String(year).padStart(4, '0').slice(0, 3)}*`
}

function isFar(day: string | undefined): boolean {
  return day !== undefined && (day < DAY_MIN || day > DAY_MAX)
}

/** Walks from the first day to the last, each time by the largest bucket that starts here and still fits. */
function fill(from: string, to: string): string[] {
  const buckets: string[] = []
  let [year, month, day] = from.split('-').map(Number) as [number, number, number]
  const [lastYear, lastMonth, lastDay] = to.split('-').map(Number) as [number, number, number]
  const last = serial(lastYear, lastMonth, lastDay)
  // At most 9 years, 11 months and 30 days at each end and 40 decades between: the walk is short by construction.
  while (serial(year, month, day) <= last) {
    if (day === 1 && month === 1 && year % 10 === 0 && serial(year + 9, 12, 31) <= last) {
      buckets.push(decade(year))
      year += 10
    } else if (day === 1 && month === 1 && serial(year, 12, 31) <= last) {
      buckets.push(`${year}`)
      year++
    } else if (day === 1 && serial(year, month, daysIn(year, month)) <= last) {
      buckets.push(`${year}-${pad(month)}`)
      ;[year, month] = month === 12 ? [year + 1, 1] : [year, month + 1]
    } else {
      buckets.push(`${year}-${pad(month)}-${pad(day)}`)
      if (day < daysIn(year, month)) day++
      else [year, month, day] = month === 12 ? [year + 1, 1, 1] : [year, month + 1, 1]
    }
  }
  return buckets
}

/** Orders days; not a count of days. */
function serial(year: number, month: number, day: number): number {
  return (year * 12 + month - 1) * 31 + day
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
