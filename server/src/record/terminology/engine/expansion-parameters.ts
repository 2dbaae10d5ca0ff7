import type { Collector } from './collect.ts'
import type { Inquiry } from './inquiry.ts'
import type { Json } from './resources.ts'
import type { Flag } from './settings.ts'

const ECHOED_FLAGS: readonly Flag[] = [
  'activeOnly',
  'excludeNested',
  'excludeNotForUI',
  'excludePostCoordinated',
  'includeDefinition',
  'includeDesignations',
  'versionsMatch',
]

/** What the expansion was made with and from: http://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.expansion.parameter */
export function expansionParameters(inquiry: Inquiry, collector: Collector): Json[] {
  const { settings } = inquiry
  const parameters: Json[] = []
  const add = (name: string, value: Json): void => void parameters.push({ name, ...value })
  for (const flag of ECHOED_FLAGS) {
    const value = settings.flags.get(flag)
    if (value !== undefined) add(flag, { valueBoolean: value })
  }
  if (collector.matchedVersions) add('versionsMatch', { valueBoolean: true })
  if (settings.filter !== undefined) add('filter', { valueString: settings.filter })
  if (settings.count !== undefined) add('count', { valueInteger: settings.count })
  if (settings.offset !== undefined) add('offset', { valueInteger: settings.offset })
  if (settings.languages) add('displayLanguage', { valueCode: settings.languages.toString() })
  for (const designation of settings.designations) add('designation', { valueString: designation })
  for (const { name, url, version } of inquiry.appliedRules) add(name, { valueUri: `${url}|${version}` })
  for (const canonical of collector.usedSystems) add('used-codesystem', { valueUri: canonical })
  for (const canonical of collector.fragments.keys()) add('used-fragment', { valueUri: canonical })
  for (const canonical of collector.usedValueSets) add('used-valueset', { valueUri: canonical })
  for (const canonical of collector.usedSupplements) add('used-supplement', { valueUri: canonical })
  for (const [word, canonicals] of collector.warnings)
    for (const canonical of canonicals) add(`warning-${word}`, { valueUri: canonical })
  return parameters
}
