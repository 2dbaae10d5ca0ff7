// Dates and times are read by one pass over the characters: a regular expression with groups allocates, and this runs
// for every date of every resource that is written, in the validator and again in the extraction.

/** How much of a moment is given. A FHIR dateTime has a time with seconds and zone, or no time at all. */
export const YEAR = 1
export const MONTH = 2
export const DAY = 3
export const SECOND = 4

/** The last text read by {@link readTemporal}: closed interval [lo, hi] of ms since 1970, UTC where no zone is given. */
export const temporal = { precision: 0, lo: 0, hi: 0 }

const DAY_MS = 86_400_000
const DIGIT_0 = 48
const DASH = 45
const COLON = 58
const DOT = 46
const PLUS = 43
const LETTER_T = 84
const LETTER_Z = 90
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/**
 * Reads a FHIR date, dateTime or instant into {@link temporal}; false, with `temporal` undefined, when it is none (month
 * 13, 30 February, a time without zone). A second may be 60. Spec: https://hl7.org/fhir/R4/datatypes.html#dateTime
 */
export function readTemporal(text: string): boolean {
  const year = digits(text, 0, 4)
  if (year < 1) return false
  if (text.length === 4) return cover(YEAR, daysBefore(year, 1), daysBefore(year + 1, 1))
  const month = digits(text, 5, 2)
  if (text.charCodeAt(4) !== DASH || month < 1 || month > 12) return false
  if (text.length === 7) {
    const next = month === 12 ? daysBefore(year + 1, 1) : daysBefore(year, month + 1)
    return cover(MONTH, daysBefore(year, month), next)
  }
  const day = digits(text, 8, 2)
  if (text.charCodeAt(7) !== DASH || day < 1 || day > daysIn(year, month)) return false
  const days = daysBefore(year, month) + day - 1
  return text.length === 10 ? cover(DAY, days, days + 1) : readClock(text, days * DAY_MS)
}

/** Whether the text is `hh:mm:ss` with an optional fraction. Spec: https://hl7.org/fhir/R4/datatypes.html#time */
export function isTime(text: string): boolean {
  return clockMs(text, 0) >= 0 && fractionEnd(text, 8) === text.length
}

function readClock(text: string, dayMs: number): boolean {
  const clock = clockMs(text, 11)
  if (text.charCodeAt(10) !== LETTER_T || clock < 0) return false
  const end = fractionEnd(text, 19)
  const zone = end < 0 ? Number.NaN : zoneMs(text, end)
  if (Number.isNaN(zone)) return false
  let fraction = 0
  let width = 1000
  for (let at = 20; at < end && width > 1; at++) {
    width /= 10
    fraction += (text.charCodeAt(at) - DIGIT_0) * width
  }
  temporal.precision = SECOND
  temporal.lo = dayMs + clock + fraction - zone
  temporal.hi = temporal.lo + width - 1
  return true
}

function cover(precision: number, firstDay: number, nextDay: number): true {
  temporal.precision = precision
  temporal.lo = firstDay * DAY_MS
  temporal.hi = nextDay * DAY_MS - 1
  return true
}

/** The number in `length` digits from `at`, or -1. */
function digits(text: string, at: number, length: number): number {
  let value = 0
  for (let place = 0; place < length; place++) {
    const digit = text.charCodeAt(at + place) - DIGIT_0
    // Also when the text is too short: then the character code is NaN.
    if (!(digit >= 0 && digit <= 9)) return -1
    value = value * 10 + digit
  }
  return value
}

/** Milliseconds of `hh:mm:ss` from `at`, or -1. */
function clockMs(text: string, at: number): number {
  const hour = digits(text, at, 2)
  const minute = digits(text, at + 3, 2)
  const second = digits(text, at + 6, 2)
  if (text.charCodeAt(at + 2) !== COLON || text.charCodeAt(at + 5) !== COLON) return -1
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return -1
  return ((hour * 60 + minute) * 60 + second) * 1000
}

/** Where an optional fraction from `at` ends, or -1 when a dot has no digit. */
function fractionEnd(text: string, at: number): number {
  if (text.charCodeAt(at) !== DOT) return at
  let end = at + 1
  while (digits(text, end, 1) >= 0) end++
  return end === at + 1 ? -1 : end
}

/** Offset of `Z`, `+hh:mm` or `-hh:mm` that ends the text, or NaN; at most 14 hours. */
function zoneMs(text: string, at: number): number {
  const sign = text.charCodeAt(at)
  if (sign === LETTER_Z) return text.length === at + 1 ? 0 : Number.NaN
  if ((sign !== PLUS && sign !== DASH) || text.length !== at + 6 || text.charCodeAt(at + 3) !== COLON) return Number.NaN
  const hours = digits(text, at + 1, 2)
  const minutes = digits(text, at + 4, 2)
  if (hours < 0 || minutes < 0 || minutes > 59 || hours * 60 + minutes > 14 * 60) return Number.NaN
  return (sign === PLUS ? 1 : -1) * (hours * 60 + minutes) * 60_000
}

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0

const daysIn = (year: number, month: number): number =>
  month === 2 && isLeap(year) ? 29 : (MONTH_DAYS[month - 1] as number)

/** Days from 1970-01-01 to the first of the month, proleptic Gregorian. */
function daysBefore(year: number, month: number): number {
  const years = year - 1
  let days = years * 365 + Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400) - 719_162
  for (let past = 1; past < month; past++) days += daysIn(year, past)
  return days
}
