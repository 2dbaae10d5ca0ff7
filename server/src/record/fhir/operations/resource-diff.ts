import { isDeepStrictEqual } from 'node:util'
import { fhirPathModel } from '@salus/fhir-model'
import { elementOf } from './element-of.ts'

type Json = Record<string, unknown>

/** An element in JSON: its value, and what its sibling `_name` holds. */
interface Content {
  value: unknown
  extra: unknown
}

interface Element {
  type: string
  list: boolean
  contents: Content[]
}

/** One operation of a FHIRPath Patch, as a parameter. */
interface PatchParameter {
  name: 'operation'
  part: Json[]
}

/**
 * The FHIRPath Patch that makes `to` of `from`, two resources of one type: applied in order it gives exactly `to`, but for what
 * the server itself keeps (id, version, time). http://hl7.org/fhir/R4/fhirpatch.html
 */
export function resourceDiff(from: Json, to: Json): { resourceType: 'Parameters'; parameter?: PatchParameter[] } {
  const operations: PatchParameter[] = []
  const type = String(to.resourceType)
  diffObjects(operations, { path: type, type }, from, to)
  return { resourceType: 'Parameters', ...(operations.length > 0 ? { parameter: operations } : {}) }
}

interface Place {
  path: string
  type: string
}

function diffObjects(into: PatchParameter[], place: Place, from: Json, to: Json): void {
  const before = elementsOf(place.type, from)
  const after = elementsOf(place.type, to)
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(name), after.get(name)]
    if (old && now && old.type === now.type) diffElement(into, place, name, old, now)
    else {
      if (old) remove(into, place, name, old)
      if (now) add(into, place, name, now)
    }
  }
}

function diffElement(into: PatchParameter[], place: Place, name: string, old: Element, now: Element): void {
  const path = `${place.path}.${name}`
  const [a, b] = [old.contents, now.contents]
  if (!now.list) return diffContent(into, { path, type: now.type }, a[0] as Content, b[0] as Content)
  let start = 0
  while (start < a.length && start < b.length && isDeepStrictEqual(a[start], b[start])) start++
  let end = 0
  while (
    end < a.length - start &&
    end < b.length - start &&
    isDeepStrictEqual(a[a.length - 1 - end], b[b.length - 1 - end])
  )
    end++
  const [oldEnd, newEnd] = [a.length - end, b.length - end]
  const both = Math.min(oldEnd, newEnd)
  for (let at = start; at < both; at++)
    diffContent(into, { path: `${path}[${at}]`, type: now.type }, a[at] as Content, b[at] as Content)
  // From the end, so that the places before it stay what they are.
  for (let at = oldEnd - 1; at >= both; at--) into.push(operation('delete', `${path}[${at}]`))
  for (let at = both; at < newEnd; at++)
    into.push(
      operation('insert', path, { name: 'index', valueInteger: at }, valuePart('value', now.type, b[at] as Content)),
    )
}

function diffContent(into: PatchParameter[], place: Place, old: Content, now: Content): void {
  if (isDeepStrictEqual(old, now)) return
  const within = isObject(old.value) && isObject(now.value) && place.type !== 'Resource'
  if (within) diffObjects(into, place, old.value as Json, now.value as Json)
  else into.push(operation('replace', place.path, valuePart('value', place.type, now)))
}

function remove(into: PatchParameter[], place: Place, name: string, { list, contents }: Element): void {
  const path = `${place.path}.${name}`
  if (!list) into.push(operation('delete', path))
  else for (let at = contents.length - 1; at >= 0; at--) into.push(operation('delete', `${path}[${at}]`))
}

function add(into: PatchParameter[], place: Place, name: string, { type, contents }: Element): void {
  for (const content of contents)
    into.push(operation('add', place.path, { name: 'name', valueString: name }, valuePart('value', type, content)))
}

function operation(type: string, path: string, ...parts: Json[]): PatchParameter {
  return { name: 'operation', part: [{ name: 'type', valueCode: type }, { name: 'path', valueString: path }, ...parts] }
}

/** The keys that `Parameters.parameter.value[x]` can have, by type. */
const VALUE_KEYS = new Map(
  (fhirPathModel.child('Parameters.parameter', 'value')?.choiceOf ?? []).map(([key, type]) => [type, key]),
)

/** A value as its type is written in Parameters: whole, as a resource, or part by part where it has no type of its own. */
function valuePart(name: string, type: string, { value, extra }: Content): Json {
  if (type === 'Resource') return { name, resource: value }
  const key = VALUE_KEYS.get(type) ?? (isObject(value) ? undefined : 'valueString')
  if (key === undefined) return { name, part: partsOf(type, value as Json) }
  return {
    name,
    ...(value === undefined ? {} : { [key]: value }),
    ...(extra === undefined ? {} : { [`_${key}`]: extra }),
  }
}

function partsOf(type: string, json: Json): Json[] {
  return [...elementsOf(type, json)].flatMap(([name, element]) =>
    element.contents.map((content) => valuePart(name, element.type, content)),
  )
}

/** The elements of an object by their names, those of a choice by its name without the type. */
function elementsOf(type: string, json: Json): Map<string, Element> {
  const elements = new Map<string, Element>()
  const keys = new Set(Object.keys(json).map((key) => key.replace(/^_/, '')))
  keys.delete('resourceType')
  for (const key of keys) {
    const found = elementOf(type, key)
    if (!found) continue
    const { name, ...element } = found
    const [values, extras] = [json[key], json[`_${key}`]]
    const contents = element.list ? zipped(values, extras) : [{ value: values, extra: extras }]
    elements.set(name, { ...element, contents })
  }
  return elements
}

function zipped(values: unknown, extras: unknown): Content[] {
  const [a, b] = [asList(values), asList(extras)]
  return Array.from({ length: Math.max(a.length, b.length) }, (_, index) => ({
    value: a[index] ?? undefined,
    extra: b[index] ?? undefined,
  }))
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
