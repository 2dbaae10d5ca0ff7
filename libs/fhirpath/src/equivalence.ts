import type { Decimal } from './decimal.ts'
import { equalItems, isNumeric, toDecimal } from './equality.ts'
import { FhirNode, type Item, type Items, isObject, systemValue } from './item.ts'
import { JsonWork } from './json-work.ts'
import { calendarQuantity, inUnitOf, Quantity } from './quantity.ts'
import type { Run, Site } from './run.ts'

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
