import { isJson, type Json, objectsOf } from './definition-source.ts'
import type { Walk } from './walk.ts'

const LINKS_MAX = 1_000

/** A link within the narrative must lead to something in the resource. Spec: https://hl7.org/fhir/R4/narrative.html#id */
export function checkNarrativeLinks(walk: Walk, resource: Json): void {
  const div = isJson(resource.text) ? resource.text.div : undefined
  if (typeof div !== 'string' || !div.includes('href="#')) return
  const ids = new Set<string>()
  for (const [, name] of div.matchAll(/\s(?:id|name)="([^"]*)"/g)) ids.add(name as string)
  for (const { id } of objectsOf(resource.contained)) if (typeof id === 'string') ids.add(id)
  let links = 0
  let collected = false
  for (const [, target = ''] of div.matchAll(/<a\s[^>]*href="#([^"]*)"/g)) {
    if (++links > LINKS_MAX) return
    if (target === '' || ids.has(target)) continue
    if (!collected) {
      elementIds(resource, ids)
      collected = true
      if (ids.has(target)) continue
    }
    walk.error('value', 'A link within the narrative leads to nothing.', 'text.div')
  }
}

/** Objects and lists within each other, also in elements that do not exist and so were not walked. */
const VALUE_DEPTH_MAX = 200

function elementIds(value: unknown, into: Set<string>, depth = 0): void {
  if (depth > VALUE_DEPTH_MAX) return
  if (Array.isArray(value)) for (const one of value) elementIds(one, into, depth + 1)
  else if (isJson(value)) {
    if (typeof value.id === 'string') into.add(value.id)
    for (const key in value) elementIds(value[key], into, depth + 1)
  }
}
