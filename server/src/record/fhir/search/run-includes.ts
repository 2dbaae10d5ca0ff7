import { typeName, typeNumber } from '@salus/fhir-model'
import { type Fault, LIMITS } from '#kernel'
import { PAGE_BYTES_MAX, rowsWithin } from '../store/page-bytes.ts'
import type { StoredRow } from '../store/rows.ts'
import { scopeOf } from './compile-search.ts'
import { storedRow } from './fetch-rows.ts'
import { type ParameterPlan, parameterPlans } from './parameter-plan.ts'
import { or, type Predicate } from './predicate.ts'
import { mayRead, readable, type Searcher } from './readable.ts'
import type { SearchDeps } from './search-deps.ts'
import type { Include } from './search-request.ts'
import { SqlValues } from './sql-values.ts'
import { rowsSqlOf, targetsSql } from './store.ts'

/**
 * What `_include` and `_revinclude` add to a page, each resource once and none that is a match, at most
 * LIMITS.includedEntriesMax and within the page's 64 MB; a warning says when there were more. A type that was named must be allowed; of types that a
 * reference merely may point to, those the caller may not read are left out. https://hl7.org/fhir/R4/search.html#include
 */
export async function runIncludes(
  deps: SearchDeps,
  searcher: Searcher,
  includes: readonly Include[],
  matches: readonly StoredRow[],
): Promise<{ included: StoredRow[]; warnings: Fault[] }> {
  for (const include of includes) checkAccess(searcher, include)
  const known = new Set(matches.map((row) => row.rid))
  const included: StoredRow[] = []
  const found = await Promise.all(
    includes.map((include) =>
      include.reverse ? referring(deps, searcher, include, matches) : referredTo(deps, searcher, include, matches),
    ),
  )
  for (const row of found.flat()) {
    if (known.has(row.rid)) continue
    known.add(row.rid)
    included.push(row)
  }
  const cut =
    included.length > LIMITS.includedEntriesMax || found.some((rows) => rows.length > LIMITS.includedEntriesMax)
  const few = included.slice(0, LIMITS.includedEntriesMax)
  const matched = matches.reduce((sum, row) => sum + row.sealed.length, 0)
  const held = rowsWithin(few, PAGE_BYTES_MAX - matched)
  return {
    included: few.slice(0, held),
    warnings: [...(cut ? [TOO_MANY] : []), ...(held < few.length ? [TOO_LARGE] : [])],
  }
}

const TOO_LARGE: Fault = {
  category: 'too-costly',
  code: 'fhir.search.includes-too-large',
  message: `The page would be larger than ${PAGE_BYTES_MAX / 1024 / 1024} MB; the rest of what would be included is left out. Ask for smaller pages with _count.`,
}

const TOO_MANY: Fault = {
  category: 'too-costly',
  code: 'fhir.search.includes-cut',
  message: `More than ${LIMITS.includedEntriesMax} resources would be included; the rest is left out. Ask for smaller pages with _count.`,
}

function checkAccess(searcher: Searcher, { reverse, source, target }: Include): void {
  if (reverse) readable(searcher, source, 'r', 'search', new SqlValues())
  else if (target !== undefined) readable(searcher, target, 'r', 'read', new SqlValues())
}

async function referredTo(
  deps: SearchDeps,
  searcher: Searcher,
  { source, code, target }: Include,
  matches: readonly StoredRow[],
): Promise<StoredRow[]> {
  const sources = matches.filter((row) => row.type === typeNumber(source))
  if (sources.length === 0) return []
  const plan = parameterPlans(source).get(code) as ParameterPlan
  const targets = new Map<string, number[]>()
  const patients = new Set(sources.map((row) => row.patient).filter((patient) => patient !== 0))
  if (plan.owner && (target === undefined || target === 'Patient')) targets.set('Patient', [...patients])
  const values = new SqlValues()
  const query = {
    tenant: searcher.tenant,
    sources: sources.map((row) => row.rid),
    param: plan.def.id,
    limit: LIMITS.includedEntriesMax + 1,
    values,
  }
  const targetType = target === undefined ? undefined : typeNumber(target)
  const rows = await deps.database.query(
    { text: targetsSql(targetType === undefined ? query : { ...query, targetType }) },
    values.list,
  )
  for (const [number, rid] of rows as [number, number][]) {
    const type = typeName(number)
    if (type !== undefined) targets.set(type, [...(targets.get(type) ?? []), rid])
  }
  const wanted = [...targets].filter(([type, rids]) => rids.length > 0 && mayRead(searcher, type, 'read'))
  const found = await Promise.all(
    wanted.map(([type, rids]) => rowsOf(deps, searcher, { type, interaction: 'read', predicate: { op: 'rid', rids } })),
  )
  return found.flat()
}

async function referring(
  deps: SearchDeps,
  searcher: Searcher,
  { source, code, target }: Include,
  matches: readonly StoredRow[],
): Promise<StoredRow[]> {
  const plan = parameterPlans(source).get(code) as ParameterPlan
  const allowed = (type: string): boolean => (target === undefined ? plan.targets.includes(type) : type === target)
  const targets = matches.filter((row) => allowed(typeName(row.type) ?? ''))
  const patients = plan.owner ? targets.filter((row) => row.type === typeNumber('Patient')).map((row) => row.rid) : []
  const others = targets.map((row) => row.rid).filter((rid) => !patients.includes(rid))
  const alternatives: Predicate[] = []
  if (patients.length > 0) alternatives.push({ op: 'patient', rids: patients })
  if (others.length > 0) alternatives.push({ op: 'reference', params: [plan.def.id], targets: others })
  const found = await Promise.all(
    alternatives.map((predicate) => rowsOf(deps, searcher, { type: source, interaction: 'search', predicate })),
  )
  return found.flat()
}

async function rowsOf(
  deps: SearchDeps,
  searcher: Searcher,
  wanted: { type: string; interaction: 'search' | 'read'; predicate: Predicate },
): Promise<StoredRow[]> {
  const values = new SqlValues()
  const source = readable(searcher, wanted.type, 'r', wanted.interaction, values)
  const scope = scopeOf(typeNumber(wanted.type) as number, searcher, values)
  const text = rowsSqlOf(
    or([wanted.predicate]),
    { ...scope, values, alias: 'r', hideTokens: true, source },
    LIMITS.includedEntriesMax + 1,
  )
  const rows = await deps.database.query({ text }, values.list)
  return rows.map((row) => storedRow(row, searcher.tenant))
}
