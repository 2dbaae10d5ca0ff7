import { extractSearchValues, type SearchParameterDef, type SearchValue } from '@salus/fhir-model'
import { fold } from '#vault'
import type { CustomTable } from '../parameters/custom-parameters.ts'
import { dateSatisfies, numberSatisfies } from './compare.ts'
import { queriedContacts, storedContact } from './contact-values.ts'
import { localReference } from './local-reference.ts'
import { parameterPlans } from './parameter-plan.ts'
import { compositeParts } from './parse-value.ts'
import { canonicalQuery, canonicalUnit, canonicalValue } from './query-quantity.ts'
import type { Filter, Modifier, QueryValue } from './search-request.ts'
import { stringMatches } from './string-tokens.ts'
import { contentText, hasWords, narrativeText } from './text-words.ts'
import { withoutImpliedSystem } from './token-value.ts'
import { isBelow, isNear, urlsAbove, withoutVersion } from './value-tests.ts'

/**
 * Whether a resource in memory satisfies filters of a parsed search: used on opened bodies where the index alone cannot
 * decide, and for conditions inside a bundle. A filter that leads to other resources or to a value set cannot be followed
 * from here and counts as not satisfied.
 */
export function matchesFilters(
  resource: object,
  filters: readonly Filter[],
  { base, custom }: { base?: string | undefined; custom?: CustomTable | undefined } = {},
): boolean {
  const asked = { resource, extracted: extractSearchValues(resource), base, custom }
  return filters.every((filter) => isDecidable(filter) && holds(asked, filter))
}

function isDecidable({ chain, has, logic, modifier }: Filter): boolean {
  if (chain || has || modifier === 'in' || modifier === 'not-in') return false
  return logic?.of.every(isDecidable) ?? true
}

interface Held {
  resource: object
  extracted: ReturnType<typeof extractSearchValues>
  base: string | undefined
  custom: CustomTable | undefined
}

function holds(held: Held, filter: Filter): boolean {
  const { logic, modifier, values: queries } = filter
  if (logic?.op === 'or') return logic.of.some((one) => holds(held, one))
  if (logic) return logic.of.every((one) => holds(held, one)) === (logic.op === 'and')
  const { resourceType, id } = held.resource as { resourceType: string; id?: string }
  if (queries.some(({ kind }) => kind === 'words' || kind === 'near'))
    return queries.some((query) => wholeMatches(held.resource, filter.code, query))
  const own = held.custom?.of(resourceType)?.get(filter.code)
  const def = parameterPlans(resourceType).get(filter.code)?.def ?? own?.def
  if (!def) return false
  if (def.code === '_id')
    return modifier === 'missing'
      ? filter.missing === false
      : queries.some((query) => query.kind === 'id' && query.id === id)
  const values = (own?.def === def ? own.extract(held.resource) : held.extracted.get(def)) ?? []
  if (modifier === 'missing') return (values.length === 0) === filter.missing
  // Some value that none of the queries is equal to.
  if (modifier === 'unequal') {
    const equal: Asked = { def, modifier: def.type === 'string' ? 'equals' : undefined, base: held.base }
    return values.some((value) => isValue(value) && !queries.some((query) => valueMatches(equal, value, query)))
  }
  const found = values.some((value) =>
    queries.some((query) => valueMatches({ def, modifier, base: held.base }, value, query)),
  )
  return modifier === 'not' ? !found : found
}

/** The text of a concept is extracted as a value of its own, but it is no code. */
function isValue(value: SearchValue): boolean {
  return value.kind !== 'token' || value.code !== undefined || value.system !== undefined
}

/** Queries about the resource as a whole. */
function wholeMatches(resource: object, code: string, query: QueryValue): boolean {
  if (query.kind === 'near') return isNear(resource, query)
  return (
    query.kind === 'words' && hasWords(code === '_text' ? narrativeText(resource) : contentText(resource), query.words)
  )
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
      return textMatches(asked, value, query.value)
    case 'uri':
      return uriMatches(
        asked.modifier,
        value.kind === 'uri' ? value.value : value.kind === 'token' ? value.code : undefined,
        query.value,
      )
    case 'typed-identifier':
      return (
        value.kind === 'token' &&
        value.code === query.value &&
        (value.types ?? []).some(
          (type) => type.code === query.code && (query.system === undefined || type.system === query.system),
        )
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
    case 'value-set':
    case 'words':
    case 'near':
      return false
  }
}

function textMatches({ def, modifier }: Asked, value: SearchValue, query: string): boolean {
  if (modifier === 'text' && value.kind !== 'string')
    // The text of a contact point is its system: phone, email.
    return (
      value.kind === 'token' &&
      value.text !== undefined &&
      !/\.telecom\b/.test(def.expression) &&
      stringMatches(value.text, query)
    )
  if (value.kind !== 'string') return false
  switch (modifier) {
    case 'exact':
      return value.value === query
    case 'equals':
      return fold(value.value) === fold(query)
    case 'contains':
    case 'ends': {
      const wanted = fold(query)
      const folded = fold(value.value)
      return wanted !== '' && (modifier === 'ends' ? folded.endsWith(wanted) : folded.includes(wanted))
    }
    default:
      return stringMatches(value.value, query)
  }
}

function uriMatches(modifier: Modifier | undefined, stored: string | undefined, query: string): boolean {
  if (stored === undefined) return false
  if (modifier === 'below') return isBelow(stored, query)
  if (modifier !== 'above') return urlMatches(stored, query)
  const above = urlsAbove(query)
  return above.includes(stored) || above.includes(withoutVersion(stored))
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
  const wanted = withoutImpliedSystem(def, query)
  if (wanted.system === undefined && wanted.code === undefined) return isValue(value)
  return codeMatches(value.system, value.code, wanted)
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
