import { compartmentParams } from '@salus/fhir-model'
import { anyOf, type Lowered, type LowerTools, lowerValue, referenceTo, referenceToRids } from './lower-value.ts'
import { type ParameterPlan, parameterPlans } from './parameter-plan.ts'
import { ALWAYS, and, NEVER, not, or, type Predicate } from './predicate.ts'
import type { Filter, SearchRequest } from './search-request.ts'

/** What lowering asks for beside the values' tokens. */
export interface FilterTools extends Omit<LowerTools, 'type'> {
  /** Targets of a chain whose inner search had to look at bodies, found beforehand. */
  chainTargets(filter: Filter, type: string): number[] | undefined
}

/** The condition of one filter on resources of `type`. */
export function lowerFilter(type: string, filter: Filter, tools: FilterTools): Lowered {
  const plan = parameterPlans(type).get(filter.code) as ParameterPlan
  if (filter.chain) return lowerChain(plan, filter, tools)
  if (filter.modifier === 'missing') return { predicate: missing(plan, filter.missing === true), exact: true }
  const { predicate, exact } = anyOf(
    filter.values.map((value) => lowerValue(plan, value, filter.modifier, { ...tools, type })),
  )
  if (filter.modifier !== 'not') return { predicate, exact }
  // The opposite of too many would be too few: without an exact condition all are looked at.
  return { predicate: exact ? not(predicate) : ALWAYS, exact }
}

function missing(plan: ParameterPlan, wanted: boolean): Predicate {
  // Every resource has an id and a time of last update; they are columns, not values.
  if (plan.def.code === '_id' || plan.def.code === '_lastUpdated') return wanted ? NEVER : ALWAYS
  return { op: 'present', mask: 1n << BigInt(plan.def.index), present: !wanted }
}

function lowerChain(plan: ParameterPlan, filter: Filter, tools: FilterTools): Lowered {
  const { types, filter: inner } = filter.chain as NonNullable<Filter['chain']>
  return anyOf(
    types.map((type): Lowered => {
      const targets = tools.chainTargets(filter, type)
      if (targets) return { predicate: referenceToRids(plan, type, targets), exact: true }
      const lowered = lowerFilter(type, inner, tools)
      if (lowered.predicate.op === 'never') return lowered
      const param = plan.owner && type === 'Patient' ? 'patient' : plan.def.id
      return { ...lowered, predicate: { op: 'chain', param, type, of: lowered.predicate } }
    }),
  )
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
export function namedIds(request: SearchRequest): { type: string; id: string }[] {
  const ids: { type: string; id: string }[] = request.compartment ? [request.compartment] : []
  const visit = (types: readonly string[], filter: Filter): void => {
    if (filter.chain) return visit(filter.chain.types, filter.chain.filter)
    for (const type of types)
      for (const value of filter.values) {
        if (value.kind === 'id') ids.push({ type, id: value.id })
        else
          for (const part of value.kind === 'composite' ? value.parts : [value])
            if (part.kind === 'reference')
              for (const target of part.type === undefined ? targetsOf(type, filter) : [part.type])
                ids.push({ type: target, id: part.id })
      }
  }
  for (const filter of request.filters) visit(request.types, filter)
  return ids
}

function targetsOf(type: string, filter: Filter): readonly string[] {
  return parameterPlans(type).get(filter.code)?.targets ?? []
}
