import { isJson, type Json } from './definition-source.ts'

/** All literal references of a resource, at any depth that is checked, with where they stand. */
export function eachReference(value: unknown, visit: (literal: string, reference: Json) => void, depth = 0): void {
  if (depth > REFERENCE_DEPTH_MAX) return
  if (Array.isArray(value)) for (const one of value) eachReference(one, visit, depth + 1)
  else if (isJson(value)) {
    if (typeof value.reference === 'string') visit(value.reference, value)
    for (const key in value) eachReference(value[key], visit, depth + 1)
  }
}

/** Objects and lists within each other; the walk itself refuses deeper ones. */
const REFERENCE_DEPTH_MAX = 200
