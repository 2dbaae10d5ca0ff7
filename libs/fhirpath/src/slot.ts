import { FhirNode, type Item, type JsonObject, toNode } from './item.ts'

/** A place in a JSON object where one element stands: its key, that of its sibling for primitives, and its FHIR type. */
export interface Slot {
  readonly key: string
  /** `_key`, which holds the id and the extensions of a primitive; undefined where the type is not primitive. */
  readonly extraKey: string | undefined
  readonly type: string
  /** The type is not that of a resource, so what stands here need not be asked for its own. */
  readonly closed: boolean
  /** Neither key is one that JavaScript gives to every object, so it can be read as it is. */
  readonly safe: boolean
}

export function slotOf(key: string, type: string): Slot {
  const extraKey = /^[A-Z]/.test(type) ? undefined : `_${key}`
  const closed = type !== '' && type !== 'Resource' && type !== 'DomainResource'
  return { key, extraKey, type, closed, safe: !(key in {}) && !(`_${key}` in {}) }
}

/** Appends what stands in a slot to `out`; whether there was anything. */
export function pushSlot(json: JsonObject, slot: Slot, out: Item[]): boolean {
  const value = slot.safe ? json[slot.key] : own(json, slot.key)
  const { extraKey } = slot
  const extra = extraKey === undefined ? undefined : slot.safe ? json[extraKey] : own(json, extraKey)
  if (value === undefined && extra === undefined) return false
  if (Array.isArray(value)) return pushList(value, extra, slot, out)
  if (value === undefined && Array.isArray(extra)) return pushList([], extra, slot, out)
  if (value === null && extra === undefined) return true
  out.push(nodeIn(slot, value ?? undefined, extra))
  return true
}

function nodeIn({ closed, type }: Slot, value: unknown, extra: unknown): FhirNode {
  return closed ? new FhirNode(value, type, extra) : toNode(value, type, extra)
}

/** Own properties only: a path such as `constructor` must not reach what JavaScript adds to every object. */
function own(json: JsonObject, key: string): unknown {
  return Object.hasOwn(json, key) ? json[key] : undefined
}

function pushList(values: unknown[], extra: unknown, slot: Slot, out: Item[]): boolean {
  if (!Array.isArray(extra)) {
    for (const value of values) if (value !== null && value !== undefined) out.push(nodeIn(slot, value, undefined))
    return true
  }
  const extras: unknown[] = extra
  const length = Math.max(values.length, extras.length)
  for (let i = 0; i < length; i++) {
    const value = values[i] ?? undefined
    const own = extras[i] ?? undefined
    if (value !== undefined || own !== undefined) out.push(nodeIn(slot, value, own))
  }
  return true
}
