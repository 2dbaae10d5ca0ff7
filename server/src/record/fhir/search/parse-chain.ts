import { isResourceType, type SearchParameterDef, searchParameters } from '@salus/fhir-model'
import { raise } from '#kernel'
import { type ChainPlace, definition, definitionOf, type FilterContext, unknown } from './filter-context.ts'
import { isTarget } from './parse-value.ts'
import { SEARCH_LIMITS } from './search-limits.ts'
import type { Filter } from './search-request.ts'

export function chainStart(): ChainPlace {
  return { hops: 0, ways: 1, spent: { ways: 0 } }
}

/** `head` is the reference parameter, perhaps with a type; `rest` what is asked of the resource referred to. */
export function parseChain(
  head: string,
  rest: string,
  context: FilterContext,
  inner: (context: FilterContext) => Filter,
): Filter {
  const [code = '', type, ...more] = head.split(':')
  const def = definition(code, context)
  if (def.type !== 'reference' || more.length > 0 || (type !== undefined && !isTarget(def, type)))
    return unknown(context)
  const types = type === undefined ? chainTypes(def, rest, context.custom) : [type]
  if (types.length === 0) return unknown(context)
  const chain = oneHop(context.chain, code, types.length)
  return { code, values: [], chain: { types, filter: inner({ ...context, types, chain }) } }
}

/** https://hl7.org/fhir/R4/search.html#has */
export function parseHas(
  name: string,
  context: FilterContext,
  inner: (rest: string, context: FilterContext) => Filter,
): Filter {
  const parts = splitHas(name)
  const def = parts && referringParameter(parts.type, parts.code, context.types, context.custom)
  if (!parts || !def) return unknown(context)
  const { type, code, rest } = parts
  const chain = oneHop(context.chain, code, 1)
  return { code: '_has', values: [], has: { type, code, filter: inner(rest, { ...context, types: [type], chain }) } }
}

/** `_has:Observation:patient:rest`, split. Undefined when the name has another form. */
function splitHas(name: string): { type: string; code: string; rest: string } | undefined {
  const [, type = '', code = '', ...rest] = name.split(':')
  return type === '' || code === '' || rest.length === 0 ? undefined : { type, code, rest: rest.join(':') }
}

/**
 * The reference parameter by which `type` refers to one of `types`; undefined when there is none of that name.
 * https://hl7.org/fhir/R4/search.html#has
 */
function referringParameter(
  type: string,
  code: string,
  types: readonly string[],
  custom: FilterContext['custom'],
): SearchParameterDef | undefined {
  const def = isResourceType(type) ? definitionOf(type, code, custom) : undefined
  return def?.type === 'reference' && types.some((one) => isTarget(def, one)) ? def : undefined
}

/** One reference further, to one of `types`. Faults `fhir.search.chain-too-long`, `fhir.search.chain-too-wide`. */
function oneHop({ hops, ways, spent }: ChainPlace, code: string, types: number): ChainPlace {
  if (hops >= SEARCH_LIMITS.chainHopsMax)
    raise({
      category: 'too-costly',
      code: 'fhir.search.chain-too-long',
      message: `${code} is one reference too many: a chain follows ${SEARCH_LIMITS.chainHopsMax} at most. Search in two steps.`,
    })
  const further = { hops: hops + 1, ways: ways * types, spent }
  spent.ways += further.ways
  if (spent.ways > SEARCH_LIMITS.chainWaysMax)
    raise({
      category: 'too-costly',
      code: 'fhir.search.chain-too-wide',
      message: `The chains of this search lead through more than ${SEARCH_LIMITS.chainWaysMax} types. Name the type of each reference, as in ${code}:Patient.`,
    })
  return further
}

/** Target types that have the chained parameter. A reference to anything needs its type named, else each would be searched. */
function chainTypes(def: SearchParameterDef, rest: string, custom: FilterContext['custom']): string[] {
  if (def.targets.length === 0 || def.targets.length > CHAIN_TYPES_MAX)
    raise({
      category: 'invalid',
      code: 'fhir.search.chain-type-needed',
      message: `${def.code} may refer to many types. Name one, as in ${def.code}:Patient.`,
    })
  const has = rest.startsWith('_has:') ? splitHas(rest) : undefined
  if (has) return def.targets.filter((type) => referringParameter(has.type, has.code, [type], custom))
  const inner = /^[\w-]*/.exec(rest)?.[0] ?? ''
  // Specials such as _text have no values, but every type has them.
  const kindOf = (type: string) => (searchParameters(type).get(inner) ?? definitionOf(type, inner, custom))?.type
  const having = def.targets.filter((type) => kindOf(type) !== undefined)
  const kinds = new Set(having.map(kindOf))
  if (kinds.size > 1)
    raise({
      category: 'invalid',
      code: 'fhir.search.chain-type-needed',
      message: `${def.code} refers to types that understand this parameter differently. Name one, as in ${def.code}:Patient.`,
    })
  return having
}

/** Types one chain may fan out to without naming one. */
const CHAIN_TYPES_MAX = 12

/** A list is named by its id, or by what it is for: https://hl7.org/fhir/R4/lifecycle.html#lists */
export function listed(filter: Filter): Filter {
  return { code: '_list', values: [], has: { type: 'List', code: 'item', filter } }
}
