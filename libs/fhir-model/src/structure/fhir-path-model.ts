import type { ChildElement, TypeModel } from '@salus/fhirpath'
import { isResourceType } from './resource-types.ts'
import { choiceName, type ElementDef, node, PRIMITIVE_BASES } from './structure.ts'

/**
 * FHIR R4's types for `compile` of @salus/fhirpath: element types, choices, and which type derives from which.
 * Spec: https://hl7.org/fhir/R4/fhirpath.html#types
 */
export const fhirPathModel: TypeModel = {
  child(type, name) {
    // Primitive types have the id and extension of Element.
    const definition = node(type) ?? (Object.hasOwn(PRIMITIVE_BASES, type) ? node('Element') : undefined)
    const element = definition?.elements.get(name)
    return element === undefined ? undefined : childElement(element)
  },

  isSubtype(type, ancestor) {
    for (let at = type; at !== ''; at = baseOf(at)) if (at === ancestor) return true
    return false
  },

  hasType(name) {
    return (
      isResourceType(name) || Object.hasOwn(PRIMITIVE_BASES, name) || (!name.includes('.') && node(name) !== undefined)
    )
  },
}

/** Element and Resource are derived from nothing. */
function baseOf(type: string): string {
  return Object.hasOwn(PRIMITIVE_BASES, type) ? (PRIMITIVE_BASES[type] ?? '') : (node(type)?.base ?? '')
}

function childElement({ name, types, choice, many }: ElementDef): ChildElement {
  const [first] = types
  if (!choice) return { type: first?.name ?? '', list: many }
  return { type: '', choiceOf: types.map((type) => [choiceName(name, type.name), type.name] as const), list: many }
}
