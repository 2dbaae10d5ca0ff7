import { type ElementDef, node } from './structure.ts'

/**
 * Names of a type's own elements that its summary shows (`value`, not `valueQuantity`); empty for an unknown type.
 * Spec: https://hl7.org/fhir/R4/search.html#summary
 */
export function summaryElements(type: string): string[] {
  return names(type, (element) => element.summary)
}

/**
 * Names of a type's own elements that must be there; they stay when other elements are left out (`_elements`,
 * `_summary=text`). Empty for an unknown type. Spec: https://hl7.org/fhir/R4/search.html#elements
 */
export function mandatoryElements(type: string): string[] {
  return names(type, (element) => element.required)
}

function names(type: string, wanted: (element: ElementDef) => boolean): string[] {
  return [...(node(type)?.elements.values() ?? [])].filter(wanted).map((element) => element.name)
}
