import { equalItems, isNumeric, temporalFromText, toDecimal } from './equality.ts'
import { type FhirNode, type Item, type Items, isTemporal, systemValue } from './item.ts'
import type { Run, Site } from './run.ts'

/**
 * A growing set of items under `=`. Items are sorted into buckets by a text that equal items share, so that a
 * thousand codes need a thousand comparisons and not a million.
 */
export class ItemSet {
  readonly #buckets = new Map<unknown, Item[]>()
  readonly #run: Run
  readonly #site: Site

  constructor(run: Run, site: Site) {
    this.#run = run
    this.#site = site
  }

  has(item: Item): boolean {
    return this.#isIn(this.#buckets.get(bucketOf(this.#run, item, this.#site.at)), item)
  }

  /** Whether the item was new. */
  add(item: Item): boolean {
    const key = bucketOf(this.#run, item, this.#site.at)
    const bucket = this.#buckets.get(key)
    if (this.#isIn(bucket, item)) return false
    if (bucket === undefined) this.#buckets.set(key, [item])
    else bucket.push(item)
    return true
  }

  #isIn(bucket: Item[] | undefined, item: Item): boolean {
    this.#run.spend(1 + (bucket?.length ?? 0), this.#site.at)
    return bucket?.some((member) => equalItems(this.#run, member, item, this.#site) === true) ?? false
  }

  addAll(items: Items): this {
    for (const item of items) this.add(item)
    return this
  }
}

export function distinctItems(run: Run, items: Items, site: Site): Items {
  if (items.length < 2) return items
  const seen = new ItemSet(run, site)
  return items.filter((item) => seen.add(item))
}

const TIME_BUCKET = Symbol('time')
const QUANTITY_BUCKET = Symbol('quantity')

/** Equal items have the same bucket; the reverse need not hold. */
function bucketOf(run: Run, item: Item, at: number): unknown {
  const value = systemValue(item)
  if (value === undefined) return complexBucket(run, item as FhirNode, at)
  if (typeof value === 'string') {
    if (value.length > 64) run.spendText(value.length, at)
    return temporalFromText(value) === undefined ? `s${value}` : TIME_BUCKET
  }
  if (isNumeric(value)) return `n${toDecimal(value).trimmed().toString()}`
  if (isTemporal(value)) return TIME_BUCKET
  return typeof value === 'boolean' ? value : QUANTITY_BUCKET
}

/** Members and characters of a text that a bucket looks at: enough to tell most apart, and a bound on the work. */
const BUCKET_KEYS = 8
const BUCKET_CHARS = 32

/** Cheap and coarse: the first keys of an object, in an order of their own, and the beginnings of its texts. */
function complexBucket(run: Run, node: FhirNode, at: number): string {
  const value = node.value ?? node.extra
  if (typeof value !== 'object' || value === null) return 'x'
  const names = Object.keys(value).sort()
  run.spend(names.length, at)
  let key = 'o'
  for (const name of names.slice(0, BUCKET_KEYS)) {
    const member = (value as Record<string, unknown>)[name]
    key += `|${name}`
    if (typeof member === 'string') key += `=${member.slice(0, BUCKET_CHARS)}`
    else if (typeof member === 'number' || typeof member === 'boolean') key += `=${member}`
  }
  return key
}
