import { equalItems, isNumeric, temporalFromText, toDecimal } from './equality.ts'
import { type FhirNode, type Item, type Items, isTemporal, systemValue } from './item.ts'
import type { UnitConverter } from './quantity.ts'
import type { Run } from './run.ts'

/**
 * A growing set of items under `=`. Items are sorted into buckets by a text that equal items share, so that a
 * thousand codes need a thousand comparisons and not a million.
 */
export class ItemSet {
  readonly #buckets = new Map<unknown, Item[]>()
  readonly #run: Run
  readonly #at: number
  readonly #units: UnitConverter | undefined

  constructor(run: Run, at: number, units: UnitConverter | undefined) {
    this.#run = run
    this.#at = at
    this.#units = units
  }

  has(item: Item): boolean {
    const bucket = this.#buckets.get(bucketOf(item))
    this.#run.spend(1 + (bucket?.length ?? 0), this.#at)
    return bucket?.some((member) => equalItems(member, item, this.#units) === true) ?? false
  }

  /** Whether the item was new. */
  add(item: Item): boolean {
    if (this.has(item)) return false
    const key = bucketOf(item)
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) this.#buckets.set(key, [item])
    else bucket.push(item)
    return true
  }

  addAll(items: Items): this {
    for (const item of items) this.add(item)
    return this
  }
}

export function distinctItems(run: Run, items: Items, at: number, units: UnitConverter | undefined): Items {
  if (items.length < 2) return items
  const seen = new ItemSet(run, at, units)
  return items.filter((item) => seen.add(item))
}

const TIME_BUCKET = Symbol('time')
const QUANTITY_BUCKET = Symbol('quantity')

/** Equal items have the same bucket; the reverse need not hold. */
function bucketOf(item: Item): unknown {
  const value = systemValue(item)
  if (value === undefined) return complexBucket(item as FhirNode)
  if (typeof value === 'string') return temporalFromText(value) === undefined ? `s${value}` : TIME_BUCKET
  if (isNumeric(value)) return `n${toDecimal(value).trimmed().toString()}`
  if (isTemporal(value)) return TIME_BUCKET
  return typeof value === 'boolean' ? value : QUANTITY_BUCKET
}

/** Cheap and coarse: the keys of an object and its first short texts. */
function complexBucket(node: FhirNode): string {
  const value = node.value ?? node.extra
  if (typeof value !== 'object' || value === null) return 'x'
  let key = 'o'
  for (const name of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[name]
    key += `|${name}${typeof member === 'string' ? `=${member}` : ''}`
  }
  return key
}
