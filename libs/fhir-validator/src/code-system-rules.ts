import { checkCanonicalUrl } from './conformance-rules.ts'
import { isJson, type Json, objectsOf, textOf } from './definition-source.ts'
import type { Walk } from './walk.ts'

const STANDARD = 'http://hl7.org/fhir/concept-properties#'

/** Properties that HL7 defines, with their type. Spec: https://hl7.org/fhir/R4/codesystem-concept-properties.html */
const TYPES: Readonly<Record<string, string>> = {
  inactive: 'boolean',
  deprecated: 'dateTime',
  deprecationDate: 'dateTime',
  retirementDate: 'dateTime',
  notSelectable: 'boolean',
  parent: 'code',
  child: 'code',
  synonym: 'code',
}

const CONCEPTS_MAX = 200_000

/** Spec: https://hl7.org/fhir/R4/codesystem.html */
export function checkCodeSystem(walk: Walk, resource: Json): void {
  checkCanonicalUrl(walk, resource)
  checkSupplement(walk, resource)
  const types = checkProperties(walk, resource)
  checkConcepts(walk, objectsOf(resource.concept), { types, path: '', budget: { left: CONCEPTS_MAX } })
}

function checkSupplement(walk: Walk, { supplements, content, concept }: Json): void {
  if (typeof supplements !== 'string') return
  if (content !== 'supplement')
    walk.error('business-rule', "The content of a supplement must be 'supplement'.", 'content')
  const { terminology } = walk.settings
  if (terminology === undefined) return
  for (const [place, { code }] of objectsOf(concept).slice(0, CONCEPTS_MAX).entries()) {
    if (typeof code !== 'string') continue
    const codings = [{ system: supplements.split('|')[0] as string, code }]
    const verdict = terminology.checkNow({ valueSet: ANY_CODE, codings, systemImplied: false })
    if (verdict?.codings?.[0]?.problem === 'unknown-code')
      walk.error('code-invalid', 'The code system that is supplemented does not have this code.', `concept[${place}]`)
  }
}

/** A value set that holds everything of core: only what is said of the coding itself is of interest. */
const ANY_CODE = 'http://hl7.org/fhir/ValueSet/all-codes'

function checkProperties(walk: Walk, { property }: Json): ReadonlyMap<string, string> {
  const types = new Map<string, string>()
  const uris = new Set<string>()
  for (const [place, { code, uri, type }] of objectsOf(property).entries()) {
    const at = `property[${place}]`
    const name = textOf(code)
    if (types.has(name)) walk.error('business-rule', 'There is already a property of this code.', at)
    else types.set(name, textOf(type))
    if (typeof uri !== 'string') {
      if (Object.hasOwn(TYPES, name))
        walk.note(
          'warning',
          'business-rule',
          `It has the code of a standard property, but not its URI ${STANDARD}${name}.`,
          at,
        )
      continue
    }
    if (uris.has(uri)) walk.error('business-rule', 'There is already a property of this URI.', at)
    uris.add(uri)
    if (!uri.startsWith(STANDARD)) continue
    const standard = uri.slice(STANDARD.length)
    if (!Object.hasOwn(TYPES, standard)) continue
    if (standard !== name) walk.error('business-rule', `The code of this URI is ${standard}.`, at)
    if (type !== TYPES[standard]) walk.error('value', `The type of this property is ${TYPES[standard]}.`, at)
  }
  return types
}

interface Concepts {
  types: ReadonlyMap<string, string>
  path: string
  budget: { left: number }
}

function checkConcepts(walk: Walk, concepts: readonly Json[], { types, path, budget }: Concepts): void {
  if (types.size === 0) return
  for (const [place, concept] of concepts.entries()) {
    if (--budget.left < 0) return
    const at = `${path}concept[${place}]`
    for (const [row, property] of objectsOf(concept.property).entries()) {
      const wanted = types.get(textOf(property.code))
      const key = Object.keys(property).find((one) => one.startsWith('value'))
      if (wanted === undefined || key === undefined || wanted === '') continue
      if (key.toLowerCase() !== `value${wanted.toLowerCase()}`)
        walk.error('value', 'The value is not of the type that the property is defined with.', `${at}.property[${row}]`)
    }
    if (isJson(concept)) checkConcepts(walk, objectsOf(concept.concept), { types, path: `${at}.`, budget })
  }
}
