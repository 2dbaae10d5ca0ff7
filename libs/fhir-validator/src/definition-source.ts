/** A JSON object of unknown shape. */
export type Json = Record<string, unknown>

/** A conformance resource (StructureDefinition, ValueSet, Questionnaire ...) as JSON. */
export type Definition = { resourceType: string; url?: string; version?: string } & Record<string, unknown>

/** Where definitions come from. Answers at once, from memory; may parse lazily. */
export interface DefinitionSource {
  /** The definition of this canonical URL, which may end in `|version`; undefined when unknown. */
  find(resourceType: string, canonical: string): Definition | undefined
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The objects of a list; whatever else it holds has been reported by the check of structure. */
export function objectsOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isJson) : []
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** A canonical without its version and fragment. */
export function withoutVersion(canonical: string): string {
  const end = canonical.search(/[|#]/)
  return end < 0 ? canonical : canonical.slice(0, end)
}
