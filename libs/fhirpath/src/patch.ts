import type { Expression } from './ast.ts'
import { FhirPathError } from './fhirpath-error.ts'
import { isObject, type JsonObject, toNode } from './item.ts'
import { parse } from './parser.ts'
import { contentOf, type Slot, slotFor } from './patch-content.ts'
import { insertContent, listLength, moveEntry, removePlace, replaceEntry, setContent } from './patch-edit.ts'
import { FhirPathPatchError, type FhirPathPatchErrorCode } from './patch-error.ts'
import { childPlaces, type LocateContext, locate, objectOf, type Place } from './patch-locate.ts'
import { type PatchOperation, type PatchValue, readOperations } from './patch-operation.ts'
import { Run } from './run.ts'
import type { TypeModel } from './type-model.ts'

/** What a patch may know of FHIR's types. */
export interface PatchOptions {
  /**
   * Types of elements. Without it, an element that is not there yet is taken not to repeat, and a choice element
   * has to be named as in JSON: give a model wherever clients send patches.
   */
  model?: TypeModel
  /** Steps the paths of all operations may take together; default as for `Environment.steps`. */
  steps?: number
}

/**
 * Applies a FHIRPath Patch (http://hl7.org/fhir/R4/fhirpatch.html) and answers the new resource. Pure: neither
 * argument is changed, and the result shares no object with them. The operations apply in order, all or none.
 * The result is not validated, and may have another `id`: both are the caller's business.
 * Throws `FhirPathPatchError`.
 */
export function applyFhirPathPatch<T extends object>(resource: T, parameters: unknown, options: PatchOptions = {}): T {
  const operations = readOperations(parameters)
  const result = structuredClone(resource)
  if (!isObject(result)) throw new FhirPathPatchError('bad-parameters', 'the resource to patch is no object', -1)
  const root: Place = { node: toNode(result, ''), parent: null, name: '', key: '', index: -1 }
  const run = new Run(options.steps === undefined ? {} : { steps: options.steps }, [root.node])
  const patcher = new Patcher({ root, run, model: options.model })
  for (const operation of operations) patcher.apply(operation)
  return result
}

class Patcher {
  readonly #context: LocateContext
  readonly #model: TypeModel | undefined

  constructor(context: LocateContext) {
    this.#context = context
    this.#model = context.model
  }

  apply(operation: PatchOperation): void {
    try {
      this.#dispatch(operation, parse(operation.path))
    } catch (error) {
      if (!(error instanceof FhirPathError)) throw error
      const code = error.code === 'limit' ? 'limit' : 'bad-path'
      throw refused(code, `the path cannot be followed (position ${error.position})`, operation)
    }
  }

  #dispatch(operation: PatchOperation, path: Expression): void {
    switch (operation.type) {
      case 'add':
        return this.#add(operation, path)
      case 'insert':
        return this.#insert(operation, path)
      case 'delete':
        return this.#delete(operation, path)
      case 'replace':
        return this.#replace(operation, path)
      case 'move':
        return this.#move(operation, path)
    }
  }

  #add(operation: PatchOperation, path: Expression): void {
    const parent = this.#single(operation, path)
    const name = operation.name as string
    const value = operation.value as PatchValue
    const existing = childPlaces(parent, name, this.#model)
    const slot = this.#slot(operation, parent, name, value)
    const content = contentOf(value, slot.type, operation, this.#model)
    const json = this.#objectFor(parent, operation)
    if (slot.list || existing.some((place) => place.index >= 0)) {
      insertContent(json, slot.key, Number.POSITIVE_INFINITY, content)
    } else if (existing.length > 0) {
      throw refused('already-exists', 'the element is there and cannot repeat', operation)
    } else setContent(json, slot.key, content)
  }

  #insert(operation: PatchOperation, path: Expression): void {
    const { parent, name } = this.#list(operation, path)
    const slot = this.#slot(operation, parent, name, operation.value)
    const json = this.#objectFor(parent, operation)
    const index = this.#index(operation, 'index', listLength(json, slot.key) + 1)
    if (this.#model !== undefined && parent.node.type !== '' && !slot.list) {
      throw refused('bad-path', 'the path names no list', operation)
    }
    const content = contentOf(operation.value as PatchValue, slot.type, operation, this.#model)
    insertContent(json, slot.key, index, content)
  }

  #delete(operation: PatchOperation, path: Expression): void {
    const places = locate(path, this.#context)
    // Deleting what is not there is no error: http://hl7.org/fhir/R4/fhirpatch.html.
    if (places.length === 0) return
    if (places.length > 1) throw refused('path-not-single', 'the path finds several elements', operation)
    const place = places[0] as Place
    if (place.parent === null) throw refused('bad-path', 'the resource itself cannot be deleted', operation)
    removePlace(place)
  }

  #replace(operation: PatchOperation, path: Expression): void {
    const place = this.#single(operation, path)
    const { parent, key, index } = place
    const json = parent === null ? undefined : objectOf(parent.node)
    if (parent === null || json === undefined) {
      throw refused('bad-path', 'the resource itself cannot be replaced', operation)
    }
    const value = operation.value as PatchValue
    const slot = this.#slotOf(operation, place, parent, value)
    const content = contentOf(value, slot.type, operation, this.#model)
    if (index >= 0) return replaceEntry(json, key, index, content)
    if (slot.key !== key) setContent(json, key, { value: undefined, extra: undefined })
    setContent(json, slot.key, content)
  }

  #move(operation: PatchOperation, path: Expression): void {
    const { parent, name } = this.#list(operation, path)
    const key = childPlaces(parent, name, this.#model)[0]?.key
    if (key === undefined) throw refused('path-not-found', 'the path finds nothing', operation)
    const json = this.#objectFor(parent, operation)
    const length = listLength(json, key)
    moveEntry(json, key, this.#index(operation, 'source', length), this.#index(operation, 'destination', length))
  }

  #single(operation: PatchOperation, path: Expression): Place {
    const places = locate(path, this.#context)
    if (places.length === 0) throw refused('path-not-found', 'the path finds nothing', operation)
    if (places.length > 1) throw refused('path-not-single', 'the path finds several elements', operation)
    return places[0] as Place
  }

  /** `insert` and `move` work on a whole list, so their path ends with the name of an element. */
  #list(operation: PatchOperation, path: Expression): { parent: Place; name: string } {
    if (path.kind !== 'member') throw refused('bad-path', 'the path has to end with the name of a list', operation)
    const { of, name } = path
    return { parent: of === null ? this.#context.root : this.#single(operation, of), name }
  }

  #index(operation: PatchOperation, part: 'index' | 'source' | 'destination', end: number): number {
    const index = operation[part] as number
    if (index < 0 || index >= end) throw refused('bad-index', `${part} lies outside of the list`, operation)
    return index
  }

  #slot(operation: PatchOperation, parent: Place, name: string, value: PatchValue | undefined): Slot {
    if (isObject(parent.node.value)) return slotFor(parent.node.type, name, value, operation, this.#model)
    if (name === 'extension') return { key: name, type: 'Extension', list: true }
    if (name === 'id') return { key: name, type: 'string', list: false }
    throw refused('forbidden-name', 'a primitive has only an id and extensions', operation)
  }

  /** Of an element that is there. A choice element found without a model changes its key with its type too. */
  #slotOf(operation: PatchOperation, place: Place, parent: Place, value: PatchValue): Slot {
    if (this.#model !== undefined && parent.node.type !== '') return this.#slot(operation, parent, place.name, value)
    const isChoice = place.key !== place.name
    const key = isChoice && value.kind === 'value' ? place.name + value.suffix : place.key
    return { key, type: place.node.type, list: place.index >= 0 }
  }

  /** The object an element's children go into; made for a primitive that has no extensions yet. */
  #objectFor(place: Place, operation: PatchOperation): JsonObject {
    const json = objectOf(place.node)
    if (json !== undefined) return json
    const holder = place.parent === null ? undefined : objectOf(place.parent.node)
    if (holder === undefined) throw refused('bad-path', 'nothing can be added here', operation)
    const extra: JsonObject = {}
    const content = { value: place.node.value, extra }
    if (place.index < 0) setContent(holder, place.key, content)
    else replaceEntry(holder, place.key, place.index, content)
    return extra
  }
}

function refused(code: FhirPathPatchErrorCode, message: string, operation: PatchOperation): FhirPathPatchError {
  return new FhirPathPatchError(code, message, operation.position)
}
