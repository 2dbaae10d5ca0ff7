import { isObject, type JsonObject } from './item.ts'
import { FhirPathPatchError, type FhirPathPatchErrorCode } from './patch-error.ts'

/** Operations of one patch. A diff of two versions of a large resource has some hundred. */
export const PATCH_OPERATIONS_MAX = 1_000

/** Depth of a value: FHIR nests by a dozen levels, a hundred would only exhaust a stack. */
const VALUE_DEPTH_MAX = 64

export type OperationType = 'add' | 'insert' | 'delete' | 'replace' | 'move'

/** The content an operation brings. */
export type PatchValue =
  /** `suffix` is the `x` of `value[x]`: `String`, `HumanName`. `extra` is what `_value[x]` holds. */
  | { kind: 'value'; suffix: string; value: unknown; extra: unknown }
  | { kind: 'resource'; value: JsonObject }
  /** An element without a type of its own, described part by part. */
  | { kind: 'parts'; parts: { name: string; value: PatchValue }[] }

/** One operation, read and checked but not yet applied. Parts an operation does not use are absent. */
export interface PatchOperation {
  position: number
  type: OperationType
  path: string
  name: string | undefined
  value: PatchValue | undefined
  index: number | undefined
  source: number | undefined
  destination: number | undefined
}

/** Reads the Parameters of http://hl7.org/fhir/R4/fhirpatch.html. Throws `FhirPathPatchError`. */
export function readOperations(parameters: unknown): PatchOperation[] {
  if (!isObject(parameters) || parameters.resourceType !== 'Parameters') {
    throw new FhirPathPatchError('bad-parameters', 'a Parameters resource is needed', -1)
  }
  const list = parameters.parameter ?? []
  if (!Array.isArray(list) || list.length > PATCH_OPERATIONS_MAX) {
    throw new FhirPathPatchError('bad-parameters', `at most ${PATCH_OPERATIONS_MAX} operations are taken`, -1)
  }
  return list.map((parameter, position) => new OperationReader(position).read(parameter))
}

const PARTS = new Set(['type', 'path', 'name', 'value', 'index', 'source', 'destination'])

/** Parts each type needs beyond `type` and `path`. */
const NEEDED: Record<OperationType, readonly (keyof PatchOperation)[]> = {
  add: ['name', 'value'],
  insert: ['index', 'value'],
  delete: [],
  replace: ['value'],
  move: ['source', 'destination'],
}

class OperationReader {
  readonly #position: number

  constructor(position: number) {
    this.#position = position
  }

  read(parameter: unknown): PatchOperation {
    const parts = this.#parts(parameter)
    const type = this.#text(parts, 'type')
    if (!Object.hasOwn(NEEDED, type ?? '')) throw this.#refused('bad-operation', 'unknown type of operation')
    const value = parts.get('value')
    const operation: PatchOperation = {
      position: this.#position,
      type: type as OperationType,
      path: this.#text(parts, 'path') ?? '',
      name: this.#text(parts, 'name'),
      value: value && this.#value(value, 0),
      index: this.#integer(parts, 'index'),
      source: this.#integer(parts, 'source'),
      destination: this.#integer(parts, 'destination'),
    }
    if (operation.path === '') throw this.#refused('bad-operation', 'the part path is missing')
    for (const needed of NEEDED[operation.type]) {
      if (operation[needed] === undefined) throw this.#refused('bad-operation', `the part ${needed} is missing`)
    }
    if (operation.name !== undefined) this.#checkName(operation.name)
    return operation
  }

  #parts(parameter: unknown): Map<string, JsonObject> {
    if (!isObject(parameter) || parameter.name !== 'operation' || !Array.isArray(parameter.part)) {
      throw this.#refused('bad-operation', 'a parameter called operation, with parts, is needed')
    }
    const parts = new Map<string, JsonObject>()
    for (const part of parameter.part) {
      if (!isObject(part) || typeof part.name !== 'string' || !PARTS.has(part.name) || parts.has(part.name)) {
        throw this.#refused('bad-operation', 'a part is unknown or given twice')
      }
      parts.set(part.name, part)
    }
    return parts
  }

  #text(parts: Map<string, JsonObject>, name: string): string | undefined {
    const part = parts.get(name)
    if (part === undefined) return undefined
    const text = part.valueString ?? part.valueCode
    if (typeof text !== 'string') throw this.#refused('bad-operation', `the part ${name} needs a string or a code`)
    return text
  }

  #integer(parts: Map<string, JsonObject>, name: string): number | undefined {
    const part = parts.get(name)
    if (part === undefined) return undefined
    const value = part.valueInteger ?? part.valueUnsignedInt ?? part.valuePositiveInt
    if (!Number.isSafeInteger(value)) throw this.#refused('bad-operation', `the part ${name} needs an integer`)
    return value as number
  }

  #value(part: JsonObject, depth: number): PatchValue {
    if (depth > VALUE_DEPTH_MAX) throw this.#refused('bad-value', 'the value nests too deep')
    const suffixes = new Set<string>()
    for (const key of Object.keys(part)) {
      const match = /^_?value([A-Z][A-Za-z0-9]*)$/.exec(key)
      if (match !== null) suffixes.add(match[1] as string)
    }
    const contents = suffixes.size + (part.part === undefined ? 0 : 1) + (part.resource === undefined ? 0 : 1)
    if (contents !== 1) throw this.#refused('bad-value', 'exactly one value is needed')
    if (part.part !== undefined) return { kind: 'parts', parts: this.#valueParts(part.part, depth) }
    if (part.resource !== undefined) {
      if (!isObject(part.resource)) throw this.#refused('bad-value', 'a resource is an object')
      return { kind: 'resource', value: this.#copy(part.resource, 0) as JsonObject }
    }
    const suffix = [...suffixes][0] as string
    const value = this.#copy(part[`value${suffix}`], 0)
    return { kind: 'value', suffix, value, extra: this.#copy(part[`_value${suffix}`], 0) }
  }

  #valueParts(parts: unknown, depth: number): { name: string; value: PatchValue }[] {
    if (!Array.isArray(parts) || parts.length === 0) throw this.#refused('bad-value', 'a value of parts needs parts')
    return parts.map((part) => {
      if (!isObject(part) || typeof part.name !== 'string') throw this.#refused('bad-value', 'a part needs a name')
      this.#checkName(part.name)
      return { name: part.name, value: this.#value(part, depth + 1) }
    })
  }

  /** A copy, so that neither the result nor a second operation shares objects with the patch. */
  #copy(value: unknown, depth: number): unknown {
    if (depth > VALUE_DEPTH_MAX) throw this.#refused('bad-value', 'the value nests too deep')
    if (Array.isArray(value)) return value.map((item) => this.#copy(item, depth + 1))
    if (!isObject(value)) return value
    const copy: JsonObject = {}
    for (const key of Object.keys(value)) {
      if (FORBIDDEN.has(key)) throw this.#refused('forbidden-name', 'the value has an element no type of FHIR has')
      copy[key] = this.#copy(value[key], depth + 1)
    }
    return copy
  }

  #checkName(name: string): void {
    if (!ELEMENT_NAME.test(name) || FORBIDDEN.has(name) || name === 'resourceType') {
      throw this.#refused('forbidden-name', 'no element can have this name')
    }
  }

  #refused(code: FhirPathPatchErrorCode, message: string): FhirPathPatchError {
    return new FhirPathPatchError(code, message, this.#position)
  }
}

const ELEMENT_NAME = /^[A-Za-z][A-Za-z0-9]{0,63}$/

/** Names through which a value could reach the prototype of every object. */
export const FORBIDDEN: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])
