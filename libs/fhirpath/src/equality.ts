import { Decimal } from './decimal.ts'
import { FhirNode, type Item, type Items, isObject, isTemporal, type SystemValue, systemValue } from './item.ts'
import { JsonWork } from './json-work.ts'
import { calendarQuantity, compareQuantities, inUnitOf, Quantity } from './quantity.ts'
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

/** `~` of two collections: order does not count, empty equals empty (http://hl7.org/fhirpath/N1/#equivalence). */
export function equivalentCollections(run: Run, left: Items, right: Items, site: Site): boolean {
  if (left.length !== right.length) return false
  const rest = [...right]
  for (const item of left) {
    run.spend(rest.length, site.at)
    const found = rest.findIndex((candidate) => equivalentItems(run, item, candidate, site))
    if (found === -1) return false
    rest.splice(found, 1)
  }
  return true
}

function equivalentItems(run: Run, left: Item, right: Item, site: Site): boolean {
  const a = systemValue(left)
  const b = systemValue(right)
  if (a === undefined || b === undefined) {
    return (
      left instanceof FhirNode &&
      right instanceof FhirNode &&
      equivalentJson(new JsonWork(run, site.at), left.value, right.value)
    )
  }
  if (typeof a === 'string' && typeof b === 'string') return equivalentText(new JsonWork(run, site.at), a, b)
  if (isNumeric(a) && isNumeric(b)) return equivalentNumbers(toDecimal(a), toDecimal(b))
  if (a instanceof Quantity && b instanceof Quantity) {
    const converted = inUnitOf(run, calendarQuantity(a), calendarQuantity(b), site)
    if (converted === undefined) return false
    return equivalentAt(a.value, converted, Math.min(writtenScale(a.value), writtenScale(b.value)))
  }
  return equalItems(run, left, right, site) === true
}

function equivalentNumbers(a: Decimal, b: Decimal): boolean {
  return equivalentAt(a, b, Math.min(writtenScale(a), writtenScale(b)))
}

function equivalentAt(a: Decimal, b: Decimal, scale: number): boolean {
  return a.rounded(scale).compare(b.rounded(scale)) === 0
}

function writtenScale(value: Decimal): number {
  return value.trimmed().scale
}

function equivalentText(work: JsonWork, a: string, b: string): boolean {
  work.spend(1 + ((a.length + b.length) >> 5))
  return plainText(a) === plainText(b)
}

function plainText(text: string): string {
  return text.trim().replace(/\s+/g, ' ').toLowerCase()
}

function equivalentJson(work: JsonWork, left: unknown, right: unknown): boolean {
  work.spend(1)
  if (typeof left === 'string' && typeof right === 'string') return equivalentText(work, left, right)
  return work.within(() => {
    if (Array.isArray(left) && Array.isArray(right)) return equivalentLists(work, left, right)
    if (!isObject(left) || !isObject(right)) return left === right
    // An element's id and its extensions do not change what it says.
    const keys = Object.keys(left).filter(counts)
    const others = Object.keys(right).filter(counts)
    work.spend(keys.length + others.length)
    return keys.length === others.length && keys.every((key) => equivalentJson(work, left[key], right[key]))
  })
}

function equivalentLists(work: JsonWork, left: unknown[], right: unknown[]): boolean {
  if (left.length !== right.length) return false
  const rest = [...right]
  for (const item of left) {
    work.spend(rest.length)
    const found = rest.findIndex((candidate) => equivalentJson(work, item, candidate))
    if (found === -1) return false
    rest.splice(found, 1)
  }
  return true
}

function counts(key: string): boolean {
  return key !== 'id' && key !== 'extension'
}
