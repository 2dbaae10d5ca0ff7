import type { CustomTable } from '../parameters/custom-parameters.ts'
import { approximately } from './compare.ts'
import { queriedContacts } from './contact-values.ts'
import { CODE_KINDS, MORE_WORDS, PERSONAL_KINDS, WORDS_LEAF } from './index-resource.ts'
import { lifeDateCover, SPAN } from './life-dates.ts'
import { tidy } from './number-range.ts'
import { type ParameterPlan, parameterPlans } from './parameter-plan.ts'
import { compositeParts } from './parse-value.ts'
import { ALWAYS, and, NEVER, not, or, type Predicate } from './predicate.ts'
import { canonicalQuery, canonicalUnit } from './query-quantity.ts'
import type { Modifier, QueryValue } from './search-request.ts'
import { queriedStringTokens } from './string-tokens.ts'
import { textWords, wordStart } from './text-words.ts'
import { withoutImpliedSystem } from './token-value.ts'
import type { TokenKind, Tokens } from './tokens.ts'
import { urlsAbove } from './value-tests.ts'

/** A condition on index rows that every match satisfies; when not `exact`, some others do too and bodies are looked at. */
export interface Lowered {
  predicate: Predicate
  exact: boolean
}

export interface LowerTools {
  type: string
  tokens: Tokens
  /** Search parameters of the tenant's own. */
  custom?: CustomTable
  /** What is stored is being indexed again: older resources may lack what newer ones are found by. */
  isRebuilding?: boolean
  /** Number of a resource; undefined when nobody named it yet. */
  rid(type: string, id: string): number | undefined
}

/** The condition for one value of a parameter. https://hl7.org/fhir/R4/search.html#ptypes */
export function lowerValue(
  plan: ParameterPlan,
  query: QueryValue,
  modifier: Modifier | undefined,
  tools: LowerTools,
): Lowered {
  if (plan.derivedFrom) return lowerUnion(plan, query, modifier, tools)
  // Of these the index knows only that there is a value; bodies decide.
  if (modifier === 'text' && query.kind === 'string' && plan.def.type === 'token')
    return { predicate: and([hasValue(plan, tools), withWords(textWords(query.value), tools)]), exact: false }
  if (modifier !== undefined && ON_BODIES.has(modifier)) return { predicate: hasValue(plan, tools), exact: false }
  switch (query.kind) {
    case 'id':
      return exactly(ridOf(tools, tools.type, query.id))
    case 'token':
      return modifier === 'identifier' ? lowerIdentifier(plan, query, tools) : lowerToken(plan, query, tools)
    case 'string':
      return lowerString(plan, query.value, modifier, tools)
    case 'uri':
      return lowerUri(plan, query.value, modifier, tools)
    case 'url':
      return exactly(tokens({ rare: true }, [keyed(plan, 'url', query.url, tools)]))
    case 'reference':
      return exactly(lowerReference(plan, query, tools))
    case 'date':
      return lowerDate(plan, query, tools)
    case 'number':
      if (plan.own) return { predicate: hasValue(plan, tools), exact: false }
      return exactly({ op: 'quantity', params: [plan.def.id], column: 'canon', unit: NO_UNIT, ...comparison(query) })
    case 'quantity':
      if (plan.own) return { predicate: hasValue(plan, tools), exact: false }
      return lowerQuantity(plan, query, tools)
    case 'composite':
      return lowerComposite(plan, query.parts, tools)
    case 'typed-identifier':
      // One in a million identifiers has this value: what type it is of is seen after opening.
      return { predicate: tokens({ rare: true }, [keyed(plan, 'identifier-value', query.value, tools)]), exact: false }
    case 'words':
      return { predicate: withWords(query.words, tools), exact: false }
    case 'near':
      return { predicate: ALWAYS, exact: false }
    case 'value-set':
      return exactly(NEVER)
  }
}

const ON_BODIES: ReadonlySet<Modifier> = new Set(['contains', 'ends', 'unequal'])

/** Resources whose text may hold the words: by the starts of those that are long enough to tell. */
function withWords(words: readonly string[], tools: LowerTools): Predicate {
  if (tools.isRebuilding === true) return ALWAYS
  const starts = new Set(words.map(wordStart).filter((start) => start !== undefined))
  const token = (start: string): Buffer => tools.tokens.token(WORDS_LEAF, 'word', start)
  return and(
    [...starts].map((start) => ({
      op: 'tokens',
      any: [token(start), token(MORE_WORDS)],
      rare: false,
      selective: true,
    })),
  )
}

/** Some value of the parameter is there. */
export function hasValue(plan: ParameterPlan, { tokens }: Pick<LowerTools, 'tokens'>): Predicate {
  if (plan.def.index < 0) return { op: 'tokens', any: [tokens.token(plan.leaf, 'present', '')], rare: false }
  return { op: 'present', mask: 1n << BigInt(plan.def.index), present: true }
}

function lowerUri(plan: ParameterPlan, url: string, modifier: Modifier | undefined, tools: LowerTools): Lowered {
  if (modifier === 'below') return { predicate: hasValue(plan, tools), exact: false }
  const urls = modifier === 'above' ? urlsAbove(url) : [url]
  return exactly(
    tokens(
      plan,
      urls.map((one) => keyed(plan, 'uri', one, tools)),
    ),
  )
}

const NO_UNIT = Buffer.alloc(8)

function exactly(predicate: Predicate): Lowered {
  return { predicate, exact: true }
}

/** Either this or that: exact when both are. */
export function anyOf(alternatives: Lowered[]): Lowered {
  return { predicate: or(alternatives.map((one) => one.predicate)), exact: alternatives.every((one) => one.exact) }
}

function lowerUnion(
  plan: ParameterPlan,
  query: QueryValue,
  modifier: Modifier | undefined,
  tools: LowerTools,
): Lowered {
  const plans = parameterPlans(tools.type)
  return anyOf(
    (plan.derivedFrom ?? []).map((def) => lowerValue(plans.get(def.code) as ParameterPlan, query, modifier, tools)),
  )
}

function keyed(plan: Pick<ParameterPlan, 'leaf'>, kind: TokenKind, value: string, { tokens }: LowerTools): Buffer {
  return tokens.token(plan.leaf, kind, value)
}

function tokens({ rare }: Pick<ParameterPlan, 'rare'>, any: Buffer[]): Predicate {
  return any.length === 0 ? { op: 'never' } : { op: 'tokens', any, rare }
}

function ridOf(tools: LowerTools, type: string, id: string): Predicate {
  const rid = tools.rid(type, id)
  return rid === undefined ? { op: 'never' } : { op: 'rid', rids: [rid] }
}

function lowerToken(plan: ParameterPlan, query: Extract<QueryValue, { kind: 'token' }>, tools: LowerTools): Lowered {
  const { system, code } = withoutImpliedSystem(plan.def, query)
  if (system === undefined && code === undefined) return exactly(hasValue(plan, tools))
  const kinds = plan.personal ? PERSONAL_KINDS : CODE_KINDS
  const one = (kind: TokenKind, value: string): Predicate => tokens(plan, [keyed(plan, kind, value, tools)])
  if (plan.contact) {
    if (code === undefined || system === null) return exactly({ op: 'never' })
    const forms = queriedContacts(plan.def.code, code)
    return exactly(
      or(forms.map((form) => (system === undefined ? one(kinds.code, form) : one(kinds.coding, `${system}|${form}`)))),
    )
  }
  if (code === undefined) return exactly(tokens({ rare: false }, [keyed(plan, 'system', system as string, tools)]))
  if (system === undefined) return exactly(one(kinds.code, code))
  if (plan.promotedCode) return exactly({ op: 'code', any: [keyed(plan, 'coding', `${system ?? ''}|${code}`, tools)] })
  // No token says that a system is absent: those with the code are looked at.
  return system === null
    ? { predicate: one(kinds.code, code), exact: false }
    : exactly(one(kinds.coding, `${system}|${code}`))
}

function lowerIdentifier(
  plan: ParameterPlan,
  { system, code }: Extract<QueryValue, { kind: 'token' }>,
  tools: LowerTools,
): Lowered {
  if (code === undefined) return { predicate: hasValue(plan, tools), exact: false }
  const kind = system ? 'identifier' : 'identifier-value'
  const value = system ? `${system}|${code}` : code
  return { predicate: tokens({ rare: true }, [keyed(plan, kind, value, tools)]), exact: system !== null }
}

function lowerString(plan: ParameterPlan, value: string, modifier: Modifier | undefined, tools: LowerTools): Lowered {
  const leaves = plan.stringLeaves
  if (modifier === 'exact')
    return exactly(
      tokens(
        { rare: true },
        leaves.map((leaf) => keyed({ leaf }, 'exact', value, tools)),
      ),
    )
  const queried = queriedStringTokens(value)
  const any = leaves.flatMap((leaf) => queried.tokens.map((token) => keyed({ leaf }, token.kind, token.value, tools)))
  const selective = value.length >= SELECTIVE_CHARS ? { selective: true } : {}
  const found = tokens({ rare: false }, any)
  const predicate = found.op === 'tokens' ? { ...found, ...selective } : found
  return { predicate, exact: queried.exact && modifier !== 'equals' }
}

/** So many letters seldom begin the names of more than one in a hundred. */
const SELECTIVE_CHARS = 3

function lowerReference(
  plan: ParameterPlan,
  { type, id }: Extract<QueryValue, { kind: 'reference' }>,
  tools: LowerTools,
): Predicate {
  const types = type === undefined ? plan.targets : [type]
  return or(types.map((target) => referenceTo(plan, target, id, tools)))
}

/** Referring to one resource by a parameter: the patient's column, or a reference row. */
export function referenceTo(plan: ParameterPlan, type: string, id: string, tools: LowerTools): Predicate {
  const rid = tools.rid(type, id)
  return rid === undefined ? { op: 'never' } : referenceToRids(plan, type, [rid])
}

export function referenceToRids(plan: ParameterPlan, type: string, rids: number[]): Predicate {
  if (rids.length === 0) return { op: 'never' }
  return plan.owner && type === 'Patient'
    ? { op: 'patient', rids }
    : { op: 'reference', params: [plan.def.id], targets: rids }
}

function lowerDate(plan: ParameterPlan, query: Extract<QueryValue, { kind: 'date' }>, tools: LowerTools): Lowered {
  const { prefix, lo, hi } = query
  if (plan.def.code === '_lastUpdated') return exactly({ op: 'updated', prefix, lo, hi })
  if (plan.promotedDate) return exactly({ op: 'promoted-date', prefix, lo, hi })
  if (!plan.lifeDate) return exactly({ op: 'date', param: plan.def.id, prefix, lo, hi })
  const cover = lifeDateCover(prefix === 'ne' ? 'eq' : prefix, query)
  const inside = tokens(
    { rare: false },
    [...cover.anyOf, ...(plan.own ? [SPAN] : [])].map((bucket) => keyed(plan, 'bucket', bucket, tools)),
  )
  const present = hasValue(plan, tools)
  // Of a tenant's own there may be several dates, times of day and long times: what is found is looked at.
  if (plan.own) return { predicate: prefix === 'ne' ? present : inside, exact: false }
  if (prefix !== 'ne') return { predicate: inside, exact: cover.exact }
  // Birth and death have one date each, so "some date outside" is "the date is outside".
  return { predicate: cover.exact ? and([present, not(inside)]) : present, exact: cover.exact }
}

function comparison({
  prefix,
  value,
  lo,
  hi,
}: {
  prefix: QueryPrefix
  value: number
  lo: number
  hi: number
}): Comparison {
  if (prefix !== 'ap') return { prefix, value, lo, hi }
  const near = approximately(value)
  return { prefix, value, lo: near.lo, hi: near.hi }
}

type QueryPrefix = Extract<QueryValue, { kind: 'number' }>['prefix']
type Comparison = Pick<Extract<Predicate, { op: 'quantity' }>, 'prefix' | 'value' | 'lo' | 'hi'>

function lowerQuantity(
  plan: ParameterPlan,
  query: Extract<QueryValue, { kind: 'quantity' }>,
  tools: LowerTools,
): Lowered {
  const params = [plan.def.id]
  if (query.system !== undefined) {
    const unit = keyed(plan, 'unit', canonicalUnit(query), tools)
    return exactly({ op: 'quantity', params, column: 'canon', unit, ...comparison(canonicalQuery(query)) })
  }
  const asWritten: Predicate = {
    op: 'quantity',
    params,
    column: 'value',
    ...comparison({ ...query, lo: tidy(query.lo), hi: tidy(query.hi) }),
  }
  if (query.code === undefined) return exactly(asWritten)
  // Which of several values has the unit is seen after opening.
  return {
    predicate: and([asWritten, tokens({ rare: false }, [keyed(plan, 'unit', query.code, tools)])]),
    exact: false,
  }
}

function lowerComposite(plan: ParameterPlan, parts: QueryValue[], tools: LowerTools): Lowered {
  const plans = parameterPlans(tools.type)
  const lowered = compositeParts(plan.def).map((def, index) =>
    lowerValue(plans.get(def.code) as ParameterPlan, parts[index] as QueryValue, undefined, tools),
  )
  // On the resource itself each component has one value, so all of them together are the composite. Elsewhere the index
  // does not say which values stand in the same element.
  const onResource = plan.def.expression === tools.type
  return { predicate: and(lowered.map((one) => one.predicate)), exact: onResource && lowered.every((one) => one.exact) }
}
