import { EMPTY, FhirNode, type Item, isObject, type JsonObject } from './item.ts'
import { Quantity } from './quantity.ts'
import type { Eval, Run } from './run.ts'
import { pushSlot, type Slot, slotOf } from './slot.ts'
import { CHOICE_SUFFIXES, type ChildElement, type TypeModel } from './type-model.ts'

/** Appends the children of one item to `out`. */
type Step = (item: Item, out: Item[], run: Run, at: number) => void

/** The children called `name` of every item of `of`. */
export function memberEval(of: Eval, name: string, model: TypeModel | undefined, at: number): Eval {
  const step = memberStep(name, model)
  return (run, focus) => {
    const items = of(run, focus)
    if (items.length === 0) return EMPTY
    const out: Item[] = []
    for (const item of items) step(item, out, run, at)
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

function memberStep(name: string, model: TypeModel | undefined): Step {
  const guess = untypedStep(name)
  const typed = model === undefined ? guess : modelStep(name, model, guess)
  return (item, out, run, at) => {
    if (item instanceof FhirNode) {
      if (isObject(item.value)) typed(item, out, run, at)
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
  let child: Child | undefined
  return (node, out, run, at) => {
    const { type } = node
    if (type === '') return guess(node, out, run, at)
    if (type !== lastType) {
      lastType = type
      child = childSlots(model.child(type, name), name)
    }
    if (child !== undefined) child(node.value as JsonObject, out, run, at)
    else if (type === TYPE_INFO) pushTypeInfo(node, name, out)
  }
}

type Child = (json: JsonObject, out: Item[], run: Run, at: number) => void

function childSlots(child: ChildElement | undefined, name: string): Child | undefined {
  if (child === undefined) return undefined
  if (child.choiceOf !== undefined)
    return choice(
      child.choiceOf.map(([key, type]) => slotOf(key, type)),
      name,
    )
  const slot = slotOf(name, child.type)
  return (json, out) => {
    pushSlot(json, slot, out)
  }
}

/** Up to this many keys of a choice are tried one by one; for more, going through the keys of the object is quicker. */
const TRIED_KEYS_MAX = 6

/** Only one key of a choice can be there. In what is not valid the first counts, by the definition or by the JSON. */
function choice(slots: readonly Slot[], name: string): Child {
  if (slots.length > TRIED_KEYS_MAX) return choiceByKeys(new Map(slots.map((slot) => [slot.key, slot])), name)
  return (json, out) => {
    for (const slot of slots) if (pushSlot(json, slot, out)) return
  }
}

function choiceByKeys(slots: ReadonlyMap<string, Slot>, name: string): Child {
  const extraName = `_${name}`
  return (json, out, run, at) => {
    let found: Slot | undefined
    let keys = 0
    // To the end also when found: the engine lists all keys before the first, so that is what is paid for.
    for (const key in json) {
      keys += 1
      if (found !== undefined) continue
      if (key.startsWith(name)) found = slots.get(key)
      else if (key.startsWith(extraName)) found = slots.get(key.slice(1))
    }
    if (keys > 64) run.spend(keys >> 2, at)
    if (found !== undefined) pushSlot(json, found, out)
  }
}

/** The type of what `type()` answers: its members are System values. */
export const TYPE_INFO = 'System.TypeInfo'

function pushTypeInfo({ value }: FhirNode, name: string, out: Item[]): void {
  const member = (value as Partial<Record<string, string>>)[name]
  if (member !== undefined && (name === 'name' || name === 'namespace')) out.push(member)
}

type NodeStep = (node: FhirNode, out: Item[], run: Run, at: number) => void

/** Without a model: the key itself, else a key that is the name followed by the name of a type. */
function untypedStep(name: string): NodeStep {
  const slot = slotOf(name, '')
  let guess: Child | undefined
  return (node, out, run, at) => {
    const json = node.value as JsonObject
    if (pushSlot(json, slot, out)) return
    guess ??= choice(
      [...CHOICE_SUFFIXES].map(([suffix, type]) => slotOf(name + suffix, type)),
      name,
    )
    guess(json, out, run, at)
  }
}

/** `id` and `extension` of a primitive live in its JSON sibling. */
function extraStep(node: FhirNode, name: string, out: Item[]): void {
  if (isObject(node.extra)) pushSlot(node.extra, name === 'extension' ? EXTENSION : ID, out)
}

const EXTENSION = slotOf('extension', 'Extension')
const ID = slotOf('id', 'string')
