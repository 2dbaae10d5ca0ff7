import { EMPTY, FhirNode, type Item, type Items, isObject, type JsonObject, toNode } from './item.ts'
import { Quantity } from './quantity.ts'
import type { Eval } from './run.ts'
import { CHOICE_SUFFIXES, type ChildElement, type TypeModel } from './type-model.ts'

/** Appends the children of one item to `out`. */
type Step = (item: Item, out: Item[]) => void

/** The children called `name` of every item of `of`. */
export function memberEval(of: Eval, name: string, model: TypeModel | undefined, at: number): Eval {
  const step = memberStep(name, model)
  return (run, focus) => {
    const items = of(run, focus)
    if (items.length === 0) return EMPTY
    const out: Item[] = []
    for (const item of items) step(item, out)
    run.spend(items.length + out.length, at)
    return out
  }
}

/**
 * The start of a path: a child of the focus, or the focus itself where the name is its type (`Patient.name`, and
 * `Resource.id` or `DomainResource.text` on any resource).
 */
export function startEval(name: string, model: TypeModel | undefined, at: number): Eval {
  const child = memberEval((_run, focus) => focus, name, model, at)
  if (!/^[A-Z]/.test(name)) return child
  return (run, focus) => {
    const first = focus[0]
    return first !== undefined && isOfNamedType(first, name, model) ? focus.slice() : child(run, focus)
  }
}

function isOfNamedType(item: Item, name: string, model: TypeModel | undefined): boolean {
  if (!(item instanceof FhirNode)) return false
  if (item.type === name) return true
  if (name === 'Resource' || name === 'DomainResource') return isObject(item.value) && 'resourceType' in item.value
  return item.type !== '' && model !== undefined && model.isSubtype(item.type, name)
}

export function memberStep(name: string, model: TypeModel | undefined): Step {
  const guess = untypedStep(name)
  const typed = model === undefined ? guess : modelStep(name, model, guess)
  return (item, out) => {
    if (item instanceof FhirNode) {
      if (isObject(item.value)) typed(item, out)
      else if (name === 'id' || name === 'extension') extraStep(item, name, out)
    } else if (item instanceof Quantity) {
      if (name === 'value') out.push(item.value)
      else if (name === 'unit') out.push(item.unit)
    }
  }
}

/** Remembers what the model said of the last type: a step nearly always meets one type only. */
function modelStep(name: string, model: TypeModel, guess: NodeStep): NodeStep {
  let lastType = ''
  let child: ChildElement | undefined
  let choices: ReadonlyMap<string, string> | undefined
  return (node, out) => {
    const { type } = node
    if (type === '') return guess(node, out)
    if (type !== lastType) {
      lastType = type
      child = model.child(type, name)
      choices = child?.choiceOf && new Map(child.choiceOf)
    }
    if (child === undefined) return type === TYPE_INFO ? pushTypeInfo(node, name, out) : undefined
    const json = node.value as JsonObject
    if (choices === undefined) pushKey(json, name, child.type, out)
    else pushChoice(json, name, choices, out)
  }
}

/** The type of what `type()` answers: its members are System values. */
export const TYPE_INFO = 'System.TypeInfo'

function pushTypeInfo({ value }: FhirNode, name: string, out: Item[]): void {
  const member = (value as Partial<Record<string, string>>)[name]
  if (member !== undefined && (name === 'name' || name === 'namespace')) out.push(member)
}

type NodeStep = (node: FhirNode, out: Item[]) => void

/** Without a model: the key itself, else a key that is the name followed by the name of a type. */
function untypedStep(name: string): NodeStep {
  return (node, out) => {
    const json = node.value as JsonObject
    if (Object.hasOwn(json, name) || Object.hasOwn(json, `_${name}`)) pushKey(json, name, '', out)
    else pushGuessedChoice(json, name, out)
  }
}

function pushGuessedChoice(json: JsonObject, name: string, out: Item[]): void {
  for (const key in json) {
    const bare = key.startsWith('_') ? key.slice(1) : key
    if (!bare.startsWith(name)) continue
    const type = CHOICE_SUFFIXES.get(bare.slice(name.length))
    if (type !== undefined && (bare === key || !Object.hasOwn(json, bare))) return pushKey(json, bare, type, out)
  }
}

function pushChoice(json: JsonObject, name: string, choices: ReadonlyMap<string, string>, out: Item[]): void {
  for (const key in json) {
    const bare = key.startsWith('_') ? key.slice(1) : key
    if (!bare.startsWith(name)) continue
    const type = choices.get(bare)
    if (type !== undefined && (bare === key || !Object.hasOwn(json, bare))) return pushKey(json, bare, type, out)
  }
}

/** Own properties only: a path such as `constructor` must not reach what JavaScript adds to every object. */
function pushKey(json: JsonObject, key: string, type: string, out: Item[]): void {
  const value = Object.hasOwn(json, key) ? json[key] : undefined
  const extraKey = `_${key}`
  const extra = Object.hasOwn(json, extraKey) ? json[extraKey] : undefined
  if (Array.isArray(value)) pushList(value, extra, type, out)
  else if (value === undefined && Array.isArray(extra)) pushList([], extra, type, out)
  else if ((value !== undefined && value !== null) || extra !== undefined) {
    out.push(toNode(value ?? undefined, type, extra))
  }
}

function pushList(values: unknown[], extra: unknown, type: string, out: Item[]): void {
  const extras: unknown[] = Array.isArray(extra) ? extra : []
  const length = Math.max(values.length, extras.length)
  for (let i = 0; i < length; i++) {
    const value = values[i] ?? undefined
    const own = extras[i] ?? undefined
    if (value !== undefined || own !== undefined) out.push(toNode(value, type, own))
  }
}

/** `id` and `extension` of a primitive live in its JSON sibling. */
function extraStep(node: FhirNode, name: string, out: Item[]): void {
  if (isObject(node.extra)) pushKey(node.extra, name, name === 'extension' ? 'Extension' : 'string', out)
}

/** All children of an item, in the order of its JSON. */
export function pushChildren(item: Item, model: TypeModel | undefined, out: Item[]): void {
  if (!(item instanceof FhirNode)) return
  const json = isObject(item.value) ? item.value : item.extra
  if (!isObject(json)) return
  for (const key of Object.keys(json)) {
    if (key === 'resourceType') continue
    if (!key.startsWith('_')) pushKey(json, key, childType(item, key, model), out)
    else if (!Object.hasOwn(json, key.slice(1))) pushKey(json, key.slice(1), childType(item, key.slice(1), model), out)
  }
}

/** The type of the element a JSON key belongs to; for a choice the key names the type. */
export function childType(node: FhirNode, key: string, model: TypeModel | undefined): string {
  if (!isObject(node.value)) return key === 'extension' ? 'Extension' : 'string'
  const direct = node.type === '' ? undefined : model?.child(node.type, key)
  if (direct !== undefined) return direct.type
  for (let end = key.length - 1; end > 0; end--) {
    if (!/[A-Z]/.test(key.charAt(end))) continue
    const type = CHOICE_SUFFIXES.get(key.slice(end))
    if (type === undefined) continue
    if (model === undefined || node.type === '') return type
    const choice = model.child(node.type, key.slice(0, end))?.choiceOf?.find(([jsonKey]) => jsonKey === key)
    if (choice !== undefined) return choice[1]
  }
  return ''
}

/** Extensions of an element or a primitive with the given URL. */
export function pushExtensions(item: Item, url: string, out: Item[]): void {
  if (!(item instanceof FhirNode)) return
  const json = isObject(item.value) ? item.value : item.extra
  if (!isObject(json) || !Array.isArray(json.extension)) return
  for (const extension of json.extension) {
    if (isObject(extension) && extension.url === url) out.push(new FhirNode(extension, 'Extension'))
  }
}

export function allChildren(items: Items, model: TypeModel | undefined): Item[] {
  const out: Item[] = []
  for (const item of items) pushChildren(item, model, out)
  return out
}
