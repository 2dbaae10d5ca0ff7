import type { Decimal } from './decimal.ts'
import { daysInMonth, fieldsToMs, msToFields, type Temporal } from './temporal.ts'

/** Calendar words and the UCUM codes that mean the same fixed length of time. */
const UNITS: Record<string, TimeUnit> = {
  year: 'year',
  years: 'year',
  month: 'month',
  months: 'month',
  week: 'week',
  weeks: 'week',
  wk: 'week',
  day: 'day',
  days: 'day',
  d: 'day',
  hour: 'hour',
  hours: 'hour',
  h: 'hour',
  minute: 'minute',
  minutes: 'minute',
  min: 'minute',
  second: 'second',
  seconds: 'second',
  s: 'second',
  millisecond: 'millisecond',
  milliseconds: 'millisecond',
  ms: 'millisecond',
}

export type TimeUnit = 'year' | 'month' | 'week' | 'day' | 'hour' | 'minute' | 'second' | 'millisecond'

/** The length of the units that have a fixed one. */
export const UNIT_MS: Partial<Record<TimeUnit, number>> = {
  week: 604_800_000,
  day: 86_400_000,
  hour: 3_600_000,
  minute: 60_000,
  second: 1_000,
  millisecond: 1,
}

/** The unit of time a word or a UCUM code means; the UCUM year and month are mean lengths and so have none. */
export function timeUnit(unit: string): TimeUnit | undefined {
  return Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined
}

const SECOND = 5
const YEAR_MAX = 9999
const YEAR_MIN = 1

/**
 * Adds an amount of time (negative: subtracts). Fractions count for seconds and milliseconds only; an amount finer
 * than the precision of the value is first converted to that precision, cutting what does not fill a step
 * (http://hl7.org/fhirpath/N1/#datetime-arithmetic). Undefined when the result leaves the years 1 to 9999.
 */
export function addTime(value: Temporal, amount: Decimal, unit: TimeUnit): Temporal | undefined {
  if (value.kind === 'time') return addToTime(value, amount, unit)
  const finest = value.fields.length - 1
  if (unit === 'year' || unit === 'month') {
    const months = unit === 'year' ? Number(amount.whole()) * 12 : Number(amount.whole())
    return addMonths(value, finest === 0 ? Math.trunc(months / 12) * 12 : months)
  }
  const ms = lengthMs(amount, unit)
  if (finest === 0) return addMonths(value, Math.trunc(ms / 86_400_000 / 365) * 12)
  if (finest === 1) return addMonths(value, Math.trunc(ms / 86_400_000 / 30))
  const step = finest === 2 ? 86_400_000 : finest === 3 ? 3_600_000 : finest === 4 ? 60_000 : 1
  const moved = fieldsToMs(value.fields) + Math.trunc(ms / step) * step
  return ranged({ ...value, fields: msToFields(moved, finest + 1), fractionDigits: fractionDigits(value, ms) })
}

function addToTime(value: Temporal, amount: Decimal, unit: TimeUnit): Temporal | undefined {
  if (UNIT_MS[unit] === undefined) return undefined
  const finest = value.fields.length - 1
  const step = finest === 0 ? 3_600_000 : finest === 1 ? 60_000 : 1
  const ms = lengthMs(amount, unit)
  const start = fieldsToMs([1970, 1, 1, ...value.fields])
  const moved = start + Math.trunc(ms / step) * step
  const fields = msToFields(moved, 6).slice(3, 4 + finest)
  return { ...value, fields, fractionDigits: fractionDigits(value, ms) }
}

function addMonths(value: Temporal, months: number): Temporal | undefined {
  const fields = [...value.fields]
  const total = (fields[0] as number) * 12 + ((fields[1] ?? 1) - 1) + months
  fields[0] = Math.floor(total / 12)
  if (fields.length > 1) fields[1] = (total % 12) + 1
  // The 31st of January plus a month is the last day of February.
  if (fields.length > 2) fields[2] = Math.min(fields[2] as number, daysInMonth(fields[0], fields[1] as number))
  return ranged({ ...value, fields })
}

function lengthMs(amount: Decimal, unit: TimeUnit): number {
  const fixed = UNIT_MS[unit] ?? 0
  if (unit === 'second' || unit === 'millisecond') return Math.round(amount.toNumber() * fixed)
  return Number(amount.whole()) * fixed
}

function fractionDigits(value: Temporal, ms: number): number {
  const hasSecond = value.fields.length > (value.kind === 'time' ? 2 : SECOND)
  return hasSecond && ms % 1000 !== 0 ? Math.max(3, value.fractionDigits) : value.fractionDigits
}

function ranged(value: Temporal): Temporal | undefined {
  const year = value.fields[0] as number
  return year >= YEAR_MIN && year <= YEAR_MAX ? value : undefined
}
