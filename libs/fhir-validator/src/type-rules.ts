import { isJson, textOf } from './definition-source.ts'
import type { Check } from './plan.ts'
import { isAbsolute, reportExampleUrl, urnProblem } from './urls.ts'
import type { Walk } from './walk.ts'

/** What holds of a data type wherever it is used, beyond its definition. `path` is the element: `Extension.url`. */
export function typeChecks(type: string, path: string, inResource: boolean): readonly Check[] {
  // A definition names its elements alike in snapshot and differential.
  if (path.endsWith('.id') && !inResource) return path === 'ElementDefinition.id' ? [] : ELEMENT_ID
  if (path === 'Extension.url') return []
  if (path === 'Bundle.entry.fullUrl' || path === 'Bundle.link.url') return []
  return CHECKS.get(type) ?? []
}

const ELEMENT_ID: readonly Check[] = [checkElementId]

/** The id of an element is its own within the resource. Spec: https://hl7.org/fhir/R4/element.html#id */
function checkElementId(walk: Walk, value: unknown): void {
  const { place } = walk
  if (place === null || typeof value !== 'string' || place.pass > 0 || walk.trying > 0) return
  place.ids ??= new Set()
  if (place.ids.has(value)) {
    walk.depth--
    walk.error('structure', 'Another element of the resource has this id.')
    walk.depth++
  } else place.ids.add(value)
}

const CHECKS: ReadonlyMap<string, readonly Check[]> = new Map<string, Check[]>([
  ['Coding', [checkCoding]],
  ['uri', [checkUri]],
  ['url', [checkUri]],
  ['uuid', [checkUri]],
  ['oid', [checkUri]],
  ['canonical', [checkUri, checkCanonical]],
  ['string', [checkMarkup]],
  ['markdown', [checkMarkup]],
])

function checkCoding(walk: Walk, value: unknown): void {
  if (!isJson(value)) return
  const { system, code } = value
  if (typeof system !== 'string') {
    if (code !== undefined && system === undefined)
      walk.note('warning', 'business-rule', 'A code without its system has no meaning and cannot be checked.')
    return
  }
  if (!isAbsolute(system)) walk.error('value', 'The system of a code must be an absolute URI.', 'system')
  else if (VALUE_SET.test(system) && walk.settings.plans.profiles.source.find('ValueSet', system) !== undefined)
    walk.error('code-invalid', 'The system of a code must be a code system, and this is a value set.', 'system')
}

/** Only addresses that look like value sets are looked up: every other coding costs nothing. */
const VALUE_SET = /\/ValueSet\//

/** Text that a careless screen would show as markup. */
function checkMarkup(walk: Walk, value: unknown): void {
  if (walk.settings.securityChecks && typeof value === 'string' && /<\/?[A-Za-z][^<>]*>/.test(value))
    walk.error('business-rule', 'Text must not hold markup.')
}

function checkUri(walk: Walk, value: unknown): void {
  if (typeof value !== 'string') return
  if (value.startsWith('urn:')) {
    const problem = urnProblem(value)
    if (problem !== null) walk.error('value', problem)
  } else if (!walk.settings.exampleUrls) reportExampleUrl(walk, value)
}

/** Spec: https://hl7.org/fhir/R4/references.html#canonical */
function checkCanonical(walk: Walk, value: unknown): void {
  const url = textOf(value)
  if (url !== '' && !url.startsWith('#') && !isAbsolute(url)) walk.error('value', 'A canonical URL must be absolute.')
}
