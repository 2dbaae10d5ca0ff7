import { RESOURCE_TYPES, searchParameterById, typeName, typeNumber } from '@salus/fhir-model'
import { LIMITS } from '#kernel'
import type { StoredRow } from '../store/rows.ts'
import { scopeOf } from './compile-search.ts'
import { storedRow } from './fetch-rows.ts'
import { type ParameterPlan, parameterPlans, planNamed } from './parameter-plan.ts'
import { or, type Predicate } from './predicate.ts'
import { mayRead, readable, type Searcher } from './readable.ts'
import type { SearchDeps } from './search-deps.ts'
import type { Include } from './search-request.ts'
import { SqlValues } from './sql-values.ts'
import { rowsSqlOf, sourcesOfPatientsSql, sourcesSql, targetsSql } from './store.ts'

/** What one parameter draws in; `cut` when there was more than LIMITS.includedEntriesMax of it. */
export interface Included {
  rows: StoredRow[]
  cut: boolean
}

const LIMIT = LIMITS.includedEntriesMax + 1

/** What one `_include` or `_revinclude` draws in from resources; the caller's scopes on a type that it names were looked at. */
export async function includedBy(
  deps: SearchDeps,
  searcher: Searcher,
  include: Include,
  from: readonly StoredRow[],
): Promise<Included> {
  const rows = include.reverse
    ? include.source === '*'
      ? await referringAnyhow(deps, searcher, from)
      : await referring(deps, searcher, include, from)
    : await referredTo(deps, searcher, include, from)
  return { rows, cut: rows.length > LIMITS.includedEntriesMax }
}

async function referredTo(
  deps: SearchDeps,
  searcher: Searcher,
  { source, code, target }: Include,
  from: readonly StoredRow[],
): Promise<StoredRow[]> {
  const sources = source === '*' ? from : from.filter((row) => row.type === typeNumber(source))
  if (sources.length === 0) return []
  const targets = new Map<string, number[]>()
  if (target === undefined || target === 'Patient') targets.set('Patient', ownersOf(sources, code))
  const values = new SqlValues()
  const custom = await deps.customParameters?.(searcher.tenant)
  const param = code === '*' ? undefined : planNamed(source, code, custom)?.def.id
  const targetType = target === undefined ? undefined : typeNumber(target)
  const text = targetsSql({
    tenant: searcher.tenant,
    sources: sources.map((row) => row.rid),
    ...(param === undefined ? {} : { param }),
    ...(targetType === undefined ? {} : { targetType }),
    limit: LIMIT,
    values,
  })
  for (const [number, rid] of (await deps.database.query({ text }, values.list)) as [number, number][]) {
    const type = typeName(number)
    if (type !== undefined) targets.set(type, [...(targets.get(type) ?? []), rid])
  }
  const wanted = [...targets].filter(([type, rids]) => rids.length > 0 && mayRead(searcher, type, 'read'))
  const found = await Promise.all(
    wanted.map(([type, rids]) => rowsOf(deps, searcher, { type, interaction: 'read', predicate: { op: 'rid', rids } })),
  )
  return found.flat()
}

/** Patients that resources belong to by the parameter, or by any: such references have no rows. */
function ownersOf(rows: readonly StoredRow[], code: string): number[] {
  const owned = new Map<number, boolean>()
  const isOwned = (type: number): boolean => {
    const plans = [...parameterPlans(typeName(type) ?? '').values()]
    return plans.some((plan) => plan.owner && (code === '*' || plan.def.code === code))
  }
  const patients = new Set<number>()
  for (const { type, patient } of rows) {
    if (!owned.has(type)) owned.set(type, isOwned(type))
    if (patient !== 0 && owned.get(type) === true) patients.add(patient)
  }
  return [...patients]
}

async function referring(
  deps: SearchDeps,
  searcher: Searcher,
  { source, code, target }: Include,
  from: readonly StoredRow[],
): Promise<StoredRow[]> {
  const custom = (await deps.customParameters?.(searcher.tenant))?.of(source)
  const own = [...(custom?.values() ?? [])].map(({ plan }) => plan)
  const plans = [...parameterPlans(source).values(), ...own].filter(
    ({ def }) => def.type === 'reference' && (code === '*' || def.code === code),
  )
  const alternatives = plans.map((plan) => referringBy(plan, target, from))
  return rowsOf(deps, searcher, { type: source, interaction: 'search', predicate: or(alternatives) })
}

function referringBy(plan: ParameterPlan, target: string | undefined, from: readonly StoredRow[]): Predicate {
  const allowed = (type: string): boolean => (target === undefined ? plan.targets.includes(type) : type === target)
  const targets = from.filter((row) => allowed(typeName(row.type) ?? ''))
  const patients = plan.owner ? targets.filter((row) => row.type === typeNumber('Patient')).map((row) => row.rid) : []
  const others = targets.map((row) => row.rid).filter((rid) => !patients.includes(rid))
  const alternatives: Predicate[] = []
  if (patients.length > 0) alternatives.push({ op: 'patient', rids: patients })
  if (others.length > 0) alternatives.push({ op: 'reference', params: [plan.def.id], targets: others })
  return or(alternatives)
}

/** Whatever refers to the resources, of the types that the caller may search. */
async function referringAnyhow(deps: SearchDeps, searcher: Searcher, from: readonly StoredRow[]): Promise<StoredRow[]> {
  const wanted = new Map<string, Predicate[]>()
  const add = (type: string, predicate: Predicate): void =>
    void wanted.set(type, [...(wanted.get(type) ?? []), predicate])
  const values = new SqlValues()
  const text = sourcesSql({ tenant: searcher.tenant, targets: from.map(({ rid }) => rid), limit: LIMIT, values })
  const byType = new Map<string, number[]>()
  for (const [param, rid] of (await deps.database.query({ text }, values.list)) as [number, number][]) {
    const type = searchParameterById(param)?.base ?? ''
    if (mayRead(searcher, type, 'search')) byType.set(type, [...(byType.get(type) ?? []), rid])
  }
  for (const [type, rids] of byType) add(type, { op: 'rid', rids })
  const patients = from.filter((row) => row.type === typeNumber('Patient')).map((row) => row.rid)
  for (const type of await typesOwned(deps, searcher, patients)) add(type, { op: 'patient', rids: patients })
  // One type after the other, so that no more is held than may be included.
  const found: StoredRow[] = []
  for (const [type, predicates] of wanted) {
    if (found.length >= LIMIT) break
    const limit = LIMIT - found.length
    found.push(...(await rowsOf(deps, searcher, { type, interaction: 'search', predicate: or(predicates), limit })))
  }
  return found
}

/** Types of which something belongs to the patients, of those that the caller may search. */
async function typesOwned(deps: SearchDeps, searcher: Searcher, patients: number[]): Promise<string[]> {
  if (patients.length === 0) return []
  const values = new SqlValues()
  const types = RESOURCE_TYPES.filter(
    (type) => mayRead(searcher, type, 'search') && [...parameterPlans(type).values()].some(({ owner }) => owner),
  )
  if (types.length === 0) return []
  const sources = types.map((type) => readable(searcher, type, 'r', 'search', values))
  const found = await deps.database.query({ text: sourcesOfPatientsSql(sources, patients, values) }, values.list)
  return (found as [number][]).map(([index]) => types[index] as string)
}

async function rowsOf(
  deps: SearchDeps,
  searcher: Searcher,
  wanted: { type: string; interaction: 'search' | 'read'; predicate: Predicate; limit?: number },
): Promise<StoredRow[]> {
  if (wanted.predicate.op === 'never') return []
  // Two kinds of conditions in one would keep the database from either one's index.
  const parts = wanted.predicate.op === 'or' ? wanted.predicate.of : [wanted.predicate]
  const found: StoredRow[] = []
  for (const predicate of parts) {
    const limit = (wanted.limit ?? LIMIT) - found.length
    if (limit <= 0) break
    const values = new SqlValues()
    const source = readable(searcher, wanted.type, 'r', wanted.interaction, values)
    const scope = scopeOf(typeNumber(wanted.type) as number, searcher, values)
    const text = rowsSqlOf(predicate, { ...scope, values, alias: 'r', hideTokens: true, source }, limit)
    const rows = await deps.database.query({ text }, values.list)
    found.push(...rows.map((row) => storedRow(row, searcher.tenant)))
  }
  return found
}
