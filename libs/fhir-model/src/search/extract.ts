import type { Json } from '../json.ts'
import { isResourceType, RESOURCE_TYPES } from '../structure/resource-types.ts'
import { type Branch, branchesOf } from './compiled-parameter.ts'
import type { Visit } from './link.ts'
import { type SearchParameterDef, searchParameters } from './parameters.ts'
import { UnsupportedExpression } from './routes.ts'
import type { SearchValue } from './search-value.ts'

/** Values found by one visit count for all these parameters: `patient` and `subject` read the same element. */
interface Group {
  visit: Visit
  parameters: SearchParameterDef[]
}

interface Extractor {
  /** By the key of the resource that must be there. */
  byKey: ReadonlyMap<string, Group[]>
  always: Group[]
  unsupported: UncompiledParameter[]
}

/** A search parameter without extraction, and why. */
export interface UncompiledParameter {
  type: string
  code: string
  reason: string
}

const extractors = new Map<string, Extractor>()

/**
 * The search values of a resource, only for parameters that have some. The resource may be unvalidated: values of an
 * unexpected shape are passed over. Extraction is compiled per type on first use, then takes microseconds. The values
 * are shared between parameters: do not change them. An unknown resourceType gives an empty map.
 * Spec: https://hl7.org/fhir/R4/search.html#table
 */
export function extractSearchValues(resource: object): Map<SearchParameterDef, SearchValue[]> {
  const result = new Map<SearchParameterDef, SearchValue[]>()
  const json = resource as Json
  const extractor = extractorOf(json.resourceType)
  if (extractor === null) return result
  for (const key in json) {
    const groups = extractor.byKey.get(key)
    if (groups !== undefined) for (const group of groups) run(group, json, result)
  }
  for (const group of extractor.always) run(group, json, result)
  return result
}

/** Official search parameters that extraction does not understand; the aim is none. */
export function uncompiledParameters(): UncompiledParameter[] {
  return RESOURCE_TYPES.flatMap((type) => extractorOf(type)?.unsupported ?? [])
}

function run(group: Group, resource: Json, into: Map<SearchParameterDef, SearchValue[]>): void {
  const found: SearchValue[] = []
  group.visit(resource, found, resource)
  if (found.length === 0) return
  for (const parameter of group.parameters) {
    const earlier = into.get(parameter)
    into.set(parameter, earlier === undefined ? found : [...earlier, ...found])
  }
}

function extractorOf(type: unknown): Extractor | null {
  const known = extractors.get(type as string)
  if (known !== undefined) return known
  if (typeof type !== 'string' || !isResourceType(type)) return null
  const extractor = compile(type)
  extractors.set(type, extractor)
  return extractor
}

function compile(type: string): Extractor {
  const groups = new Map<string, Group & { key: string }>()
  const unsupported: UncompiledParameter[] = []
  for (const parameter of searchParameters(type).values()) {
    for (const { key, signature, visit } of branches(parameter, type, unsupported)) {
      const group = groups.get(signature)
      if (group === undefined) groups.set(signature, { key, visit, parameters: [parameter] })
      else group.parameters.push(parameter)
    }
  }
  const byKey = new Map<string, Group[]>()
  for (const { key, visit, parameters } of groups.values()) {
    const list = byKey.get(key) ?? []
    list.push({ visit, parameters })
    byKey.set(key, list)
  }
  const always = byKey.get('') ?? []
  byKey.delete('')
  return { byKey, always, unsupported }
}

function branches(parameter: SearchParameterDef, type: string, unsupported: UncompiledParameter[]): Branch[] {
  try {
    return branchesOf(parameter, type)
  } catch (error) {
    if (!(error instanceof UnsupportedExpression)) throw error
    unsupported.push({ type, code: parameter.code, reason: error.message })
    return []
  }
}
