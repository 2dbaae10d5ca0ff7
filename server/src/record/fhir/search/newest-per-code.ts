import { assert, type Fault, LIMITS, raise } from '#kernel'
import type { StoredRow } from '../store/rows.ts'
import { scopeOf } from './compile-search.ts'
import { storedRow } from './fetch-rows.ts'
import { prepareSearch } from './prepare-search.ts'
import { readable, type Searcher } from './readable.ts'
import type { SearchDeps } from './search-deps.ts'
import type { SearchRequest } from './search-request.ts'
import { SqlValues } from './sql-values.ts'
import { codingPairsSql, newestPerCodeSql, rowsSqlOf, type SqlScope } from './store.ts'

/** Rows without any coding that are handed over: what they are about is seen in their bodies only. */
const UNCODED_MAX = 200
/** Pairs of codings looked at; a panel of a hundred analytes under five code systems has 500. */
const PAIRS_MAX = 10_000

/** The newest rows of one thing observed; `coded` is false for those whose text has yet to tell them apart. */
export interface CodeGroup {
  rows: StoredRow[]
  coded: boolean
}

/**
 * The newest `max` resources of each code among those that a search of one type finds; codes that stand beside each other in one
 * CodeableConcept count as one. Groups and their rows are newest first. Restricted to the caller's tenant and scopes.
 * Faults: `fhir.search.forbidden`, `fhir.search.newest-unsupported`, `fhir.search.newest-too-many`.
 */
export async function newestPerCode(
  deps: SearchDeps,
  searcher: Searcher,
  request: SearchRequest,
  max: number,
): Promise<CodeGroup[]> {
  const [type] = await prepareSearch(deps, searcher, { ...request, sort: [] })
  assert(type, 'one type is searched')
  if (type.verify.length > 0) raise(UNSUPPORTED)
  const scoped = (): SqlScope & { source: string } => {
    const values = new SqlValues()
    const scope = { ...scopeOf(type.number, searcher, values), values, alias: 'r', hideTokens: true }
    return { ...scope, source: readable(searcher, type.type, 'r', 'search', values) }
  }
  const ask = async (write: (scope: SqlScope & { source: string }) => string) => {
    const scope = scoped()
    return deps.database.query({ text: write(scope) }, scope.values.list)
  }
  const limits = { max, uncodedMax: UNCODED_MAX, limit: LIMITS.sealedCandidatesMax + 1 }
  const [newest, pairs] = await Promise.all([
    ask((scope) => newestPerCodeSql(type.predicate, scope, limits)),
    ask((scope) => codingPairsSql(type.predicate, scope, PAIRS_MAX + 1)),
  ])
  if (newest.length >= limits.limit || pairs.length > PAIRS_MAX) raise(TOO_MANY)
  const root = joined(pairs as [string, string][])
  const groups = new Map<string, number[]>()
  for (const [rid, code] of newest as [number, string | null][]) {
    const key = code === null ? '' : root(code)
    const group = groups.get(key) ?? []
    groups.set(key, group)
    if (key === '' || group.length < max) group.push(rid)
  }
  const rids = [...groups.values()].flat()
  if (rids.length === 0) return []
  const found = await ask((scope) => rowsSqlOf({ op: 'rid', rids }, scope, rids.length))
  const rows = new Map(found.map((row) => storedRow(row, searcher.tenant)).map((row) => [row.rid, row]))
  return [...groups].map(([key, group]) => ({
    coded: key !== '',
    rows: group.flatMap((rid) => rows.get(rid) ?? []),
  }))
}

/** Which codes are one by way of resources that have both: gives the same name for each of them. */
function joined(pairs: readonly [string, string][]): (code: string) => string {
  const parents = new Map<string, string>()
  const root = (code: string): string => {
    let at = code
    for (let up = parents.get(at); up !== undefined; up = parents.get(at)) at = up
    // The next way up is short.
    if (at !== code) parents.set(code, at)
    return at
  }
  for (const [one, other] of pairs) {
    const [a, b] = [root(one), root(other)]
    if (a !== b) parents.set(b, a)
  }
  return root
}

const UNSUPPORTED: Fault = {
  category: 'unsupported',
  code: 'fhir.search.newest-unsupported',
  message:
    'One of the parameters can only be decided by opening each resource. Leave it out, or use a search with _sort.',
}
const TOO_MANY: Fault = {
  category: 'too-costly',
  code: 'fhir.search.newest-too-many',
  message: `More than ${LIMITS.sealedCandidatesMax} resources would be looked at. Ask for a smaller max, a category, a code or a date.`,
}
