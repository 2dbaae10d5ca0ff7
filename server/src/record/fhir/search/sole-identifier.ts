import { extractSearchValues } from '@salus/fhir-model'
import type { Filter } from './search-request.ts'

/**
 * The identifier that a search names when it is one `identifier=system|value` and nothing else, as `identifiersOf`
 * writes it: most conditions are of this form, and a table of identifiers answers them without looking at each resource.
 */
export function soleIdentifier(filters: readonly Filter[]): string | undefined {
  const [filter] = filters
  if (filters.length !== 1 || filter?.code !== 'identifier' || filter.modifier !== undefined || filter.chain)
    return undefined
  const [value] = filter.values
  if (filter.values.length !== 1 || value?.kind !== 'token') return undefined
  // `|value` and `system|` match more than one written form: the matcher decides them.
  return typeof value.system === 'string' && value.code !== undefined ? written(value.system, value.code) : undefined
}

/** Distinct `system|value` that `identifier=system|value` finds a resource by. */
export function identifiersOf(resource: object): string[] {
  const found = new Set<string>()
  for (const [def, values] of extractSearchValues(resource)) {
    if (def.code !== 'identifier') continue
    for (const value of values)
      if (value.kind === 'token' && value.system !== undefined && value.code !== undefined)
        found.add(written(value.system, value.code))
  }
  return [...found]
}

function written(system: string, value: string): string {
  return `${system}\0${value}`
}
