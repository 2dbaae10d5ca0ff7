import { fhirPathModel } from '@salus/fhir-model'
import { type Fault, raise } from '#kernel'
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

/** Changes of one answer: beyond that, two resources have little in common. */
const OPERATIONS_MAX = 10_000
/** Values and objects that these may carry together: each is written in some microseconds. */
const VALUES_MAX = 100_000
/** Pairs of values compared between two looks at the clock. */
const COMPARED_PER_TURN = 1_000

/** One comparison: what it found, and what it may still do. */
interface Diff {
  operations: PatchParameter[]
  values: number
  compared: number
  turn(): Promise<void> | undefined
}

/**
 * The FHIRPath Patch that makes `to` of `from`, two resources of one type: applied in order it gives exactly `to`, but for what
 * the server itself keeps (id, version, time). http://hl7.org/fhir/R4/fhirpatch.html. `turn` is awaited between elements. Fault
 * `fhir.diff.too-many` beyond 10,000 operations or 100,000 values in them.
 */
export async function resourceDiff(
  from: Json,
  to: Json,
  turn: () => Promise<void> | undefined,
): Promise<{ resourceType: 'Parameters'; parameter?: PatchParameter[] }> {
  const diff: Diff = { operations: [], values: 0, compared: 0, turn }
  const type = String(to.resourceType)
  await diffObjects(diff, { path: type, type }, from, to)
  const { operations } = diff
  return { resourceType: 'Parameters', ...(operations.length > 0 ? { parameter: operations } : {}) }
}

interface Place {
  path: string
  type: string
}

async function diffObjects(diff: Diff, place: Place, from: Json, to: Json): Promise<void> {
  await diff.turn()
  const before = elementsOf(place.type, from)
  const after = elementsOf(place.type, to)
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(name), after.get(name)]
    if (old && now && old.type === now.type) await diffElement(diff, place, name, old, now)
    else {
      if (old) remove(diff, place, name, old)
      if (now) add(diff, place, name, now)
    }
  }
}

async function diffElement(diff: Diff, place: Place, name: string, old: Element, now: Element): Promise<void> {
  const path = `${place.path}.${name}`
  const [a, b] = [old.contents, now.contents]
  if (!now.list) return diffContent(diff, { path, type: now.type }, a[0] as Content, b[0] as Content)
  let start = 0
  while (start < a.length && start < b.length && (await isSame(diff, a[start], b[start]))) start++
  let end = 0
  while (
    end < a.length - start &&
    end < b.length - start &&
    (await isSame(diff, a[a.length - 1 - end], b[b.length - 1 - end]))
  )
    end++
  const [oldEnd, newEnd] = [a.length - end, b.length - end]
  const both = Math.min(oldEnd, newEnd)
  for (let at = start; at < both; at++)
    await diffContent(diff, { path: `${path}[${at}]`, type: now.type }, a[at] as Content, b[at] as Content)
  // From the end, so that the places before it stay what they are.
  for (let at = oldEnd - 1; at >= both; at--) push(diff, 'delete', `${path}[${at}]`)
  for (let at = both; at < newEnd; at++) {
    await diff.turn()
    push(diff, 'insert', path, { type: now.type, content: b[at] as Content }, { name: 'index', valueInteger: at })
  }
}

async function diffContent(diff: Diff, place: Place, old: Content, now: Content): Promise<void> {
  const within = isObject(old.value) && isObject(now.value) && place.type !== 'Resource'
  if (within) await diffObjects(diff, place, old.value as Json, now.value as Json)
  else if (!(await isSame(diff, old, now))) push(diff, 'replace', place.path, { type: place.type, content: now })
}

/** Whether two values are the same JSON; without recursion, so that others get their turn within a large one too. */
async function isSame(diff: Diff, first: unknown, second: unknown): Promise<boolean> {
  const open: [unknown, unknown][] = [[first, second]]
  for (let pair = open.pop(); pair; pair = open.pop()) {
    if (++diff.compared % COMPARED_PER_TURN === 0) await diff.turn()
    const [a, b] = pair
    if (a === b) continue
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
    const keys = Object.keys(a)
    if (Array.isArray(a) !== Array.isArray(b) || keys.length !== Object.keys(b).length) return false
    for (const key of keys) {
      if (!Object.hasOwn(b, key)) return false
      open.push([(a as Json)[key], (b as Json)[key]])
    }
  }
  return true
}

function remove(diff: Diff, place: Place, name: string, { list, contents }: Element): void {
  const path = `${place.path}.${name}`
  if (!list) push(diff, 'delete', path)
  else for (let at = contents.length - 1; at >= 0; at--) push(diff, 'delete', `${path}[${at}]`)
}

function add(diff: Diff, place: Place, name: string, { type, contents }: Element): void {
  for (const content of contents) push(diff, 'add', place.path, { type, content }, { name: 'name', valueString: name })
}

/** One more operation; `value` is what it puts there. */
function push(
  diff: Diff,
  kind: string,
  path: string,
  value?: { type: string; content: Content },
  ...parts: Json[]
): void {
  if (value) diff.values += valuesIn(value.content, VALUES_MAX - diff.values)
  if (diff.operations.length >= OPERATIONS_MAX || diff.values > VALUES_MAX) raise(TOO_MANY)
  const told = [{ name: 'type', valueCode: kind }, { name: 'path', valueString: path }, ...parts]
  const last = value ? [valuePart('value', value.type, value.content)] : []
  diff.operations.push({ name: 'operation', part: [...told, ...last] })
}

/** Objects, lists and values within a value; counts no further than one beyond `most`. */
function valuesIn(value: unknown, most: number): number {
  const open: unknown[] = [value]
  let found = 0
  while (open.length > 0 && found <= most) {
    const one = open.pop()
    found++
    if (typeof one === 'object' && one !== null) for (const child of Object.values(one)) open.push(child)
  }
  return found
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

const TOO_MANY: Fault = {
  category: 'too-costly',
  code: 'fhir.diff.too-many',
  message: `The two differ in more than ${OPERATIONS_MAX} places, or by more than ${VALUES_MAX} values. Read both versions instead.`,
}
