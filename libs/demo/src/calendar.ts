/** Days since 1970-01-01. All demo times are UTC, so that no machine's zone changes a bundle. */
export type Day = number

export const DAYS_PER_YEAR = 365.25
const DAY_MS = 86_400_000
const MINUTE_MS = 60_000

/** The day of `YYYY-MM-DD`. Throws RangeError on anything else. */
export function dayOf(text: string): Day {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(ms) || isoDay(ms / DAY_MS) !== text) throw new RangeError('A date is written YYYY-MM-DD.')
  return ms / DAY_MS
}

export function isoDay(day: Day): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

/** An instant `minute` minutes after midnight; minutes beyond a day count on. */
export function isoInstant(day: Day, minute: number): string {
  return new Date(day * DAY_MS + minute * MINUTE_MS).toISOString().replace('.000', '')
}

/** 1 to 12. */
export function monthOf(day: Day): number {
  return new Date(day * DAY_MS).getUTCMonth() + 1
}

export function yearsBetween(from: Day, to: Day): number {
  return (to - from) / DAYS_PER_YEAR
}
