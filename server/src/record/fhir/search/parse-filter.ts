import { isResourceType, RESOURCE_TYPES, type SearchParameterDef } from '@salus/fhir-model'
import { LIMITS, raise } from '#kernel'
import { definition, type FilterContext, unknown } from './filter-context.ts'
import { parseChain, parseHas } from './parse-chain.ts'
import { isSpecial, parseSpecial } from './parse-special.ts'
import { isTarget, parseValue, type ValueContext } from './parse-value.ts'
import type { Filter, Modifier } from './search-request.ts'
import { splitValues } from './split-values.ts'

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
  text: { modifier: 'text', of: ['token', 'string'] },
  in: { modifier: 'in', of: ['token'] },
  'not-in': { modifier: 'not-in', of: ['token'] },
  above: { modifier: 'above', of: ['token', 'uri'] },
  below: { modifier: 'below', of: ['token', 'uri'] },
  'of-type': { modifier: 'of-type', of: ['token'] },
  identifier: { modifier: 'identifier', of: ['reference'] },
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

function missingFilter(def: SearchParameterDef, value: string): Filter {
  if (value !== 'true' && value !== 'false')
    raise({
      category: 'invalid',
      code: 'fhir.search.value-invalid',
      message: `${def.code}:missing takes true or false.`,
    })
  return { code: def.code, modifier: 'missing', missing: value === 'true', values: [] }
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
