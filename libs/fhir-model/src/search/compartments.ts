import tables from '../generated/search-parameters.json' with { type: 'json' }

const tableOf = (types: Record<string, string>): ReadonlyMap<string, string> => new Map(Object.entries(types))
const compartments = new Map(Object.entries(tables.compartments).map(([name, types]) => [name, tableOf(types)]))

/** The compartments of R4 that are defined by search parameters. Spec: https://hl7.org/fhir/R4/compartmentdefinition.html */
export const COMPARTMENTS: readonly string[] = [...compartments.keys()]

/**
 * Codes of the search parameters that put a resource of this type into the compartment: one match with the compartment's
 * resource suffices. `{def}` stands for the resource that defines the compartment. Empty when the type is never in it.
 * Spec: https://hl7.org/fhir/R4/compartmentdefinition.html
 */
export function compartmentParams(compartment: string, type: string): string[] {
  return compartments.get(compartment)?.get(type)?.split(' ') ?? []
}
