import { Decimal } from './decimal.ts'
import { alignTemporal, isNumeric, toDecimal } from './equality.ts'
import { singleText } from './functions-string.ts'
import { type Item, type Items, isTemporal, type SystemValue, systemValue } from './item.ts'
import { inUnitOf, Quantity, unitProduct, unitQuotient } from './quantity.ts'
import { executionError, type Run, type Site } from './run.ts'
import { type Temporal } from './temporal.ts'
import { addTime, timeUnit } from './temporal-arithmetic.ts'

export type Arithmetic = '+' | '-' | '*' | '/' | 'div' | 'mod'

/**
 * Undefined where the answer is empty: division by zero, overflow, units that do not convert
 * (http://hl7.org/fhirpath/N1/#math-1). Throws (`execution`) for kinds the operator does not take.
 */
export function arithmetic(run: Run, op: Arithmetic, left: Item, right: Item, site: Site): SystemValue | undefined {
  const { at } = site
  run.spend(1, at)
  const a = systemValue(left)
  const b = systemValue(right)
  if (a === undefined || b === undefined) return undefined
  if (typeof a === 'number' && typeof b === 'number' && op !== '/') return integers(op, a, b)
  if (isNumeric(a) && isNumeric(b)) return decimals(op, toDecimal(a), toDecimal(b))
  if (typeof a === 'string' && typeof b === 'string' && op === '+') {
    run.spendText(a.length + b.length, at)
    return a + b
  }
  if (b instanceof Quantity && (op === '+' || op === '-')) {
    const [point] = alignTemporal(a, left, ANY_TIME, ANY_TIME)
    if (isTemporal(point)) return movedTime(point, op === '-' ? negated(b) : b, at)
  }
  const [first, second] = [asQuantity(a), asQuantity(b)]
  if (first === undefined || second === undefined) throw executionError('this operator does not take such values', at)
  return quantities(run, op, first, second, site)
}

/** Stands for "some point in time", so that a text of unknown type is read as one. */
const ANY_TIME: Temporal = { kind: 'date', fields: [2000], offset: undefined, fractionDigits: 0 }

function asQuantity(value: SystemValue): Quantity | undefined {
  if (value instanceof Quantity) return value
  return isNumeric(value) ? new Quantity(toDecimal(value), '1', false) : undefined
}

function negated(quantity: Quantity): Quantity {
  return new Quantity(quantity.value.negated(), quantity.unit, quantity.calendar)
}

function integers(op: Exclude<Arithmetic, '/'>, a: number, b: number): number | undefined {
  const result = op === '+' ? a + b : op === '-' ? a - b : op === '*' ? a * b : op === 'div' ? Math.trunc(a / b) : a % b
  // Adding zero turns -0 into 0: an Integer has one zero.
  return Number.isSafeInteger(result) ? result + 0 : undefined
}

function decimals(op: Arithmetic, a: Decimal, b: Decimal): number | Decimal | undefined {
  switch (op) {
    case '+':
      return a.plus(b)
    case '-':
      return a.minus(b)
    case '*':
      return a.times(b)
    case '/':
      return a.over(b)
    case 'div': {
      const whole = a.wholeOver(b)
      return whole === undefined || !Number.isSafeInteger(Number(whole)) ? undefined : Number(whole)
    }
    case 'mod':
      return a.remainder(b)
  }
}

/** A product of many factors has a unit no one can convert; without a bound it would grow with every round. */
const UNIT_CHARS_MAX = 200

function quantities(run: Run, op: Arithmetic, a: Quantity, b: Quantity, site: Site): Quantity | undefined {
  if (op === '*' || op === '/') {
    const value = op === '*' ? a.value.times(b.value) : a.value.over(b.value)
    const unit = op === '*' ? unitProduct(a.unit, b.unit) : unitQuotient(a.unit, b.unit)
    if (unit.length > UNIT_CHARS_MAX) return undefined
    return value && new Quantity(value, unit, (a.calendar || b.calendar) && unit !== '1')
  }
  const same = inUnitOf(run, a, b, site)
  const value = same === undefined ? undefined : decimals(op, a.value, same)
  if (value === undefined) return undefined
  return new Quantity(value instanceof Decimal ? value : new Decimal(BigInt(value), 0), a.unit, a.calendar)
}

function movedTime(point: Temporal, by: Quantity, at: number): Temporal | undefined {
  const unit = timeUnit(by.unit)
  if (unit === undefined) throw executionError('only an amount of time can be added to a point in time', at)
  return addTime(point, by.value, unit)
}

/** `&`: joins two texts and takes an empty one for `''`. */
export function concatenate(run: Run, left: Items, right: Items, at: number): Items {
  const text = (singleText(left, at) ?? '') + (singleText(right, at) ?? '')
  run.spendText(text.length, at)
  return [text]
}
