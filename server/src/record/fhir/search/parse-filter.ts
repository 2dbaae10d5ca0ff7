import { isResourceType, RESOURCE_TYPES, type SearchParameterDef, searchParameters } from '@salus/fhir-model'
import { LIMITS, raise } from '#kernel'
import { type ChainPlace, chainTypes, oneHop, referringParameter, splitHas } from './parse-chain.ts'
import { isSpecial, parseSpecial } from './parse-special.ts'
import { isTarget, parseValue, type ValueContext } from './parse-value.ts'
import type { Filter, Modifier } from './search-request.ts'
import { splitValues } from './split-values.ts'

/** What reading a filter depends on beside its own text. */
export type FilterContext = Pick<ValueContext, 'base' | 'now'> & {
  types: readonly string[]
  /** Which parameter of the search it is, from 1. */
  position: number
  chain: ChainPlace
}

const ANY_KIND: readonly SearchParameterDef['type'][] = [
  'string',
  'token',
  'reference',
  'date',
  'number',
  'quantity',
  'uri',
  'composite',
]

const MODIFIERS: Record<string, { modifier: Modifier; of: readonly SearchParameterDef['type'][] }> = {
  missing: { modifier: 'missing', of: ANY_KIND },
  exact: { modifier: 'exact', of: ['string'] },
  contains: { modifier: 'contains', of: ['string'] },
  not: { modifier: 'not', of: ['token'] },
  text: { modifier: 'text', of: ['token'] },
  in: { modifier: 'in', of: ['token'] },
  'not-in': { modifier: 'not-in', of: ['token'] },
  above: { modifier: 'above', of: ['token', 'uri'] },
  below: { modifier: 'below', of: ['token', 'uri'] },
  'of-type': { modifier: 'of-type', of: ['token'] },
  identifier: { modifier: 'identifier', of: ['reference'] },
}

/** Modifiers of a kind of parameter, as the CapabilityStatement's documentation and the tests name them. */
export function modifiersOf(def: SearchParameterDef): string[] {
  return Object.keys(MODIFIERS).filter((suffix) => modifierOf(def, suffix) !== undefined)
}

function modifierOf(def: SearchParameterDef, suffix: string): Modifier | undefined {
  const known = Object.hasOwn(MODIFIERS, suffix) ? MODIFIERS[suffix] : undefined
  if (!known?.of.includes(def.type)) return undefined
  // _id has no modifier but :missing, though it is a token by its definition.
  if (def.code === '_id' && known.modifier !== 'missing') return undefined
  if (known.modifier === 'of-type' && !/\bidentifier\b/i.test(def.expression)) return undefined
  return known.modifier
}

/**
 * One search parameter: `code`, `code:modifier`, `code:Type`, a chain (`subject:Patient.name`) or its reverse
 * (`_has:Observation:patient:code`), one within the other as often as the limits allow.
 * Faults: `fhir.search.parameter-unknown`, `parameter-unsupported`, `value-invalid`, `values-too-many`, `chain-too-long`,
 * `chain-too-wide`, `chain-type-needed` and those of `parseSpecial`. https://hl7.org/fhir/R4/search.html#chaining
 */
export function parseFilter(name: string, value: string, context: FilterContext): Filter {
  if (name.startsWith('_has:')) return parseHas(name, context, (rest, inner) => parseFilter(rest, value, inner))
  const dot = name.indexOf('.')
  if (dot >= 0) {
    const rest = name.slice(dot + 1)
    return parseChain(name.slice(0, dot), rest, context, (inner) => parseFilter(rest, value, inner))
  }
  if (isSpecial(name)) return parseSpecial(name, value, context)
  const [code = '', suffix, ...rest] = name.split(':')
  const def = definition(code, context)
  if (rest.length > 0) return unknown(context)
  const modifier = suffix === undefined ? undefined : modifierOf(def, suffix)
  const targetType = suffix !== undefined && modifier === undefined && isTarget(def, suffix) ? suffix : undefined
  if (suffix !== undefined && targetType === undefined && modifier === undefined) return unknown(context)
  if (modifier === 'missing') return missingFilter(def, value)
  const values = splitValues(value, ',')
  if (values.length > LIMITS.searchValuesMax)
    raise({
      category: 'too-costly',
      code: 'fhir.search.values-too-many',
      message: `${def.code} takes at most ${LIMITS.searchValuesMax} comma-separated values. Split the search.`,
    })
  const reading: ValueContext = {
    ...context,
    def,
    ...(modifier ? { modifier } : {}),
    ...(targetType === undefined ? {} : { targetType }),
  }
  return {
    code,
    ...(modifier ? { modifier } : {}),
    values: values.map((one) => parseValue(one, reading)),
  }
}

/** The definition of a code for all searched types; they must agree on its kind. Of a reference the targets of all. */
export function definition(code: string, context: Pick<FilterContext, 'types' | 'position'>): SearchParameterDef {
  const defs = context.types.map((type) => searchParameters(type).get(code))
  const [first] = defs
  if (!first || first.index < 0 || defs.some((def) => def?.type !== first.type)) return unknown(context)
  if (first.type !== 'reference' || defs.length === 1) return first
  const anything = defs.some((def) => def?.targets.length === 0)
  return { ...first, targets: anything ? [] : [...new Set(defs.flatMap((def) => def?.targets ?? []))] }
}

function missingFilter(def: SearchParameterDef, value: string): Filter {
  if (value !== 'true' && value !== 'false')
    raise({
      category: 'invalid',
      code: 'fhir.search.value-invalid',
      message: `${def.code}:missing takes true or false.`,
    })
  return { code: def.code, modifier: 'missing', missing: value === 'true', values: [] }
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
  const types = type === undefined ? chainTypes(def, rest) : [type]
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
  const def = parts && referringParameter(parts.type, parts.code, context.types)
  if (!parts || !def) return unknown(context)
  const { type, code, rest } = parts
  const chain = oneHop(context.chain, code, 1)
  return { code: '_has', values: [], has: { type, code, filter: inner(rest, { ...context, types: [type], chain }) } }
}

/**
 * Named by its place: the name is the client's own text, and part of a patient's name when a value with `&` was not encoded.
 */
export function unknown({ position }: Pick<FilterContext, 'position'>): never {
  return raise({
    category: 'invalid',
    code: 'fhir.search.parameter-unknown',
    message: `The ${ordinal(position)} parameter is not a search parameter here, or its modifier or chain is not. See the CapabilityStatement, or send Prefer: handling=lenient to have it ignored.`,
  })
}

function ordinal(position: number): string {
  const isTeen = position % 100 > 10 && position % 100 < 14
  return `${position}${(isTeen ? undefined : ['th', 'st', 'nd', 'rd'][position % 10]) ?? 'th'}`
}

/** Types of a `_type` parameter or of the path. */
export function knownTypes(names: readonly string[]): string[] {
  for (const name of names)
    if (!isResourceType(name))
      raise({
        category: 'invalid',
        code: 'fhir.search.type-unknown',
        message: `_type takes R4 resource types, of which there are ${RESOURCE_TYPES.length}; one of those given is none.`,
      })
  return [...new Set(names)]
}
