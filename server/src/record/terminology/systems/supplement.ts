import type { Concept, ConceptProperty } from '../engine/concept.ts'
import type { Designation } from '../engine/displays.ts'
import { canonicalOfResource, canonicalParts, type Json, objects, text } from '../engine/resources.ts'
import { versionMatches } from '../engine/versions.ts'
import { conceptProperty, designation, isProperty } from './memory-system.ts'

interface Addition {
  designations: Designation[]
  properties: ConceptProperty[]
  extensions: readonly Json[]
}

const ADDITIONS = new WeakMap<Json, ReadonlyMap<string, Addition>>()

/** Lays what supplements say over the concepts of their system: http://hl7.org/fhir/R4/codesystem.html#supplements */
export function supplemented(supplements: readonly Json[]): <C extends Concept>(concept: C) => Concept {
  if (supplements.length === 0) return (concept) => concept
  const all = supplements.map(additionsOf)
  return (concept) => {
    let result: Concept = concept
    for (const additions of all) {
      const found = additions.get(concept.code)
      if (!found) continue
      result = {
        ...result,
        designations: [...result.designations, ...found.designations],
        properties: [...result.properties, ...found.properties],
        extensions: [...result.extensions, ...found.extensions],
      }
    }
    return result
  }
}

function additionsOf(supplement: Json): ReadonlyMap<string, Addition> {
  const known = ADDITIONS.get(supplement)
  if (known) return known
  const language = text(supplement, 'language')
  const source = canonicalOfResource(supplement)
  const additions = new Map<string, Addition>()
  const walk = (list: readonly Json[]): void => {
    for (const raw of list) {
      const code = text(raw, 'code')
      if (code === undefined) continue
      const display = text(raw, 'display')
      additions.set(code, {
        designations: [
          ...(display === undefined ? [] : [{ language, use: undefined, value: display, isDisplay: true, source }]),
          ...objects(raw, 'designation').map((one) => ({ ...designation(one), source })),
        ],
        properties: objects(raw, 'property').map(conceptProperty).filter(isProperty),
        extensions: objects(raw, 'extension'),
      })
      walk(objects(raw, 'concept'))
    }
  }
  walk(objects(supplement, 'concept'))
  ADDITIONS.set(supplement, additions)
  return additions
}

/** Whether a supplement is one of `system`. */
export function supplementsSystem(supplement: Json, system: string, version: string | undefined): boolean {
  const target = text(supplement, 'supplements')
  if (target === undefined) return false
  const parts = canonicalParts(target)
  if (parts.url !== system) return false
  return parts.version === undefined || version === undefined || versionMatches(parts.version, version)
}
