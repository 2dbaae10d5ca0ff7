import { Decimal } from './decimal.ts'
import { isNumeric, toDecimal } from './equality.ts'
import { type FunctionDefinition, type FunctionTable, fixed, plain } from './function-table.ts'
import { EMPTY, type Items, only, type SystemValue, systemValue } from './item.ts'
import { Quantity } from './quantity.ts'
import { type Eval, executionError, single } from './run.ts'

/** http://hl7.org/fhirpath/N1/#math */
export const mathFunctions: FunctionTable = {
  abs: plain((items, _run, { at }) => {
    const item = single(items, at)
    const value = item === undefined ? undefined : systemValue(item)
    if (value instanceof Quantity) return [new Quantity(absolute(value.value), value.unit, value.calendar)]
    if (typeof value === 'number') return [Math.abs(value)]
    return only(mapDecimal(value, absolute, at))
  }),
  ceiling: toWhole((value) => value.toScale(0, 'ceiling')),
  floor: toWhole((value) => value.toScale(0, 'floor')),
  truncate: toWhole((value) => new Decimal(value.whole(), 0)),
  exp: real(Math.exp),
  ln: real(Math.log),
  sqrt: real(Math.sqrt),
  log: fixed(1, (input, site) => {
    const base = site.args[0] as Eval
    return (run, focus) => {
      const value = numberOf(input(run, focus), site.at)
      const other = numberOf(base(run, focus), site.at)
      return value === undefined || other === undefined ? EMPTY : realResult(logarithm(value, other))
    }
  }),
  power: fixed(1, (input, site) => {
    const exponent = site.args[0] as Eval
    return (run, focus) => {
      const left = single(input(run, focus), site.at)
      const right = single(exponent(run, focus), site.at)
      if (left === undefined || right === undefined) return EMPTY
      const base = numberOf([left], site.at)
      const to = numberOf([right], site.at)
      if (base === undefined || to === undefined) return EMPTY
      const result = base ** to
      const whole = typeof systemValue(left) === 'number' && typeof systemValue(right) === 'number'
      if (whole && Number.isSafeInteger(result)) return [result]
      return realResult(result)
    }
  }),
  round: {
    min: 0,
    max: 1,
    build: (input, site) => (run, focus) => {
      const item = single(input(run, focus), site.at)
      const digits = site.args.length === 0 ? 0 : single((site.args[0] as Eval)(run, focus), site.at)
      if (item === undefined || digits === undefined) return EMPTY
      if (typeof digits !== 'number' || digits < 0) {
        throw executionError('round needs a number of digits that is not negative', site.at)
      }
      return only(mapDecimal(systemValue(item), (value) => value.rounded(digits), site.at))
    },
  },
}

function absolute(value: Decimal): Decimal {
  return value.units < 0n ? value.negated() : value
}

function mapDecimal(value: SystemValue | undefined, map: (value: Decimal) => Decimal, at: number) {
  if (value === undefined) return undefined
  if (!isNumeric(value)) throw executionError('a number is needed here', at)
  return map(toDecimal(value))
}

function toWhole(map: (value: Decimal) => Decimal): FunctionDefinition {
  return plain((items, _run, { at }) => {
    const item = single(items, at)
    const value = item === undefined ? undefined : systemValue(item)
    if (typeof value === 'number') return [value]
    const whole = mapDecimal(value, map, at)?.toNumber()
    return whole !== undefined && Number.isSafeInteger(whole) ? [whole] : EMPTY
  })
}

function numberOf(items: Items, at: number): number | undefined {
  const item = single(items, at)
  return item === undefined ? undefined : mapDecimal(systemValue(item), (value) => value, at)?.toNumber()
}

function real(compute: (value: number) => number): FunctionDefinition {
  return plain((items, _run, { at }) => {
    const value = numberOf(items, at)
    return value === undefined ? EMPTY : realResult(compute(value))
  })
}

function logarithm(value: number, base: number): number {
  if (base === 10) return Math.log10(value)
  return base === 2 ? Math.log2(value) : Math.log(value) / Math.log(base)
}

/** Digits of a floating-point result that can be trusted. */
const REAL_DIGITS = 15

/** What is no number (the root of -1) or has no decimal is empty. */
function realResult(value: number): Items {
  if (!Number.isFinite(value)) return EMPTY
  return only(Decimal.of(Number(value.toPrecision(REAL_DIGITS))))
}
