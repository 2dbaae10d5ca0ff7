import { isResourceType, RESOURCE_TYPES, type SearchParameterDef, searchParameters } from '@salus/fhir-model'
import { LIMITS, raise } from '#kernel'
import { isTarget, parseValue, type ValueContext } from './parse-value.ts'
import type { Filter, Modifier } from './search-request.ts'
import { splitValues } from './split-values.ts'

/** What reading a filter depends on beside its own text. */
export type FilterContext = Pick<ValueContext, 'base' | 'now'> & {
  types: readonly string[]
  /** Which parameter of the search it is, from 1. */
  position: number
}

const MODIFIERS: Record<string, { modifier: Modifier; of: readonly SearchParameterDef['type'][] }> = {
  missing: {
    modifier: 'missing',
    of: ['string', 'token', 'reference', 'date', 'number', 'quantity', 'uri', 'composite'],
  },
  exact: { modifier: 'exact', of: ['string'] },
  not: { modifier: 'not', of: ['token'] },
  identifier: { modifier: 'identifier', of: ['reference'] },
}

/**
 * One search parameter: `code`, `code:modifier`, `code:Type`, or one hop of a chain (`subject:Patient.name`).
 * Faults: `fhir.search.parameter-unknown`, `parameter-unsupported`, `value-invalid`, `values-too-many`, `chain-too-long`,
 * `chain-type-needed`. https://hl7.org/fhir/R4/search.html#chaining
 */
export function parseFilter(name: string, value: string, context: FilterContext): Filter {
  const dot = name.indexOf('.')
  if (dot >= 0) return parseChain(name.slice(0, dot), name.slice(dot + 1), value, context)
  const [code = '', suffix, ...rest] = name.split(':')
  const def = definition(code, context)
  if (rest.length > 0) return unknown(context)
  const known = suffix !== undefined && Object.hasOwn(MODIFIERS, suffix) ? MODIFIERS[suffix] : undefined
  const targetType = suffix !== undefined && !known && isTarget(def, suffix) ? suffix : undefined
  // _id has no modifier but :missing, though it is a token by its definition.
  const fits = known?.of.includes(def.type) && (code !== '_id' || known.modifier === 'missing')
  if (suffix !== undefined && targetType === undefined && !fits) return unknown(context)
  if (known?.modifier === 'missing') return missingFilter(def, value)
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
    ...(known ? { modifier: known.modifier } : {}),
    ...(targetType === undefined ? {} : { targetType }),
  }
  return {
    code,
    ...(known ? { modifier: known.modifier } : {}),
    values: values.map((one) => parseValue(one, reading)),
  }
}

/** The definition of a code for all searched types; they must agree on its kind. */
function definition(code: string, context: FilterContext): SearchParameterDef {
  const defs = context.types.map((type) => searchParameters(type).get(code))
  const [first] = defs
  if (!first || first.index < 0 || defs.some((def) => def?.type !== first.type)) return unknown(context)
  return first
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

function parseChain(head: string, rest: string, value: string, context: FilterContext): Filter {
  const [code = '', type, ...more] = head.split(':')
  const def = definition(code, context)
  if (def.type !== 'reference' || more.length > 0 || (type !== undefined && !isTarget(def, type)))
    return unknown(context)
  if (rest.includes('.'))
    raise({
      category: 'unsupported',
      code: 'fhir.search.chain-too-long',
      message: `${code} may be followed by one further parameter. Search in two steps.`,
    })
  const inner = rest.split(':')[0] ?? ''
  const types = type === undefined ? chainTypes(def, inner) : [type]
  if (types.length === 0) return unknown(context)
  return { code, values: [], chain: { types, filter: parseFilter(rest, value, { ...context, types }) } }
}

/** Target types that have the chained parameter. A reference to anything needs its type named, else each would be searched. */
function chainTypes(def: SearchParameterDef, inner: string): string[] {
  if (def.targets.length === 0 || def.targets.length > CHAIN_TYPES_MAX)
    raise({
      category: 'invalid',
      code: 'fhir.search.chain-type-needed',
      message: `${def.code} may refer to many types. Name one, as in ${def.code}:Patient.`,
    })
  const having = def.targets.filter((type) => searchParameters(type).has(inner))
  const kinds = new Set(having.map((type) => searchParameters(type).get(inner)?.type))
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

/**
 * Named by its place: the name is the client's own text, and part of a patient's name when a value with `&` was not encoded.
 */
function unknown({ position }: FilterContext): never {
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
