import { isObject, type JsonObject } from './item.ts'
import type { Place } from './patch-locate.ts'
import { objectOf } from './patch-locate.ts'

/** The JSON of an element: its value and what its sibling `_name` holds. */
export interface Content {
  value: unknown
  extra: unknown
}

/** Sets an element that does not repeat, or the only entry of its key. */
export function setContent(json: JsonObject, key: string, { value, extra }: Content): void {
  setOrDelete(json, key, value)
  setOrDelete(json, `_${key}`, extra)
}

/** Puts content into a list at `index`, moving what follows; the list is made where there is none. */
export function insertContent(json: JsonObject, key: string, index: number, { value, extra }: Content): void {
  const list = readList(json, key)
  list.splice(index, 0, { value, extra })
  writeList(json, key, list)
}

/** Replaces the entry of a list. */
export function replaceEntry(json: JsonObject, key: string, index: number, content: Content): void {
  const list = readList(json, key)
  list[index] = content
  writeList(json, key, list)
}

export function moveEntry(json: JsonObject, key: string, from: number, to: number): void {
  const list = readList(json, key)
  list.splice(to, 0, ...list.splice(from, 1))
  writeList(json, key, list)
}

/** How many entries a list has; the values and their extensions share positions. */
export function listLength(json: JsonObject, key: string): number {
  return readList(json, key).length
}

/** Removes an element, and each object around it that is empty then: FHIR knows no empty elements. */
export function removePlace(place: Place): void {
  const { parent, key, index } = place
  const json = parent === null ? undefined : objectOf(parent.node)
  if (parent === null || json === undefined) return
  if (index < 0) setContent(json, key, { value: undefined, extra: undefined })
  else {
    const list = readList(json, key)
    list.splice(index, 1)
    writeList(json, key, list)
  }
  if (Object.keys(json).length > 0) return
  // The sibling of a primitive goes alone: its value stays.
  if (isObject(parent.node.value)) removePlace(parent)
  else removeExtra(parent)
}

function removeExtra(place: Place): void {
  const json = place.parent === null ? undefined : objectOf(place.parent.node)
  if (json === undefined) return
  if (place.node.value === undefined) return removePlace(place)
  if (place.index < 0) delete json[`_${place.key}`]
  else replaceEntry(json, place.key, place.index, { value: place.node.value, extra: undefined })
}

function readList(json: JsonObject, key: string): Content[] {
  const values = asList(json, key)
  const extras = asList(json, `_${key}`)
  return Array.from({ length: Math.max(values.length, extras.length) }, (_, i) => ({
    value: values[i] ?? undefined,
    extra: extras[i] ?? undefined,
  }))
}

function asList(json: JsonObject, key: string): unknown[] {
  const value = Object.hasOwn(json, key) ? json[key] : undefined
  return Array.isArray(value) ? value : value === undefined ? [] : [value]
}

function writeList(json: JsonObject, key: string, list: Content[]): void {
  setOrDelete(json, key, aligned(list.map((entry) => entry.value)))
  setOrDelete(json, `_${key}`, aligned(list.map((entry) => entry.extra)))
}

/** A list of JSON with null where an entry is only in its sibling; undefined where nothing is left. */
function aligned(list: unknown[]): unknown[] | undefined {
  return list.every((value) => value === undefined) ? undefined : list.map((value) => value ?? null)
}

function setOrDelete(json: JsonObject, key: string, value: unknown): void {
  if (value === undefined) delete json[key]
  else json[key] = value
}
