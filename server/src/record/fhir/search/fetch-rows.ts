import type { Row } from '#db'
import { eventLoopTurns, LIMITS } from '#kernel'
import type { StoredRow } from '../store/rows.ts'
import { type Compiled, compileSearch } from './compile-search.ts'
import { matchesFilters } from './matcher.ts'
import type { PreparedType } from './prepare-search.ts'
import type { Searcher } from './readable.ts'
import type { SearchDeps } from './search-deps.ts'
import { SEARCH_LIMITS } from './search-limits.ts'
import { reversed } from './sort-order.ts'
import type { Place } from './store.ts'

/** A match and its place in the order. */
export interface Found {
  row: StoredRow
  keys: readonly number[]
}

export interface Fetched {
  found: Found[]
  /** Set when not all candidates could be looked at: where the look-out stopped. */
  cut?: Place
  /** Bodies that were opened. */
  opened: number
}

/**
 * Up to `limit` matches in order, after a place; `backwards` for those before it, nearest first. Candidates that only
 * their body can decide are opened in batches until the page is full, `candidatesMax` (LIMITS.sealedCandidatesMax) at most.
 */
export async function fetchRows(
  deps: SearchDeps,
  searcher: Searcher,
  types: readonly PreparedType[],
  page: { limit: number; after?: Place | undefined; backwards?: boolean; candidatesMax?: number },
): Promise<Fetched> {
  const verify = new Map(types.filter((type) => type.verify.length > 0).map((type) => [type.number, type.verify]))
  const ask = async (after: Place | undefined, limit: number): Promise<Found[]> => {
    const turn = page.backwards ? { order: reversed } : {}
    return run(deps, compileSearch(types, searcher, { after, limit, ...turn }, deps.names), searcher.tenant)
  }
  const custom = types[0]?.custom
  if (verify.size === 0) return { found: await ask(page.after, page.limit), opened: 0 }
  const found: Found[] = []
  const turn = eventLoopTurns(deps.clock)
  const candidatesMax = page.candidatesMax ?? LIMITS.sealedCandidatesMax
  let after = page.after
  let opened = 0
  let rows: number = Math.min(Math.max(page.limit * 2, FIRST_ROWS_MIN), SEARCH_LIMITS.verifyFirstRows)
  while (opened < candidatesMax) {
    const size = Math.min(rows, candidatesMax - opened)
    const batch = await ask(after, size)
    opened += batch.length
    const bodies = await deps.open(batch.map(({ row }) => row))
    for (const [index, candidate] of batch.entries()) {
      await turn()
      const filters = verify.get(candidate.row.type)
      const body = bodies[index]
      if (filters && (!body || !matchesFilters(body, filters, { base: deps.base, custom }))) continue
      found.push(candidate)
      if (found.length === page.limit) return { found, opened }
    }
    const last = batch.at(-1)
    if (!last || batch.length < size) return { found, opened }
    rows = Math.min(rows * 4, SEARCH_LIMITS.verifyBatchRows)
    after = placeOf(last)
  }
  return { found, opened, ...(after ? { cut: after } : {}) }
}

/** Fewer would only mean another look. */
const FIRST_ROWS_MIN = 8

/** The place of a match: the next page starts after it. */
export function placeOf({ row, keys }: Found): Place {
  return { keys, rid: row.rid }
}

async function run(deps: SearchDeps, { statement, values }: Compiled, tenant: number): Promise<Found[]> {
  const rows = await deps.database.query(statement, values)
  return rows.map((row) => ({ row: storedRow(row, tenant), keys: row.slice(6) as number[] }))
}

/** A row of the columns every search selects. */
export function storedRow(row: Row, tenant: number): StoredRow {
  const [type, rid, patient, version, updated, sealed] = row as [number, number, number, number, number, Buffer]
  return { tenant, type, rid, patient, version, updated, sealed, deleted: false }
}
