import { FhirNode, type Item, type Items, isObject } from './item.ts'
import { pushSlot, type Slot, slotOf } from './slot.ts'
import { CHOICE_SUFFIXES, type TypeModel } from './type-model.ts'

/** All children of an item, in the order of its JSON. */
export function pushChildren(item: Item, model: TypeModel | undefined, out: Item[]): void {
  if (!(item instanceof FhirNode)) return
  const { value, type, extra } = item
  const json = isObject(value) ? value : extra
  if (!isObject(json)) return
  const slots = model === undefined || type === '' || json !== value ? undefined : slotsOf(model)
  const known = slots?.get(type)
  for (const key of Object.keys(json)) {
    if (key === 'resourceType') continue
    const bare = key.startsWith('_') ? key.slice(1) : key
    if (bare !== key && Object.hasOwn(json, bare)) continue
    pushSlot(json, known?.get(bare) ?? newSlot(item, bare, model, slots), out)
  }
}

type KnownSlots = Map<string, Map<string, Slot>>

/** The slots that were met so far, by type and JSON key. */
const KNOWN_SLOTS = new WeakMap<TypeModel, KnownSlots>()

function slotsOf(model: TypeModel): KnownSlots {
  let slots = KNOWN_SLOTS.get(model)
  if (slots === undefined) KNOWN_SLOTS.set(model, (slots = new Map()))
  return slots
}

/** Only what the model knows is kept: the names in hostile input have no end. */
function newSlot(node: FhirNode, key: string, model: TypeModel | undefined, slots: KnownSlots | undefined): Slot {
  const slot = slotOf(key, childType(node, key, model))
  if (slots === undefined || slot.type === '') return slot
  const ofType = slots.get(node.type) ?? new Map<string, Slot>()
  slots.set(node.type, ofType.set(key, slot))
  return slot
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
