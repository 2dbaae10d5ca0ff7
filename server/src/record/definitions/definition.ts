/** The conformance resources kept: what validation, terminology, search and operations look up by canonical URL. */
export const DEFINITION_TYPES = [
  'StructureDefinition',
  'ValueSet',
  'CodeSystem',
  'ConceptMap',
  'Questionnaire',
  'SearchParameter',
  'OperationDefinition',
  'CapabilityStatement',
] as const

/** Name of a kept resource type. */
export type DefinitionType = (typeof DEFINITION_TYPES)[number]

/** A conformance resource as JSON. Shared by all who ask for it: not to be altered. */
export type Definition = { resourceType: string; url?: string; version?: string } & Record<string, unknown>

/** Conformance resources by canonical URL. Synchronous, because a validator asks in the middle of its work. */
export interface DefinitionSource {
  /**
   * The definition of a canonical URL, which may carry `|version`. Without a version: the R4 specification's for its own URLs, else
   * the newest in installed packages and HL7 terminology, else the specification's. The same object for as long as it is held.
   * Undefined when it is in no package. https://hl7.org/fhir/R4/references.html#canonical
   */
  find(type: DefinitionType, canonical: string): Definition | undefined
  /** The versions present of a URL, the one that `find` prefers first. */
  versions(type: DefinitionType, url: string): string[]
  /** Canonicals (`url|version`) of all definitions of a type, each once. */
  all(type: DefinitionType): Iterable<string>
}

/** Whether resources of this type are kept. */
export function isDefinitionType(type: unknown): type is DefinitionType {
  return (DEFINITION_TYPES as readonly unknown[]).includes(type)
}
