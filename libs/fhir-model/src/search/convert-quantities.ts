import type { Json } from '../json.ts'
import type { Visit } from './link.ts'
import type { QuantityValue } from './search-value.ts'

// Spec: https://hl7.org/fhir/R4/search.html#number and #quantity

const CURRENCY_SYSTEM = 'urn:iso:std:iso:4217'

export const numberValue: Visit = (value, found) => {
  const number: unknown = value
  if (typeof number !== 'number') return
  const half = halfDigit(number)
  found.push({ kind: 'number', value: number, lo: number - half, hi: number + half })
}

export const numberRangeValue: Visit = (range, found) => {
  const value = rangeOf(range)
  if (value !== null) found.push({ kind: 'number', value: value.value, lo: value.lo, hi: value.hi })
}

export const quantityValue: Visit = (quantity, found) => {
  const value = quantityOf(quantity)
  if (value !== null) found.push(value)
}

/** From the low end to the high end; its value is the low end, or the high end where that stands alone. */
export const quantityRangeValue: Visit = (range, found) => {
  const value = rangeOf(range)
  if (value !== null) found.push(value)
}

export const moneyValue: Visit = (money, found) => {
  const { value, currency } = money
  if (typeof value !== 'number') return
  const half = halfDigit(value)
  const result: QuantityValue = { kind: 'quantity', value, lo: value - half, hi: value + half }
  if (typeof currency === 'string') {
    result.system = CURRENCY_SYSTEM
    result.code = currency
  }
  found.push(result)
}

function quantityOf(quantity: Json | undefined): QuantityValue | null {
  const value = quantity?.value
  if (quantity === undefined || typeof value !== 'number') return null
  const { comparator, system, code, unit } = quantity
  const half = halfDigit(value)
  const below = comparator === '<' || comparator === '<='
  const above = comparator === '>' || comparator === '>='
  const lo = below ? -Number.MAX_VALUE : value - half
  const hi = above ? Number.MAX_VALUE : value + half
  const result: QuantityValue = { kind: 'quantity', value, lo, hi }
  if (typeof system === 'string') result.system = system
  if (typeof code === 'string') result.code = code
  if (typeof unit === 'string') result.unit = unit
  return result
}

function rangeOf(range: Json): QuantityValue | null {
  const low = quantityOf(range.low as Json | undefined)
  const high = quantityOf(range.high as Json | undefined)
  const named = low ?? high
  if (named === null) return null
  return { ...named, lo: low?.lo ?? -Number.MAX_VALUE, hi: high?.hi ?? Number.MAX_VALUE }
}

/** Half of the last digit that is written: 0.5 for 100, 0.05 for 5.4. */
function halfDigit(value: number): number {
  if (Number.isInteger(value)) return 0.5
  const text = String(value)
  const exponent = text.indexOf('e')
  const mantissaEnd = exponent < 0 ? text.length : exponent
  const dot = text.indexOf('.')
  const decimals = dot < 0 ? 0 : mantissaEnd - dot - 1
  return 0.5 * 10 ** ((exponent < 0 ? 0 : Number(text.slice(exponent + 1))) - decimals)
}
