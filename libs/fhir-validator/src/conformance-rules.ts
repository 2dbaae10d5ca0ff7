import { checkConstraints } from './constraint-rules.ts'
import { type Definition, isJson, type Json, objectsOf, textOf } from './definition-source.ts'
import { ProfileError } from './element-tree.ts'
import { isAbsolute } from './urls.ts'
import type { Walk } from './walk.ts'

/** The address of a definition must be absolute. Spec: https://hl7.org/fhir/R4/references.html#canonical */
export function checkCanonicalUrl(walk: Walk, { url }: Json): void {
  if (typeof url === 'string' && !isAbsolute(url))
    walk.error('value', 'The canonical URL of a definition must be absolute.', 'url')
}

/** A profile must be one that resources can be checked against. Spec: https://hl7.org/fhir/R4/structuredefinition.html */
export function checkStructureDefinition(walk: Walk, resource: Json): void {
  checkConstraints(walk, resource)
  if (!isJson(resource.differential)) return
  const { profiles } = walk.settings.plans
  const base = textOf(resource.baseDefinition)
  if (base === '' || base === resource.url) return
  if (profiles.definition(base) === undefined)
    return walk.note('warning', 'not-found', 'The base is not known here, so the differential was not checked.')
  const { snapshot: _snapshot, ...withoutSnapshot } = resource
  try {
    profiles.treeOf(withoutSnapshot as Definition, { fresh: true })
  } catch (error) {
    if (!(error instanceof ProfileError)) throw error
    walk.error('processing', `No snapshot can be made of this: ${error.message}`)
  }
}

/** Spec: https://hl7.org/fhir/R4/valueset.html */
export function checkValueSet(walk: Walk, resource: Json): void {
  checkCanonicalUrl(walk, resource)
  const { compose } = resource
  if (!isJson(compose)) return
  for (const part of ['include', 'exclude'])
    for (const [place, include] of objectsOf(compose[part]).entries()) {
      const { system } = include
      const at = `compose.${part}[${place}]`
      if (typeof system === 'string' && !isAbsolute(system))
        walk.error('value', 'The system must be an absolute URI; a contained code system is named by its own URL.', at)
      for (const [row, filter] of objectsOf(include.filter).entries())
        if (BOOLEAN_PROPERTIES.has(textOf(filter.property)) && filter.value !== 'true' && filter.value !== 'false')
          walk.error('value', 'The value for this property is true or false.', `${at}.filter[${row}]`)
    }
}

/** Properties that HL7 defines as true or false. Spec: https://hl7.org/fhir/R4/codesystem-concept-properties.html */
const BOOLEAN_PROPERTIES = new Set(['notSelectable', 'inactive'])
