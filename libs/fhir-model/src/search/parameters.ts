import tables from '../generated/search-parameters.json' with { type: 'json' }
import structures from '../generated/structures.json' with { type: 'json' }
import { RESOURCE_TYPES } from '../structure/resource-types.ts'

/** The kinds of search parameter. Spec: https://hl7.org/fhir/R4/search.html#ptypes */
export type SearchParameterType =
  | 'string'
  | 'token'
  | 'reference'
  | 'date'
  | 'number'
  | 'quantity'
  | 'uri'
  | 'composite'
  | 'special'

/** One search parameter of one resource type. Spec: https://hl7.org/fhir/R4/searchparameter.html */
export interface SearchParameterDef {
  /**
   * Below 32768 and never reused: stored rows name a parameter by it. From 101 on it implies the resource type; below
   * stand the parameters that every type has.
   */
  id: number
  code: string
  type: SearchParameterType
  /** FHIRPath, only the branches of this type; empty for those that no element answers (`_text`, `_filter`, ...). */
  expression: string
  /** The resource type, or `Resource` for a parameter that every type has. */
  base: string
  /** Of a reference: the resource types it may point to, by the parameter and by the element. */
  targets: string[]
  /** Of a composite: `code` names the parameter of the same type that gives the component its kind. */
  components?: { code: string; expression: string }[]
  /**
   * Of a token over `code` elements: the code system that their codes belong to and that resources do not repeat. A
   * search for `system|code` with this system is one for the code.
   */
  system?: string
  /** Bit in the `present` column, 0 to 62; -1 for those that never have a value. */
  index: number
  /** Canonical URL of the official definition. */
  url: string
}

/** Leaves room below the first parameter of a type for parameters that every type has. */
const FIRST_TYPE_ID = 101
const URL_BASE = 'http://hl7.org/fhir/SearchParameter/'

const rows: Record<string, string[]> = tables.types
const targetLists = structures.targets.map((list) => list.split(' '))

const common = tables.common.map((row, place) => {
  const parameter = decode(row, { base: 'Resource', id: place + 1, index: place })
  return parameter.expression === '' ? { ...parameter, index: -1 } : parameter
})
const firstIndex = common.filter((parameter) => parameter.index >= 0).length

const firstIds = new Map<string, number>()
let nextId = FIRST_TYPE_ID
for (const type of RESOURCE_TYPES) {
  firstIds.set(type, nextId)
  nextId += rows[type]?.length ?? 0
}

const decoded = new Map<string, ReadonlyMap<string, SearchParameterDef>>()
const none: ReadonlyMap<string, SearchParameterDef> = new Map()

/**
 * The official search parameters of a resource type by code, those of every resource (`_id`, `_lastUpdated`, `_tag`,
 * ...) first; empty for an unknown type. The same objects are returned every time, so that they serve as keys.
 * Parameters over extensions are not among them. Spec: https://hl7.org/fhir/R4/searchparameter-registry.html
 */
export function searchParameters(type: string): ReadonlyMap<string, SearchParameterDef> {
  const known = decoded.get(type)
  if (known !== undefined) return known
  const first = firstIds.get(type)
  if (first === undefined) return none
  const own = (rows[type] ?? []).map((row, place) =>
    decode(row, { base: type, id: first + place, index: firstIndex + place }),
  )
  const parameters = new Map([...common, ...own].map((parameter) => [parameter.code, parameter]))
  decoded.set(type, parameters)
  return parameters
}

/** The parameter with this id, for rows read back from storage; undefined for an unknown id. */
export function searchParameterById(id: number): SearchParameterDef | undefined {
  if (id < FIRST_TYPE_ID) return common.find((parameter) => parameter.id === id)
  for (const type of RESOURCE_TYPES) {
    const first = firstIds.get(type) ?? 0
    if (id < first + (rows[type]?.length ?? 0)) return [...searchParameters(type).values()].find((p) => p.id === id)
  }
  return undefined
}

function decode(row: string, place: { base: string; id: number; index: number }): SearchParameterDef {
  const [code = '', type = '', tail = '', expression = '', targets = '', system = '', ...components] = row.split('\t')
  return {
    ...place,
    code,
    type: type as SearchParameterType,
    expression,
    targets: targets === '' ? [] : (targetLists[Number(targets)] ?? []),
    url: URL_BASE + tail,
    ...(system === '' ? {} : { system }),
    ...(components.length === 0 ? {} : { components: components.map(decodeComponent) }),
  }
}

function decodeComponent(text: string): { code: string; expression: string } {
  const equals = text.indexOf('=')
  return { code: text.slice(0, equals), expression: text.slice(equals + 1) }
}
