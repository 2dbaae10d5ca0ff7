import type { JsonObject } from './item.ts'
import { type Content, insertContent, setContent } from './patch-edit.ts'
import { FhirPathPatchError } from './patch-error.ts'
import type { PatchOperation, PatchValue } from './patch-operation.ts'
import type { TypeModel } from './type-model.ts'

/** Where a value goes: the key it has in JSON, the type it then has, and whether the element repeats. */
export interface Slot {
  key: string
  type: string
  list: boolean
}

/**
 * The slot of element `name` in a parent of type `parentType` for a value: a choice element takes its key from the
 * type of the value. Without a model (or for a type it does not know) the name is the key and nothing repeats.
 */
export function slotFor(
  parentType: string,
  name: string,
  value: PatchValue | undefined,
  operation: PatchOperation,
  model: TypeModel | undefined,
): Slot {
  if (model === undefined || parentType === '') return { key: name, type: '', list: false }
  const child = model.child(parentType, name)
  if (child === undefined) throw refused('forbidden-name', 'the type has no element of this name', operation)
  const { choiceOf, type, list } = child
  if (choiceOf === undefined) return { key: name, type, list }
  if (value?.kind !== 'value') throw refused('bad-value', 'the element needs a value of one of its types', operation)
  const wanted = (name + value.suffix).toLowerCase()
  const choice = choiceOf.find(([key]) => key.toLowerCase() === wanted)
  if (choice === undefined) throw refused('bad-value', 'the element cannot have a value of this type', operation)
  return { key: choice[0], type: choice[1], list }
}

/** The JSON of a value that goes into a slot of type `type`. */
export function contentOf(
  value: PatchValue,
  type: string,
  operation: PatchOperation,
  model: TypeModel | undefined,
): Content {
  // A copy each time: one operation may write its value, and a later one edit it.
  if (value.kind === 'value') return structuredClone({ value: value.value, extra: value.extra })
  if (value.kind === 'resource') return { value: structuredClone(value.value), extra: undefined }
  const json: JsonObject = {}
  const seen = new Set<string>()
  const repeated = new Set(value.parts.map(({ name }) => name).filter((name) => seen.size === seen.add(name).size))
  for (const part of value.parts) {
    const slot = slotFor(type, part.name, part.value, operation, model)
    const content = contentOf(part.value, slot.type, operation, model)
    const list = slot.list || (model === undefined && repeated.has(part.name))
    if (list) insertContent(json, slot.key, Number.POSITIVE_INFINITY, content)
    else if (repeated.has(part.name)) throw refused('bad-value', 'a part is given twice', operation)
    else setContent(json, slot.key, content)
  }
  return { value: json, extra: undefined }
}

function refused(code: FhirPathPatchError['code'], message: string, operation: PatchOperation): FhirPathPatchError {
  return new FhirPathPatchError(code, message, operation.position)
}
