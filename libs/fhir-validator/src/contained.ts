import { isJson, type Json, textOf } from './definition-source.ts'
import type { Place, Walk } from './walk.ts'

/** dom-3 and dom-6. Spec: https://hl7.org/fhir/R4/domainresource.html#invs */
export function checkContainment(walk: Walk, resource: Json, place: Place): void {
  const { bestPractice } = walk.settings
  if (
    bestPractice !== 'ignore' &&
    !place.contained &&
    !hasNarrative(resource) &&
    !NOT_DOMAIN.has(textOf(resource.resourceType))
  )
    walk.note(bestPractice, 'invariant', 'dom-6: A resource should have narrative (best practice).')
  const { contained } = resource
  if (!Array.isArray(contained)) return
  const referenced = new Set<string>()
  let unreferenced = 0
  for (const key in resource) if (key !== 'contained') collect(resource[key], referenced)
  const pointsOut = contained.map((one: unknown) => {
    const own = new Set<string>()
    collect(one, own)
    for (const id of own) referenced.add(id)
    return own.has('')
  })
  for (const [at, one] of contained.entries()) {
    if (!isJson(one) || typeof one.id !== 'string') continue
    if (referenced.has(one.id) || pointsOut[at] === true) continue
    unreferenced++
    if (unreferenced > UNREFERENCED_MAX) return
    walk.error(
      'invariant',
      'dom-3: A contained resource must be referred to, or refer to the resource that contains it.',
      `contained[${at}]`,
    )
  }
}

const NOT_DOMAIN = new Set(['Bundle', 'Binary', 'Parameters'])
/** Objects and lists within each other, also in elements that do not exist and so were not walked. */
const VALUE_DEPTH_MAX = 200
const UNREFERENCED_MAX = 100

const hasNarrative = ({ text }: Json): boolean => isJson(text) && text.div !== undefined

/** The ids of local references (`#id`) in any string of a value; the empty id is the container. */
function collect(value: unknown, into: Set<string>, depth = 0): void {
  if (depth > VALUE_DEPTH_MAX) return
  if (typeof value === 'string') {
    if (value.charCodeAt(0) === 35) into.add(value.slice(1))
  } else if (Array.isArray(value)) for (const one of value) collect(one, into, depth + 1)
  else if (isJson(value)) for (const key in value) if (key !== 'div') collect(value[key], into, depth + 1)
}
