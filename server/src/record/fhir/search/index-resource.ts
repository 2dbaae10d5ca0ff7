import { extractSearchValues, type SearchValue } from '@salus/fhir-model'
import { raise } from '#kernel'
import type { CustomTable } from '../parameters/custom-parameters.ts'
import { NO_DATE } from '../store/rows.ts'
import { storedContact } from './contact-values.ts'
import { DATE_MAX, DATE_MIN, type IndexRow } from './index-row.ts'
import { lifeDateBuckets, ownDateBuckets } from './life-dates.ts'
import { localReference } from './local-reference.ts'
import { tidy } from './number-range.ts'
import { leafOf, type ParameterPlan, parameterPlans } from './parameter-plan.ts'
import { canonicalUnit, canonicalValue } from './query-quantity.ts'
import { SEARCH_LIMITS } from './search-limits.ts'
import { storedStringTokens } from './string-tokens.ts'
import { wordStarts } from './text-words.ts'
import { TOO_MANY_VALUES, TokenSet } from './token-set.ts'
import type { Tokens } from './tokens.ts'

const NO_UNIT = Buffer.alloc(8)

/** What indexing needs to know beside the resource. */
export interface IndexTools {
  tokens: Tokens
  /** Id of the patient whose number stands in the column `patient`: references to it by an owner parameter need no row. */
  owner?: string
  /** Address of this server's FHIR base: absolute references below it are local. */
  base?: string
  /** Search parameters of the tenant's own. */
  custom?: CustomTable
}

/**
 * Everything that makes a resource findable, keyed so that the database learns no value.
 * Search parameters and their expressions: https://hl7.org/fhir/R4/searchparameter-registry.html
 */
export function indexResource(resource: object, tools: IndexTools): IndexRow {
  const plans = parameterPlans((resource as { resourceType: string }).resourceType)
  const set = new TokenSet(tools.tokens)
  const row: Building = {
    set,
    tools,
    lo: NO_DATE,
    hi: NO_DATE,
    codes: new Set(),
    references: new Map(),
    dates: [],
    quantities: [],
  }
  let present = 0n
  for (const [def, values] of extractSearchValues(resource)) {
    const plan = plans.get(def.code)
    if (!plan || def.index < 0 || values.length === 0) continue
    present |= 1n << BigInt(def.index)
    // _id and _lastUpdated are columns of the resource row.
    if (plan.derivedFrom || def.code === '_id' || def.code === '_lastUpdated') continue
    for (const value of values) indexValue(row, plan, value)
  }
  indexCustom(row, resource)
  indexWords(row, resource)
  if (row.references.size + row.dates.length + row.quantities.length > SEARCH_LIMITS.indexEntriesMax)
    raise(TOO_MANY_VALUES)
  const [code = null, ...codes] = row.codes.size > 0 ? codings(row.codes, plans, tools.tokens) : []
  return {
    tokens: set.bytes(),
    code,
    codes,
    lo: row.lo,
    hi: row.hi,
    present,
    references: [...row.references.values()],
    dates: row.dates,
    quantities: row.quantities,
  }
}

/** Leaf of the words of a resource's text. */
export const WORDS_LEAF = 'Resource.words'
/** Instead of a word: there are more than are indexed. */
export const MORE_WORDS = ''

function indexWords({ set }: Building, resource: object): void {
  const { starts, isComplete } = wordStarts(resource)
  for (const start of starts) set.add(WORDS_LEAF, 'word', start)
  if (!isComplete) set.add(WORDS_LEAF, 'word', MORE_WORDS)
}

/** A custom parameter has no bit in `present`: a token says that it has a value. */
function indexCustom(row: Building, resource: object): void {
  const own = row.tools.custom?.of((resource as { resourceType: string }).resourceType)
  const budget = { left: SEARCH_LIMITS.ownStepsMax }
  for (const { plan, extract } of own?.values() ?? []) {
    const values = extract(resource, budget)
    if (values.length > 0) row.set.add(plan.leaf, 'present', '')
    for (const value of values) indexValue(row, plan, value)
  }
}

interface Building {
  set: TokenSet
  tools: IndexTools
  lo: number
  hi: number
  /** `system|code` of the promoted code parameter, in order. */
  codes: Set<string>
  references: Map<string, IndexRow['references'][number]>
  dates: IndexRow['dates']
  quantities: IndexRow['quantities']
}

function codings(values: Set<string>, plans: ReadonlyMap<string, ParameterPlan>, tokens: Tokens): Buffer[] {
  const plan = [...plans.values()].find((one) => one.promotedCode) as ParameterPlan
  return [...values].map((value) => tokens.token(plan.leaf, 'coding', value))
}

function indexValue(row: Building, plan: ParameterPlan, value: SearchValue): void {
  switch (value.kind) {
    case 'token':
      return indexToken(row, plan, value)
    case 'string':
      for (const token of storedStringTokens(value.value))
        row.set.add(leafOf(plan, value.part), token.kind, token.value)
      return
    case 'uri':
      return row.set.addUrl(plan.leaf, 'uri', value.value)
    case 'reference':
      return indexReference(row, plan, value)
    case 'date':
      return indexDate(row, plan, value)
    case 'number':
      if (plan.own) return
      row.quantities.push({ param: plan.def.id, unit: NO_UNIT, value: value.value, canon: tidy(value.value) })
      return
    case 'quantity':
      return indexQuantity(row, plan, value)
    case 'composite':
      // A composite is searched by its components' own rows; which of them belong together is seen after opening.
      return
  }
}

type Of<K extends SearchValue['kind']> = Extract<SearchValue, { kind: K }>

function indexToken({ set, codes }: Building, plan: ParameterPlan, { system, code, text }: Of<'token'>): void {
  if (plan.def.type === 'uri') return code === undefined ? undefined : set.addUrl(plan.leaf, 'uri', code)
  if (plan.def.type === 'string') return
  const kinds = plan.personal ? PERSONAL_KINDS : CODE_KINDS
  if (plan.contact) {
    const normal = code === undefined ? '' : storedContact(code, text)
    if (normal === '') return
    set.add(plan.leaf, kinds.code, normal)
    if (text !== undefined) set.add(plan.leaf, kinds.coding, `${text}|${normal}`)
    return
  }
  if (system !== undefined) set.add(plan.leaf, 'system', system)
  if (code === undefined) return
  set.add(plan.leaf, kinds.code, code)
  if (plan.promotedCode) codes.add(`${system ?? ''}|${code}`)
  else if (system !== undefined) set.add(plan.leaf, kinds.coding, `${system}|${code}`)
}

/** Kinds of tokens for codes, which the vault may remember, and for values that point at a person, which it may not. */
export const CODE_KINDS = { code: 'code', coding: 'coding' } as const
export const PERSONAL_KINDS = { code: 'identifier-value', coding: 'identifier' } as const

function indexReference(row: Building, plan: ParameterPlan, value: Of<'reference'>): void {
  const { set, tools, references } = row
  const { identifier } = value
  if (identifier?.value !== undefined) {
    set.add(plan.leaf, 'identifier-value', identifier.value)
    if (identifier.system !== undefined) set.add(plan.leaf, 'identifier', `${identifier.system}|${identifier.value}`)
  }
  const target = localReference(value, tools.base)
  if (!target) {
    if (value.url !== undefined && !value.url.startsWith('#')) set.addUrl(plan.leaf, 'url', value.url)
    return
  }
  if (plan.owner && target.type === 'Patient' && target.id === tools.owner) return
  references.set(`${plan.def.id} ${target.type}/${target.id}`, { param: plan.def.id, target })
}

function indexDate(row: Building, plan: ParameterPlan, value: Of<'date'>): void {
  if (plan.own) {
    for (const bucket of ownDateBuckets(value)) row.set.add(plan.leaf, 'bucket', bucket)
    return
  }
  if (plan.lifeDate) {
    for (const bucket of lifeDateBuckets(value)) row.set.add(plan.leaf, 'bucket', bucket)
    return
  }
  const lo = Math.max(value.lo, DATE_MIN)
  const hi = Math.min(value.hi, DATE_MAX)
  if (!plan.promotedDate) {
    row.dates.push({ param: plan.def.id, lo, hi })
    return
  }
  // Several moments count by their outer limits, as the specification says of Timing (search.html#date).
  row.lo = row.lo === NO_DATE ? lo : Math.min(row.lo, lo)
  row.hi = Math.max(row.hi, hi)
}

function indexQuantity(row: Building, plan: ParameterPlan, quantity: Of<'quantity'>): void {
  if (plan.own) return
  const { set, tools, quantities } = row
  for (const text of new Set([quantity.code, quantity.unit])) if (text !== undefined) set.add(plan.leaf, 'unit', text)
  quantities.push({
    param: plan.def.id,
    unit: tools.tokens.token(plan.leaf, 'unit', canonicalUnit(quantity)),
    value: quantity.value,
    canon: canonicalValue(quantity),
  })
}
