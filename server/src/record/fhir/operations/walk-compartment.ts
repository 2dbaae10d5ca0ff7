import { compartmentParams, RESOURCE_TYPES, typePlan } from '@salus/fhir-model'
import { type Fault, raise } from '#kernel'
import { openPage, type PagePlace, parseSearch, runSearch, type SearchDeps } from '../search/index.ts'
import { PAGE_BYTES_MAX } from '../store/page-bytes.ts'
import type { StoredRow } from '../store/rows.ts'
import type { Caller } from '../store/write-request.ts'

/** Which part of a compartment is asked for. */
export interface CompartmentQuery {
  types: readonly string[]
  /** Instant: only what was stored at or after it. */
  since?: string
  /** Dates: only what happened from or until then. */
  start?: string
  end?: string
}

/** Where a walk goes on. */
export interface WalkPlace {
  step: number
  inner?: PagePlace
}

/** Types of one search: each is a branch of its statement. */
const TYPES_PER_STEP = 20

/**
 * The types of a compartment that this caller may read and search, but for the type of the compartment itself, in the order of
 * their names. AuditEvent is no stored resource.
 */
export function compartmentTypes(caller: Caller, compartment: string): string[] {
  return RESOURCE_TYPES.filter(
    (type) =>
      type !== compartment &&
      type !== 'AuditEvent' &&
      compartmentParams(compartment, type).length > 0 &&
      caller.scopes.allows(type, 'r') &&
      caller.scopes.allows(type, 's'),
  ).toSorted()
}

/**
 * Up to `limit` resources of a compartment (by its id), in a stable order: groups of types, and within a group the order of
 * arrival. With `start` or `end` what has a clinical date is searched by it; what has none is in it, whatever the dates.
 */
export async function walkCompartment(
  search: SearchDeps,
  caller: Caller,
  walk: { compartment: { type: string; id: string }; query: CompartmentQuery; place: WalkPlace; limit: number },
): Promise<{ rows: StoredRow[]; next?: WalkPlace }> {
  const steps = stepsOf(walk.query)
  const rows: StoredRow[] = []
  let bytes = 0
  let { inner } = walk.place
  for (let step = walk.place.step; step < steps.length; step++) {
    if (rows.length >= walk.limit || bytes >= PAGE_BYTES_MAX)
      return { rows, next: { step, ...(inner ? { inner } : {}) } }
    const { types, parameters } = steps[step] as Step
    const parsed = parseSearch({
      types,
      parameters: [['_sort', '_id'], ['_count', String(walk.limit - rows.length)], ...parameters],
      compartment: walk.compartment,
      clock: search.clock,
      ...(search.base === undefined ? {} : { base: search.base }),
    })
    if (!parsed.ok) return raise(parsed.fault)
    const answer = await runSearch(search, caller, parsed.value, inner ? { place: inner } : {})
    rows.push(...answer.matches)
    bytes += answer.matches.reduce((sum, row) => sum + row.sealed.length, 0)
    inner = answer.next === undefined ? undefined : placeIn(search, caller, answer.next)
    if (inner) return { rows, next: { step, inner } }
  }
  return { rows }
}

interface Step {
  types: string[]
  parameters: [string, string][]
}

function stepsOf({ types, since, start, end }: CompartmentQuery): Step[] {
  const isDated = start !== undefined || end !== undefined
  const groups = new Map<string, string[]>()
  for (const type of types) {
    const code = isDated ? (typePlan(type).dateParam?.code ?? '') : ''
    groups.set(code, [...(groups.get(code) ?? []), type])
  }
  const stored: [string, string][] = since === undefined ? [] : [['_lastUpdated', `ge${since}`]]
  const steps: Step[] = []
  for (const [code, group] of groups)
    for (let first = 0; first < group.length; first += TYPES_PER_STEP) {
      const some = group.slice(first, first + TYPES_PER_STEP)
      if (code === '') steps.push({ types: some, parameters: stored })
      else {
        const dates: [string, string][] = []
        if (start !== undefined) dates.push([code, `ge${start}`])
        if (end !== undefined) dates.push([code, `le${end}`])
        steps.push({ types: some, parameters: [...stored, ...dates] })
        // An allergy of which nobody wrote down the day is not to be missed.
        steps.push({ types: some, parameters: [...stored, [`${code}:missing`, 'true']] })
      }
    }
  return steps
}

function placeIn(search: SearchDeps, caller: Caller, token: string): PagePlace {
  const page = openPage(search, caller, token)
  return page.ok ? page.value.place : raise(page.fault)
}

/** The types of `_type`, of those that are there to be asked for. Fault `fhir.operation.type-unknown`. */
export function askedTypes(words: readonly string[]): ReadonlySet<string> | undefined {
  if (words.length === 0) return undefined
  const known = new Set<string>(RESOURCE_TYPES)
  if (words.some((word) => !known.has(word))) raise(TYPE_UNKNOWN)
  return new Set(words)
}

const TYPE_UNKNOWN: Fault = {
  category: 'invalid',
  code: 'fhir.operation.type-unknown',
  message: '_type takes names of R4 resource types, e.g. _type=Condition,Observation.',
}
