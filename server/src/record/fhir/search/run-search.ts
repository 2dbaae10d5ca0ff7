import { type Fault, LIMITS, raise } from '#kernel'
import { rowsOfPage } from '../store/page-bytes.ts'
import type { StoredRow } from '../store/rows.ts'
import { countMatches } from './count-matches.ts'
import { fetchRows } from './fetch-rows.ts'
import { type KeysAhead, keysAhead } from './keys-ahead.ts'
import { type PagePlace, sealPage } from './page-token.ts'
import { type PreparedType, prepareSearch } from './prepare-search.ts'
import type { Searcher } from './readable.ts'
import { runIncludes } from './run-includes.ts'
import { sealedSort } from './sealed-sort.ts'
import type { SearchDeps } from './search-deps.ts'
import type { SearchRequest } from './search-request.ts'

/** What a search found, still sealed. */
export interface SearchAnswer {
  /** In order. A resource whose patient was shredded meanwhile is among them and opens to nothing. */
  matches: StoredRow[]
  included: StoredRow[]
  /** Keys that were fetched with the matches; those of others are still to be fetched. */
  keys?: KeysAhead
  total?: number
  /** Tokens of the neighbouring pages: the link is `<base>/<Type>?_page=<token>`. */
  next?: string
  previous?: string
  /** The parameters that took part. */
  self: SearchRequest['self']
  /** What was ignored, cut or left out: information for the answer's OperationOutcome. */
  warnings: Fault[]
}

/**
 * Run a parsed search, or a page of it that `openPage` gave. Restricted to the caller's tenant and scopes. A page ends
 * early at 64 MB; what would be included beyond is left out with a warning.
 * Faults: `fhir.search.forbidden`, `sort-too-costly`, `chain-too-costly`, `too-costly`, `page-link-too-long` and those of the database.
 */
export async function runSearch(
  given: SearchDeps,
  searcher: Searcher,
  request: SearchRequest,
  page: { place?: PagePlace; at?: number } = {},
): Promise<SearchAnswer> {
  const deps = withinTime(given)
  const types = await prepareSearch(deps, searcher, request)
  const countOnly = request.count === 0 || request.output.summary === 'count'
  const keys = countOnly ? undefined : keysAhead(deps, searcher.tenant, types)
  const part = countOnly ? NOTHING : await fetchPart(deps, searcher, { types, request, place: page.place })
  const rows = part.rows.map(({ row }) => row)
  const { included, warnings } = await runIncludes(deps, searcher, request, rows)
  const counted = await total(deps, searcher, types, request, part.total, countOnly)
  const at = page.at ?? deps.clock.now()
  const link = (place: PagePlace | undefined): string | undefined =>
    place && sealPage(deps, searcher, { request, place, at })
  const next = link(part.next)
  const previous = link(part.previous)
  return {
    matches: rows,
    included,
    ...(keys ? { keys } : {}),
    ...(counted.total === undefined ? {} : { total: counted.total }),
    ...(next === undefined ? {} : { next }),
    ...(previous === undefined ? {} : { previous }),
    self: request.self,
    warnings: [...request.warnings, ...warnings, ...counted.warnings],
  }
}

/**
 * A search may ask the database often: for each chain, each batch of candidates, each include. It asks nothing more when it has
 * taken as long as one statement may take.
 */
function withinTime(deps: SearchDeps): SearchDeps {
  const began = deps.clock.monotonic()
  const query: SearchDeps['database']['query'] = async (statement, values) =>
    deps.clock.monotonic() - began > LIMITS.statementMs ? raise(TOO_COSTLY) : deps.database.query(statement, values)
  return { ...deps, database: { query } }
}

const TOO_COSTLY: Fault = {
  category: 'too-costly',
  code: 'fhir.search.too-costly',
  message: `The search took longer than ${LIMITS.statementMs / 1000} seconds and was stopped. Name a patient, a code or a date, or search in two steps.`,
}

interface Part {
  rows: { row: StoredRow; keys: readonly (number | string)[] }[]
  next?: PagePlace
  previous?: PagePlace
  /** Known without counting. */
  total?: number
}

const NOTHING: Part = { rows: [] }

async function fetchPart(
  deps: SearchDeps,
  searcher: Searcher,
  { types, request, place }: { types: PreparedType[]; request: SearchRequest; place: PagePlace | undefined },
): Promise<Part> {
  // One more than the page holds tells whether there is a further page.
  const limit = request.count + 1
  const backwards = place?.backwards === true
  const sealed = types.some((type) => type.order === undefined)
  const sorted = sealed
    ? await sealedSort(deps, searcher, types, { sort: request.sort, limit, ...(place ? { place } : {}) })
    : undefined
  const fetched =
    sorted ??
    (await fetchRows(deps, searcher, types, {
      limit,
      backwards,
      ...(place ? { after: { keys: place.keys as number[], rid: place.rid } } : {}),
    }))
  const cut = 'cut' in fetched ? fetched.cut : undefined
  const held = Math.min(request.count, rowsOfPage(fetched.found.map(({ row }) => row)))
  const more = fetched.found.length > held
  const rows: Part['rows'] = fetched.found.slice(0, held)
  if (backwards) rows.reverse()
  const edge = (at: Part['rows'][number] | undefined, back: boolean): PagePlace | undefined =>
    at && { keys: at.keys, rid: at.row.rid, backwards: back }
  // Where looking stopped early the next page starts at that place, so that nothing is passed over.
  const stopped = cut && { ...cut, backwards }
  const beyond = more ? edge(backwards ? rows[0] : rows.at(-1), backwards) : stopped
  const behind = place
    ? (edge(backwards ? rows.at(-1) : rows[0], !backwards) ?? { ...place, backwards: !place.backwards })
    : undefined
  const next = backwards ? behind : beyond
  const previous = backwards ? beyond : behind
  const complete = !place && !more && !cut
  return {
    rows,
    ...(next ? { next } : {}),
    ...(previous ? { previous } : {}),
    ...(sorted ? { total: sorted.total } : complete ? { total: rows.length } : {}),
  }
}

async function total(
  deps: SearchDeps,
  searcher: Searcher,
  types: PreparedType[],
  request: SearchRequest,
  known: number | undefined,
  countOnly: boolean,
): Promise<{ total?: number; warnings: Fault[] }> {
  if (known !== undefined) return { total: known, warnings: [] }
  if (request.total === 'none' && !countOnly) return { warnings: [] }
  return countMatches(deps, searcher, types, request.total === 'none' ? 'accurate' : request.total)
}
