import { Decimal } from './decimal.ts'
import { FhirNode, type Item, type Items, isObject, isTemporal, type SystemValue, systemValue } from './item.ts'
import { JsonWork } from './json-work.ts'
import { compareQuantities, Quantity } from './quantity.ts'
import type { Run, Site } from './run.ts'
import { compareTemporal, parseDateTime, parseTime, type Temporal } from './temporal.ts'

/** `=` of two collections: undefined stands for the empty answer (http://hl7.org/fhirpath/N1/#equality). */
export function equalCollections(run: Run, left: Items, right: Items, site: Site): boolean | undefined {
  if (left.length === 0 || right.length === 0) return undefined
  if (left.length !== right.length) return false
  run.spend(left.length, site.at)
  let unknown = false
  for (let i = 0; i < left.length; i++) {
    const answer = equalItems(run, left[i] as Item, right[i] as Item, site)
    if (answer === false) return false
    if (answer === undefined) unknown = true
  }
  return unknown ? undefined : true
}

/** Whether two items are equal; undefined where that cannot be said (dates of different precision, unlike units). */
export function equalItems(run: Run, left: Item, right: Item, site: Site): boolean | undefined {
  const a = systemValue(left)
  const b = systemValue(right)
  if (typeof a === 'string' && typeof b === 'string') {
    // Paid for first: comparing two long texts takes as long as they are.
    if (a.length > 64 && a.length === b.length) run.spendText(a.length, site.at)
    return equalText(a, left, b, right)
  }
  if (a !== undefined && b !== undefined) return equalValues(run, [a, left], [b, right], site)
  if (left === right) return true
  if (left instanceof FhirNode && right instanceof FhirNode) {
    const work = new JsonWork(run, site.at)
    if (!equalJson(work, left.value, right.value)) return false
    return left.value !== undefined || equalJson(work, left.extra, right.extra)
  }
  return false
}

type Valued = readonly [value: SystemValue, item: Item]

function equalValues(run: Run, [a, left]: Valued, [b, right]: Valued, site: Site): boolean | undefined {
  if (typeof a === typeof b && typeof a !== 'object') return a === b
  if (isNumeric(a) && isNumeric(b)) return toDecimal(a).compare(toDecimal(b)) === 0
  if (a instanceof Quantity && b instanceof Quantity) {
    const order = compareQuantities(run, a, b, site)
    return order === undefined ? undefined : order === 0
  }
  const [first, second] = alignTemporal(a, left, b, right)
  if (!isTemporal(first) || !isTemporal(second)) return quantityAgainstNumber(a, b)
  if ((first.kind === 'time') !== (second.kind === 'time')) return false
  const order = compareTemporal(first, second)
  return order === undefined ? undefined : order === 0
}

/** An Integer or Decimal is implicitly a Quantity of unit 1. */
function quantityAgainstNumber(a: SystemValue, b: SystemValue): boolean | undefined {
  if (a instanceof Quantity && isNumeric(b)) return a.unit === '1' ? a.value.compare(toDecimal(b)) === 0 : false
  if (b instanceof Quantity && isNumeric(a)) return quantityAgainstNumber(b, a)
  return false
}

/** Two texts of unknown type that both look like points in time (`2014` and `2014-01`) compare as such. */
function equalText(a: string, left: Item, b: string, right: Item): boolean | undefined {
  if (a === b) return true
  if (!isUntyped(left) || !isUntyped(right)) return false
  const first = temporalFromText(a)
  const second = first && temporalFromText(b)
  if (!first || !second) return false
  const order = compareTemporal(first, second)
  return order === undefined ? undefined : order === 0
}

/**
 * Where one side is a point in time and the other a text whose FHIR type is not known (no model was given), the text
 * is read as a point in time too.
 */
export function alignTemporal(a: SystemValue, left: Item, b: SystemValue, right: Item): [SystemValue, SystemValue] {
  if (isTemporal(a) && typeof b === 'string' && isUntyped(right)) return [a, temporalFromText(b) ?? b]
  if (isTemporal(b) && typeof a === 'string' && isUntyped(left)) return [temporalFromText(a) ?? a, b]
  return [a, b]
}

export function isUntyped(item: Item): boolean {
  return item instanceof FhirNode && item.type === ''
}

const STARTS_LIKE_TIME = /^\d{4}($|-|T)|^\d\d:/

export function temporalFromText(text: string): Temporal | undefined {
  return STARTS_LIKE_TIME.test(text) ? (parseDateTime(text) ?? parseTime(text)) : undefined
}

export function isNumeric(value: unknown): value is number | Decimal {
  return typeof value === 'number' || value instanceof Decimal
}

export function toDecimal(value: number | Decimal): Decimal {
  return typeof value === 'number' ? new Decimal(BigInt(value), 0) : value
}

/** JSON equality; the order of keys does not count, the order of lists does. */
function equalJson(work: JsonWork, left: unknown, right: unknown): boolean {
  if (typeof left === 'string' && typeof right === 'string') {
    work.spend(1 + (left.length >> 6))
    return left === right
  }
  if (left === right) return true
  if (typeof left !== 'object' || left === null) return false
  return work.within(() => {
    if (Array.isArray(left)) {
      if (!Array.isArray(right) || left.length !== right.length) return false
      return left.every((item, i) => equalJson(work, item, right[i]))
    }
    if (!isObject(left) || !isObject(right)) return false
    const keys = Object.keys(left)
    work.spend(keys.length)
    if (keys.length !== Object.keys(right).length) return false
    return keys.every((key) => Object.hasOwn(right, key) && equalJson(work, left[key], right[key]))
  })
}
