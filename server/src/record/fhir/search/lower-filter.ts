import { compartmentParams } from '@salus/fhir-model'
import { filterNodes } from './filter-tree.ts'
import {
  anyOf,
  hasValue,
  type Lowered,
  type LowerTools,
  lowerValue,
  referenceTo,
  referenceToRids,
} from './lower-value.ts'
import { type ParameterPlan, parameterPlans, planNamed } from './parameter-plan.ts'
import { ALWAYS, and, NEVER, not, or, type Predicate } from './predicate.ts'
import type { Filter, QueryValue, SearchRequest } from './search-request.ts'

/** What lowering asks for beside the values' tokens. */
export interface FilterTools extends Omit<LowerTools, 'type'> {
  /** What was found beforehand about resources of `type`, to which `filter` leads or of which it speaks; see `followLinks`. */
  found(filter: Filter, type: string): number[] | undefined
}

/** The condition of one filter on resources of `type`. */
export function lowerFilter(type: string, filter: Filter, tools: FilterTools): Lowered {
  if (filter.logic) return lowerLogic(type, filter.logic, tools)
  if (filter.has) return lowerHas(type, filter, filter.has, tools)
  const found = filter.chain ? undefined : tools.found(filter, type)
  if (found) return { predicate: found.length === 0 ? NEVER : { op: 'rid', rids: found }, exact: true }
  const plan = planNamed(type, filter.code, tools.custom) ?? SPECIAL_PLAN
  if (filter.chain) return lowerChain(plan, filter, filter.chain, tools)
  if (filter.modifier === 'missing') return { predicate: missing(plan, filter.missing === true, tools), exact: true }
  const { predicate, exact } = anyOf(
    filter.values.map((value) => lowerValue(plan, value, filter.modifier, { ...tools, type })),
  )
  if (filter.modifier !== 'not') return { predicate, exact }
  // The opposite of too many would be too few: without an exact condition all are looked at.
  return { predicate: exact ? not(predicate) : ALWAYS, exact }
}

/** Of `_text` and the like, which have no values of their own. */
const SPECIAL_PLAN = { def: { code: '', index: -1 } } as ParameterPlan

function missing(plan: ParameterPlan, wanted: boolean, tools: FilterTools): Predicate {
  // Every resource has an id and a time of last update; they are columns, not values.
  if (plan.def.code === '_id' || plan.def.code === '_lastUpdated') return wanted ? NEVER : ALWAYS
  const present = hasValue(plan, tools)
  if (present.op === 'present') return { ...present, present: !wanted }
  return wanted ? not(present) : present
}

function lowerLogic(type: string, { op, of }: NonNullable<Filter['logic']>, tools: FilterTools): Lowered {
  const parts = of.map((one) => lowerFilter(type, one, tools))
  if (op === 'or') return anyOf(parts)
  const exact = parts.every((one) => one.exact)
  const all = and(parts.map((one) => one.predicate))
  if (op === 'and') return { predicate: all, exact }
  return { predicate: exact ? not(all) : ALWAYS, exact }
}

function lowerChain(
  plan: ParameterPlan,
  filter: Filter,
  { types, filter: inner }: NonNullable<Filter['chain']>,
  tools: FilterTools,
): Lowered {
  return anyOf(
    types.map((type): Lowered => {
      const targets = tools.found(filter, type)
      if (targets) return { predicate: referenceToRids(plan, type, targets), exact: true }
      const lowered = lowerFilter(type, inner, tools)
      if (lowered.predicate.op === 'never') return lowered
      const param = plan.owner && type === 'Patient' ? 'patient' : plan.def.id
      return { ...lowered, predicate: { op: 'chain', param, type, of: lowered.predicate } }
    }),
  )
}

function lowerHas(type: string, filter: Filter, has: NonNullable<Filter['has']>, tools: FilterTools): Lowered {
  const rids = tools.found(filter, type)
  if (rids) return { predicate: rids.length === 0 ? NEVER : { op: 'rid', rids }, exact: true }
  const lowered = lowerFilter(has.type, has.filter, tools)
  const plan = planNamed(has.type, has.code, tools.custom) as ParameterPlan
  if (lowered.predicate.op === 'never' || !plan.targets.includes(type)) return { predicate: NEVER, exact: true }
  const param = plan.owner && type === 'Patient' ? 'patient' : plan.def.id
  return { ...lowered, predicate: { op: 'has', param, type: has.type, of: lowered.predicate } }
}

/** All filters of a request on one type, and those that opened bodies must be checked against. */
export function lowerRequest(
  type: string,
  request: SearchRequest,
  tools: FilterTools,
): { predicate: Predicate; verify: Filter[] } {
  const verify: Filter[] = []
  const parts = request.filters.map((filter) => {
    const lowered = lowerFilter(type, filter, tools)
    if (!lowered.exact) verify.push(filter)
    return lowered.predicate
  })
  if (request.compartment) parts.push(inCompartment(type, request.compartment, tools))
  return { predicate: and(parts), verify }
}

/** https://hl7.org/fhir/R4/compartmentdefinition.html */
function inCompartment(
  type: string,
  { type: compartment, id }: { type: string; id: string },
  tools: FilterTools,
): Predicate {
  const plans = parameterPlans(type)
  return or(
    compartmentParams(compartment, type).map((code) => {
      if (code === '{def}') return referenceToSelf(compartment, id, tools)
      const plan = plans.get(code)
      return plan ? referenceTo(plan, compartment, id, { ...tools, type }) : NEVER
    }),
  )
}

function referenceToSelf(type: string, id: string, tools: FilterTools): Predicate {
  const rid = tools.rid(type, id)
  return rid === undefined ? NEVER : { op: 'rid', rids: [rid] }
}

/** Every local id a request names, so that their numbers are found with one look-up. */
export function namedIds(
  request: Pick<SearchRequest, 'types' | 'filters' | 'compartment'>,
): { type: string; id: string }[] {
  const ids: { type: string; id: string }[] = request.compartment ? [request.compartment] : []
  for (const filter of request.filters)
    for (const node of filterNodes(request.types, filter))
      for (const type of node.types)
        for (const value of node.filter.values) ids.push(...idsOf(type, node.filter, value))
  return ids
}

function idsOf(type: string, filter: Filter, value: QueryValue): { type: string; id: string }[] {
  if (value.kind === 'id') return [{ type, id: value.id }]
  if (value.kind === 'composite') return value.parts.flatMap((part) => idsOf(type, filter, part))
  if (value.kind !== 'reference') return []
  return (value.type === undefined ? targetsOf(type, filter) : [value.type]).map((target) => ({
    type: target,
    id: value.id,
  }))
}

function targetsOf(type: string, filter: Filter): readonly string[] {
  return parameterPlans(type).get(filter.code)?.targets ?? []
}
