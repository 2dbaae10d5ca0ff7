import { Decimal } from './decimal.ts'
import { type Item, isTemporal, type SystemValue, systemValue } from './item.ts'
import { Quantity, quantityText } from './quantity.ts'
import { parseDateTime, parseTime, type Temporal, temporalText } from './temporal.ts'
import { timeUnit } from './temporal-arithmetic.ts'

/** Conversions of one value; undefined where the value cannot be converted (http://hl7.org/fhirpath/N1/#conversion). */
export type Conversion = (item: Item) => SystemValue | undefined

const TRUE_WORDS = new Set(['true', 't', 'yes', 'y', '1', '1.0'])
const FALSE_WORDS = new Set(['false', 'f', 'no', 'n', '0', '0.0'])

export const toBoolean: Conversion = (item) => {
  const value = systemValue(item)
  if (typeof value === 'boolean') return value
  const word = typeof value === 'string' ? value.toLowerCase() : undefined
  if (word !== undefined) return TRUE_WORDS.has(word) ? true : FALSE_WORDS.has(word) ? false : undefined
  const number = value instanceof Decimal ? value.toNumber() : value
  return number === 1 ? true : number === 0 ? false : undefined
}

const INTEGER = /^[+-]?\d{1,15}$/

export const toInteger: Conversion = (item) => {
  const value = systemValue(item)
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  return typeof value === 'string' && INTEGER.test(value) ? Number(value) : undefined
}

const DECIMAL = /^[+-]?\d+(\.\d+)?$/

export const toDecimalValue: Conversion = (item) => {
  const value = systemValue(item)
  if (value instanceof Decimal) return value
  if (typeof value === 'number') return Decimal.of(value)
  if (typeof value === 'boolean') return new Decimal(value ? 1n : 0n, 0)
  return typeof value === 'string' && DECIMAL.test(value) ? Decimal.parse(value) : undefined
}

export const toDate: Conversion = (item) => {
  const value = temporal(systemValue(item), parseDateTime)
  if (value === undefined || value.kind === 'time') return undefined
  return { kind: 'date', fields: value.fields.slice(0, 3), offset: undefined, fractionDigits: 0 }
}

export const toDateTime: Conversion = (item) => {
  const value = temporal(systemValue(item), parseDateTime)
  return value === undefined || value.kind === 'time' ? undefined : { ...value, kind: 'dateTime' }
}

export const toTime: Conversion = (item) => {
  const value = temporal(systemValue(item), parseTime)
  return value?.kind === 'time' ? value : undefined
}

function temporal(value: SystemValue | undefined, parse: (text: string) => Temporal | undefined) {
  if (typeof value === 'string') return parse(value)
  return isTemporal(value) ? value : undefined
}

const QUANTITY = /^([+-]?\d+(?:\.\d+)?)(?:\s*'([^']*)'|\s+([a-z]+))?$/

export const toQuantity: Conversion = (item) => {
  const value = systemValue(item)
  if (value instanceof Quantity) return value
  if (typeof value === 'string') return parseQuantity(value)
  const amount = toDecimalValue(item)
  return amount instanceof Decimal ? new Quantity(amount, '1', false) : undefined
}

/** Reads `4.5 'mg'`, `3 days` or a bare number. */
function parseQuantity(text: string): Quantity | undefined {
  const match = QUANTITY.exec(text)
  const amount = match === null ? undefined : Decimal.parse(match[1] as string)
  if (match === null || amount === undefined) return undefined
  if (match[3] === undefined) return new Quantity(amount, match[2] ?? '1', false)
  const word = timeUnit(match[3])
  // The codes of UCUM (`1 wk`) need quotes; only the words are bare.
  return word !== undefined && match[3].startsWith(word) ? new Quantity(amount, word, true) : undefined
}

export const toText: Conversion = (item) => {
  const value = systemValue(item)
  if (value instanceof Quantity) return quantityText(value)
  if (value instanceof Decimal || typeof value === 'number' || typeof value === 'boolean') return String(value)
  return isTemporal(value) ? temporalText(value) : value
}
