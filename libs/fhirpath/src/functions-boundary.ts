import { Decimal } from './decimal.ts'
import { isNumeric, toDecimal } from './equality.ts'
import { type FunctionDefinition, type FunctionTable, pairwise, plain } from './function-table.ts'
import { EMPTY, type Item, isTemporal, only, type SystemValue, systemValue, truth } from './item.ts'
import { inUnitOf, Quantity } from './quantity.ts'
import { type Eval, single } from './run.ts'
import { daysInMonth, type Temporal } from './temporal.ts'

/** Precision of values (http://hl7.org/fhirpath/#boundary-functions; SQL on FHIR relies on them). */
export const boundaryFunctions: FunctionTable = {
  lowBoundary: boundary('low'),
  highBoundary: boundary('high'),
  precision: plain((items, _run, { at }) => {
    const item = single(items, at)
    const value = item === undefined ? undefined : systemValue(item)
    if (isNumeric(value)) return [digits(toDecimal(value))]
    return isTemporal(value) ? [temporalDigits(value)] : EMPTY
  }),
  comparable: pairwise((items, other, run, site) => {
    const { at } = site
    const [left, right] = [single(items, at), single(other, at)].map((item) =>
      item === undefined ? item : systemValue(item),
    )
    if (!(left instanceof Quantity) || !(right instanceof Quantity)) return EMPTY
    return truth(inUnitOf(run, left, right, site) !== undefined)
  }),
}

type Side = 'low' | 'high'

const DECIMAL_SCALE_MAX = 28
const DEFAULT_DECIMAL_SCALE = 8

function boundary(side: Side): FunctionDefinition {
  return {
    min: 0,
    max: 1,
    build: (input, site) => (run, focus) => {
      const item = single(input(run, focus), site.at)
      const wanted = site.args.length === 0 ? undefined : single((site.args[0] as Eval)(run, focus), site.at)
      if (item === undefined) return EMPTY
      return only(boundaryOf(item, side, typeof wanted === 'number' ? wanted : undefined))
    },
  }
}

function boundaryOf(item: Item, side: Side, wanted: number | undefined): SystemValue | undefined {
  const value = systemValue(item)
  if (isNumeric(value)) return decimalBoundary(toDecimal(value), side, wanted)
  if (value instanceof Quantity) {
    const amount = decimalBoundary(value.value, side, wanted)
    return amount && new Quantity(amount, value.unit, value.calendar)
  }
  return isTemporal(value) ? temporalBoundary(value, side, wanted) : undefined
}

/** A written 1.587 stands for anything from 1.5865 to 1.5875. */
function decimalBoundary(value: Decimal, side: Side, wanted = DEFAULT_DECIMAL_SCALE): Decimal | undefined {
  if (wanted < 0 || wanted > DECIMAL_SCALE_MAX) return undefined
  const half = new Decimal(side === 'low' ? -5n : 5n, value.scale + 1)
  return value.plus(half)?.toScale(wanted, side === 'low' ? 'floor' : 'ceiling')
}

/** Digits of a date or dateTime (4 year ... 17 millisecond) and of a time (2 ... 9) by the number of its fields. */
const DATE_DIGITS = [4, 6, 8, 10, 12, 14]
const TIME_DIGITS = [2, 4, 6]

function temporalDigits(value: Temporal): number {
  const table = value.kind === 'time' ? TIME_DIGITS : DATE_DIGITS
  return (table[value.fields.length - 1] as number) + (value.fractionDigits > 0 ? 3 : 0)
}

function temporalBoundary(value: Temporal, side: Side, wanted: number | undefined): Temporal | undefined {
  const isTime = value.kind === 'time'
  const most = isTime ? 9 : value.kind === 'date' ? 8 : 17
  const target = wanted ?? most
  const table = isTime ? TIME_DIGITS : DATE_DIGITS
  const count = table.findLastIndex((size) => size <= target) + 1
  if (count === 0 || target > (isTime ? 9 : 17)) return undefined
  const fields = value.fields.slice(0, count)
  for (let i = fields.length; i < count; i++) fields.push(edge(fields, isTime ? i + 3 : i, side))
  const seconds = isTime ? 2 : 5
  const withMs = target === most && most !== 8
  if (withMs && fields[seconds] !== undefined && side === 'high' && value.fractionDigits === 0) {
    fields[seconds] = Math.floor(fields[seconds]) + 0.999
  }
  const zoned = !isTime && count > 3
  const offset = zoned ? (value.offset ?? (side === 'low' ? 14 * 60 : -12 * 60)) : undefined
  const kind = isTime ? 'time' : count > 3 ? 'dateTime' : 'date'
  return { kind, fields, offset, fractionDigits: withMs ? Math.max(3, value.fractionDigits) : 0 }
}

/** The lowest or highest value of the field at `index` (0 the year, 5 the second), given those before it. */
function edge(fields: readonly number[], index: number, side: Side): number {
  if (side === 'low') return index === 1 || index === 2 ? 1 : 0
  if (index === 1) return 12
  if (index === 2) return daysInMonth(fields[0] as number, fields[1] as number)
  return index === 3 ? 23 : 59
}

function digits(value: Decimal): number {
  return value.scale
}
