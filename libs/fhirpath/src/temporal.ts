export type TemporalKind = 'date' | 'dateTime' | 'time'

/**
 * A date, dateTime or time of FHIRPath. `fields` holds the components that were written, coarsest first: year, month,
 * day, hour, minute, second (with its fraction; seconds and milliseconds are one precision); a time starts at the hour.
 * `offset` is minutes east of UTC, absent when the text names no time zone.
 */
export interface Temporal {
  kind: TemporalKind
  fields: readonly number[]
  offset: number | undefined
  /** Digits of the fraction of the second as written, so that arithmetic keeps them. */
  fractionDigits: number
}

const DATE_TIME =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(T(?:(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9})\d*)?)?)?(Z|[+-]\d\d:\d\d)?)?)?$/
const TIME = /^T?(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9})\d*)?)?)?$/

/**
 * Reads a date or a dateTime (`2014`, `2014-01-25`, `2014-01-25T14:30:00.1Z`); undefined when the text is neither or
 * names a day that does not exist. A text without `T` is a date.
 */
export function parseDateTime(text: string): Temporal | undefined {
  if (text.length === 10) {
    const day = parseDay(text)
    if (day !== undefined) return day
  }
  const match = DATE_TIME.exec(text)
  if (match === null) return undefined
  const fields: number[] = []
  for (const part of [match[1], match[2], match[3], match[5], match[6], match[7]]) {
    if (part === undefined) break
    fields.push(Number(part))
  }
  const fraction = match[8]
  if (fraction !== undefined) fields[5] = Number(`${match[7]}.${fraction}`)
  if (fields.length > 3 && match[3] === undefined) return undefined
  if (!existing(fields)) return undefined
  const offset = match[9] === undefined ? undefined : offsetMinutes(match[9])
  if (offset !== undefined && Math.abs(offset) > 14 * 60) return undefined
  const kind = match[4] === undefined ? 'date' : 'dateTime'
  return { kind, fields, offset, fractionDigits: fraction?.length ?? 0 }
}

/** `2014-01-25`, the most frequent text by far, ten times quicker than by the pattern; undefined for any other. */
function parseDay(text: string): Temporal | undefined {
  if (text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return undefined
  const fields = [digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10)]
  if (fields.includes(-1) || !existing(fields)) return undefined
  return { kind: 'date', fields, offset: undefined, fractionDigits: 0 }
}

const DASH = 45
const ZERO = 48

/** The number that stands at `from` to `to`; -1 where anything but digits does. */
function digits(text: string, from: number, to: number): number {
  let value = 0
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - ZERO
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

/** Reads a time (`14:30`, with or without the leading `T`); undefined when the text is none. */
export function parseTime(text: string): Temporal | undefined {
  const match = TIME.exec(text)
  if (match === null) return undefined
  const fields: number[] = []
  for (const part of [match[1], match[2], match[3]]) if (part !== undefined) fields.push(Number(part))
  const fraction = match[4]
  if (fraction !== undefined) fields[2] = Number(`${match[3]}.${fraction}`)
  if (!timeExists(fields)) return undefined
  return { kind: 'time', fields, offset: undefined, fractionDigits: fraction?.length ?? 0 }
}

/** The text FHIR writes; a dateTime without an hour has no `T`. */
export function temporalText(value: Temporal): string {
  const { fields } = value
  if (value.kind === 'time') return clockText(fields, value.fractionDigits)
  let text = String(fields[0]).padStart(4, '0')
  if (fields.length > 1) text += `-${two(fields[1])}`
  if (fields.length > 2) text += `-${two(fields[2])}`
  if (fields.length > 3) text += `T${clockText(fields.slice(3), value.fractionDigits)}${offsetText(value.offset)}`
  return text
}

/** Widest spread of local time around UTC, for comparing a text without a time zone to one with. */
const LATEST_OFFSET_MS = 14 * 3_600_000
const EARLIEST_OFFSET_MS = -12 * 3_600_000

/**
 * -1, 0 or 1; undefined where the precisions do not allow an answer (http://hl7.org/fhirpath/N1/#comparison) or where
 * one is a time of day and the other is not. A value without a time zone compares to one with only when every possible
 * time zone gives the same answer.
 */
export function compareTemporal(left: Temporal, right: Temporal): number | undefined {
  if ((left.kind === 'time') !== (right.kind === 'time')) return undefined
  if (left.kind !== 'time' && (left.offset === undefined) !== (right.offset === undefined)) {
    return compareAcrossZones(left, right)
  }
  const a = left.offset === undefined ? left.fields : utcFields(left)
  const b = right.offset === undefined ? right.fields : utcFields(right)
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference < 0 ? -1 : 1
  }
  return a.length === b.length ? 0 : undefined
}

function compareAcrossZones(left: Temporal, right: Temporal): number | undefined {
  const [leftLo, leftHi] = possibleMs(left)
  const [rightLo, rightHi] = possibleMs(right)
  if (leftHi < rightLo) return -1
  if (leftLo > rightHi) return 1
  return undefined
}

/** The first and last millisecond (UTC) a date or dateTime can mean. */
export function possibleMs(value: Temporal): [number, number] {
  const lo = fieldsToMs(value.fields)
  const hi = fieldsToMs(followingFields(value.fields)) - 1
  if (value.offset !== undefined) return [lo - value.offset * 60_000, hi - value.offset * 60_000]
  return [lo - LATEST_OFFSET_MS, hi - EARLIEST_OFFSET_MS]
}

/** The same fields with the finest one raised by one step: the start of what comes after. */
function followingFields(fields: readonly number[]): number[] {
  const next = [...fields]
  const last = next.length - 1
  next[last] = last === 5 ? (next[last] as number) + 0.001 : (next[last] as number) + 1
  return next
}

/** Milliseconds since 1970 of the fields read as UTC; fields out of range carry over. */
export function fieldsToMs(fields: readonly number[]): number {
  const date = new Date(0)
  date.setUTCFullYear(fields[0] as number, (fields[1] ?? 1) - 1, fields[2] ?? 1)
  const second = fields[5] ?? 0
  date.setUTCHours(fields[3] ?? 0, fields[4] ?? 0, Math.floor(second), Math.round((second % 1) * 1000))
  return date.getTime()
}

/** The first `count` fields of a point in time, in UTC. */
export function msToFields(ms: number, count: number): number[] {
  const date = new Date(ms)
  const all = [
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    (date.getUTCSeconds() * 1000 + date.getUTCMilliseconds()) / 1000,
  ]
  return all.slice(0, count)
}

function utcFields(value: Temporal): readonly number[] {
  const { fields, offset } = value
  if (!offset || fields.length < 4) return fields
  const whole = [...fields]
  const second = fields[5] ?? 0
  if (fields.length > 5) whole[5] = Math.floor(second)
  const shifted = msToFields(fieldsToMs(whole) - offset * 60_000, fields.length)
  // The fraction is carried over as written: a round trip through milliseconds would cut it.
  if (fields.length > 5) shifted[5] = (shifted[5] as number) + (second - Math.floor(second))
  return shifted
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

function existing(fields: readonly number[]): boolean {
  const [year, month, day] = fields as [number, number | undefined, number | undefined]
  if (month !== undefined && (month < 1 || month > 12)) return false
  if (day !== undefined && (day < 1 || day > daysInMonth(year, month as number))) return false
  return timeExists(fields.slice(3))
}

function timeExists(fields: readonly number[]): boolean {
  return (fields[0] ?? 0) < 24 && (fields[1] ?? 0) < 60 && (fields[2] ?? 0) < 60
}

function offsetMinutes(text: string): number {
  if (text === 'Z') return 0
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(4, 6))
  return text.startsWith('-') ? -minutes : minutes
}

function offsetText(offset: number | undefined): string {
  if (offset === undefined) return ''
  if (offset === 0) return 'Z'
  const minutes = Math.abs(offset)
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

function clockText(fields: readonly number[], fractionDigits: number): string {
  let text = two(fields[0])
  if (fields.length > 1) text += `:${two(fields[1])}`
  if (fields.length > 2)
    text += `:${(fields[2] as number).toFixed(fractionDigits).padStart(secondWidth(fractionDigits), '0')}`
  return text
}

function secondWidth(fractionDigits: number): number {
  return fractionDigits === 0 ? 2 : fractionDigits + 3
}

function two(value: number | undefined): string {
  return String(value ?? 0).padStart(2, '0')
}
