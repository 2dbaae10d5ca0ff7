import { extractSearchValues, type SearchValue } from '@salus/fhir-model'
import { LIMITS, raise } from '#kernel'
import { fold } from '#vault'
import type { StoredRow } from '../store/rows.ts'
import { fetchRows } from './fetch-rows.ts'
import type { PagePlace } from './page-token.ts'
import { parameterPlans } from './parameter-plan.ts'
import type { PreparedType } from './prepare-search.ts'
import type { Searcher } from './readable.ts'
import type { SearchDeps } from './search-deps.ts'
import type { SortKey } from './search-request.ts'

/** A match with the keys it is sorted by. */
export interface Sorted {
  row: StoredRow
  keys: (number | string)[]
}

/**
 * All matches sorted by values that only their bodies hold, the part of them that the page wants, and how many there are.
 * Fault `fhir.search.sort-too-costly` beyond LIMITS.sealedCandidatesMax matches.
 */
export async function sealedSort(
  deps: SearchDeps,
  searcher: Searcher,
  types: readonly PreparedType[],
  page: { sort: readonly SortKey[]; limit: number; place?: PagePlace },
): Promise<{ found: Sorted[]; total: number }> {
  const { found, cut } = await fetchRows(deps, searcher, types, { limit: LIMITS.sealedCandidatesMax + 1 })
  if (cut || found.length > LIMITS.sealedCandidatesMax)
    raise({
      category: 'too-costly',
      code: 'fhir.search.sort-too-costly',
      message: `Sorting by this parameter opens each match, ${LIMITS.sealedCandidatesMax} at most. Search more precisely, or sort by a date or _lastUpdated.`,
    })
  const bodies = await deps.open(found.map(({ row }) => row))
  const typeOf = new Map(types.map((type) => [type.number, type.type]))
  const sorted = found
    .flatMap(({ row }, index): Sorted[] => {
      const body = bodies[index]
      return body ? [{ row, keys: keysOf(typeOf.get(row.type) as string, row, body, page.sort) }] : []
    })
    .sort((a, b) => compare(a, b, page.sort))
  return { found: part(sorted, page), total: sorted.length }
}

function part(
  sorted: Sorted[],
  { place, limit, sort }: { place?: PagePlace; limit: number; sort: readonly SortKey[] },
): Sorted[] {
  if (!place) return sorted.slice(0, limit)
  const at = { row: { rid: place.rid }, keys: place.keys }
  if (place.backwards)
    return sorted
      .filter((one) => compare(one, at, sort) < 0)
      .reverse()
      .slice(0, limit)
  return sorted.filter((one) => compare(one, at, sort) > 0).slice(0, limit)
}

interface Comparable {
  row: { rid: number }
  keys: readonly (number | string)[]
}

function compare(a: Comparable, b: Comparable, sort: readonly SortKey[]): number {
  for (const [index, { descending }] of sort.entries()) {
    const [left, right] = [a.keys[index], b.keys[index]]
    if (left === right) continue
    // Resources without a value come last in both directions.
    if (left === NONE || right === NONE) return left === NONE ? 1 : -1
    return ((left as number) < (right as number) ? -1 : 1) * (descending ? -1 : 1)
  }
  return (a.row.rid - b.row.rid) * (sort.at(-1)?.descending ? -1 : 1)
}

/** Stands for the absence of a value: no folded text or date is this. */
const NONE = ''

function keysOf(type: string, row: StoredRow, body: object, sort: readonly SortKey[]): (number | string)[] {
  const extracted = extractSearchValues(body)
  return sort.map(({ code, descending }) => {
    if (code === '_id') return row.rid
    if (code === '_lastUpdated') return row.updated
    const def = parameterPlans(type).get(code)?.def
    const keys = (def ? (extracted.get(def) ?? []) : []).map(keyOf).filter((key) => key !== NONE)
    if (keys.length === 0) return NONE
    return keys.reduce((best, key) => (key < best === descending ? best : key))
  })
}

/** What a value sorts by: text without case and accents, the start of a date, the number as written. */
function keyOf(value: SearchValue): number | string {
  switch (value.kind) {
    case 'string':
    case 'uri':
      return fold(value.value)
    case 'token':
      return fold(value.code ?? value.text ?? '')
    case 'reference':
      return value.url ?? ''
    case 'date':
      return value.lo
    case 'number':
    case 'quantity':
      return value.value
    case 'composite':
      return NONE
  }
}
