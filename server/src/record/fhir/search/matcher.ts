import { extractSearchValues, type SearchParameterDef, type SearchValue } from '@salus/fhir-model'
import { dateSatisfies, numberSatisfies } from './compare.ts'
import { queriedContacts, storedContact } from './contact-values.ts'
import { localReference } from './local-reference.ts'
import { parameterPlans } from './parameter-plan.ts'
import { compositeParts } from './parse-value.ts'
import { canonicalQuery, canonicalUnit, canonicalValue } from './query-quantity.ts'
import type { Filter, Modifier, QueryValue } from './search-request.ts'
import { stringMatches } from './string-tokens.ts'

/**
 * Whether a resource in memory satisfies filters of a parsed search: used on opened bodies where the index alone cannot
 * decide, and for conditions inside a bundle. A chain cannot be followed from here and counts as not satisfied.
 */
export function matchesFilters(resource: object, filters: readonly Filter[], base?: string): boolean {
  const { resourceType, id } = resource as { resourceType: string; id?: string }
  const extracted = extractSearchValues(resource)
  const plans = parameterPlans(resourceType)
  return filters.every((filter) => {
    const def = plans.get(filter.code)?.def
    if (!def || filter.chain) return false
    if (def.code === '_id')
      return filter.modifier === 'missing'
        ? filter.missing === false
        : filter.values.some((value) => value.kind === 'id' && value.id === id)
    const values = extracted.get(def) ?? []
    if (filter.modifier === 'missing') return (values.length === 0) === filter.missing
    const found = values.some((value) =>
      filter.values.some((query) => valueMatches({ def, modifier: filter.modifier, base }, value, query)),
    )
    return filter.modifier === 'not' ? !found : found
  })
}

interface Asked {
  def: SearchParameterDef
  modifier: Modifier | undefined
  base: string | undefined
}

function valueMatches(asked: Asked, value: SearchValue, query: QueryValue): boolean {
  switch (query.kind) {
    case 'token':
      return tokenMatches(asked, value, query)
    case 'string':
      if (value.kind !== 'string') return false
      return asked.modifier === 'exact' ? value.value === query.value : stringMatches(value.value, query.value)
    case 'uri':
      return urlMatches(
        value.kind === 'uri' ? value.value : value.kind === 'token' ? value.code : undefined,
        query.value,
      )
    case 'reference': {
      const target = value.kind === 'reference' ? localReference(value, asked.base) : undefined
      return target !== undefined && target.id === query.id && (query.type === undefined || query.type === target.type)
    }
    case 'url':
      return (
        value.kind === 'reference' &&
        localReference(value, asked.base) === undefined &&
        urlMatches(value.url, query.url)
      )
    case 'date':
      return value.kind === 'date' && dateSatisfies(value, query.prefix, query)
    case 'number':
      return value.kind === 'number' && numberSatisfies(value.value, query)
    case 'quantity':
      return value.kind === 'quantity' && quantityMatches(value, query)
    case 'composite':
      return value.kind === 'composite' && compositeMatches(asked, value.components, query.parts)
    case 'id':
      return false
  }
}

/** A canonical is found with its version and without. */
function urlMatches(stored: string | undefined, query: string): boolean {
  return stored !== undefined && (stored === query || stored.slice(0, Math.max(stored.indexOf('|'), 0)) === query)
}

function tokenMatches(
  { def, modifier }: Asked,
  value: SearchValue,
  query: Extract<QueryValue, { kind: 'token' }>,
): boolean {
  if (modifier === 'identifier')
    return (
      value.kind === 'reference' &&
      value.identifier !== undefined &&
      codeMatches(value.identifier.system, value.identifier.value, query)
    )
  if (value.kind !== 'token') return false
  if (/\.telecom\b/.test(def.expression)) {
    if (value.code === undefined || query.code === undefined || query.system === null) return false
    const stored = storedContact(value.code, value.text)
    return (
      queriedContacts(def.code, query.code).includes(stored) &&
      (query.system === undefined || query.system === value.text)
    )
  }
  return codeMatches(value.system, value.code, query)
}

function codeMatches(
  system: string | undefined,
  code: string | undefined,
  query: Extract<QueryValue, { kind: 'token' }>,
): boolean {
  if (query.code !== undefined && query.code !== code) return false
  if (query.system === undefined) return query.code !== undefined
  return query.system === null ? system === undefined : query.system === system
}

function quantityMatches(
  value: Extract<SearchValue, { kind: 'quantity' }>,
  query: Extract<QueryValue, { kind: 'quantity' }>,
): boolean {
  if (query.system !== undefined)
    return (
      canonicalUnit(value) === canonicalUnit(query) && numberSatisfies(canonicalValue(value), canonicalQuery(query))
    )
  if (query.code !== undefined && query.code !== value.code && query.code !== value.unit) return false
  return numberSatisfies(value.value, query)
}

function compositeMatches(asked: Asked, components: SearchValue[][], parts: QueryValue[]): boolean {
  const defs = compositeParts(asked.def)
  return parts.every((part, index) => {
    const def = defs[index]
    return (
      def !== undefined &&
      (components[index] ?? []).some((value) => valueMatches({ ...asked, def, modifier: undefined }, value, part))
    )
  })
}
