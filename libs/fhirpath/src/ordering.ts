import { alignTemporal, isNumeric, isUntyped, temporalFromText, toDecimal } from './equality.ts'
import { FhirNode, type Item, isTemporal, type SystemValue, systemValue } from './item.ts'
import { compareQuantities, Quantity } from './quantity.ts'
import { executionError, type Run, type Site } from './run.ts'
import { compareTemporal } from './temporal.ts'

/**
 * -1, 0 or 1; undefined where precision or units do not allow an answer. Throws (`execution`) for kinds that have no
 * order between them (http://hl7.org/fhirpath/N1/#comparison).
 */
export function compareItems(run: Run, left: Item, right: Item, site: Site): number | undefined {
  const { at } = site
  const a = systemValue(left)
  const b = systemValue(right)
  if (a === undefined || b === undefined) {
    if (unknownValue(left) || unknownValue(right)) return undefined
    throw incomparable(at)
  }
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (isNumeric(a) && isNumeric(b)) return toDecimal(a).compare(toDecimal(b))
  if (typeof a === 'string' && typeof b === 'string') {
    if (a.length > 64) run.spendText(a.length, at)
    return compareText(a, left, b, right)
  }
  if (a instanceof Quantity || b instanceof Quantity) return compareQuantityTo(run, a, b, site)
  const [first, second] = alignTemporal(a, left, b, right)
  if (!isTemporal(first) || !isTemporal(second)) throw incomparable(at)
  if ((first.kind === 'time') !== (second.kind === 'time')) throw incomparable(at)
  return compareTemporal(first, second)
}

/** An element whose value is not there or not exact (only extensions, a quantity `< 5`) has no order. */
function unknownValue(item: Item): boolean {
  return item instanceof FhirNode && (item.value === undefined || item.type === 'Quantity')
}

function compareQuantityTo(run: Run, a: SystemValue, b: SystemValue, site: Site): number | undefined {
  const left = asQuantity(a)
  const right = asQuantity(b)
  if (left === undefined || right === undefined) throw incomparable(site.at)
  return compareQuantities(run, left, right, site)
}

function asQuantity(value: SystemValue): Quantity | undefined {
  if (value instanceof Quantity) return value
  return isNumeric(value) ? new Quantity(toDecimal(value), '1', false) : undefined
}

function compareText(a: string, left: Item, b: string, right: Item): number | undefined {
  if (isUntyped(left) && isUntyped(right)) {
    const first = temporalFromText(a)
    const second = first && temporalFromText(b)
    if (first && second) return compareTemporal(first, second)
  }
  return a < b ? -1 : a > b ? 1 : 0
}

function incomparable(at: number) {
  return executionError('these values have no order between them', at)
}
