import tables from '../generated/structures.json' with { type: 'json' }

/**
 * The 146 concrete resource types of FHIR R4, sorted. (The list of 148 at the link also counts the abstract Resource
 * and DomainResource.) Spec: https://hl7.org/fhir/R4/resourcelist.html
 */
export const RESOURCE_TYPES: readonly string[] = tables.resources

const numbers = new Map(RESOURCE_TYPES.map((name, place) => [name, place + 1]))

/** Whether the name is one of {@link RESOURCE_TYPES}. Spec: https://hl7.org/fhir/R4/resourcelist.html */
export function isResourceType(name: string): boolean {
  return numbers.has(name)
}

/**
 * The number that stands for a resource type in stored rows: its place in {@link RESOURCE_TYPES}, from 1; undefined for
 * an unknown name. It never changes, because the R4 types never change. Spec: https://hl7.org/fhir/R4/resourcelist.html
 */
export function typeNumber(name: string): number | undefined {
  return numbers.get(name)
}

/** The resource type with this number, the inverse of {@link typeNumber}. Spec: https://hl7.org/fhir/R4/resourcelist.html */
export function typeName(number: number): string | undefined {
  return RESOURCE_TYPES[number - 1]
}
