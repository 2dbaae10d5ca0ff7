import { type Fault, LIMITS } from '#kernel'
import { compileCount } from './compile-search.ts'
import { typesOf } from './count-cache.ts'
import { fetchRows } from './fetch-rows.ts'
import type { PreparedType } from './prepare-search.ts'
import type { Searcher } from './readable.ts'
import type { SearchDeps } from './search-deps.ts'
import { SEARCH_LIMITS } from './search-limits.ts'
import { estimateSql } from './store.ts'

/**
 * How many resources match. `accurate` is exact, or absent with a warning where counting would cost too much; `estimate`
 * is exact up to a limit and the planner's guess beyond. https://hl7.org/fhir/R4/search.html#total
 */
export async function countMatches(
  deps: SearchDeps,
  searcher: Searcher,
  types: readonly PreparedType[],
  wanted: 'estimate' | 'accurate',
): Promise<{ total?: number; warnings: Fault[] }> {
  if (types.some((type) => type.verify.length > 0)) {
    const { found, cut } = await fetchRows(deps, searcher, types, { limit: LIMITS.sealedCandidatesMax + 1 })
    return cut || found.length > LIMITS.sealedCandidatesMax
      ? { warnings: [NO_TOTAL] }
      : { total: found.length, warnings: [] }
  }
  const max = wanted === 'accurate' ? SEARCH_LIMITS.countMax : SEARCH_LIMITS.estimateMax
  const { statement, values } = compileCount(types, searcher, max + 1, deps.names)
  const count = async (): Promise<number> => (await deps.database.query(statement, values))[0]?.[0] as number
  const total = await (deps.counts?.of(searcher.tenant, concerned(types), { statement, values }, count) ?? count())
  if (total <= max) return { total, warnings: [] }
  return wanted === 'accurate'
    ? { warnings: [NO_TOTAL] }
    : { total: Math.max(total, await estimate(deps, searcher, types)), warnings: [] }
}

/** Types whose writes may change how many match. */
function concerned(types: readonly PreparedType[]): number[] {
  const all = types.flatMap(({ number, predicate }) => [number, ...typesOf(predicate)])
  return [...new Set(all)].sort((a, b) => a - b)
}

const NO_TOTAL: Fault = {
  category: 'too-costly',
  code: 'fhir.search.total-left-out',
  message:
    'Counting all matches would take too long, so there is no total. Search more precisely, or ask for _total=estimate.',
}

interface Explained {
  Plan: { Plans: [{ 'Plan Rows': number }] }
}

/** What the planner expects below the count itself. */
async function estimate(deps: SearchDeps, searcher: Searcher, types: readonly PreparedType[]): Promise<number> {
  const { statement, values } = compileCount(types, searcher, INT_MAX, { nameOf: () => undefined })
  const [row] = await deps.database.query({ text: estimateSql(statement.text) }, values)
  const plan = (typeof row?.[0] === 'string' ? JSON.parse(row[0]) : row?.[0]) as [Explained]
  return Math.round(plan[0].Plan.Plans[0]['Plan Rows'])
}

const INT_MAX = 2_147_483_647
