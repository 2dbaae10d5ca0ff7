import { type Clock, type Fault, fail, ok, type Result, raise } from '#kernel'
import type { CustomTable } from '../parameters/custom-parameters.ts'
import { parseSearch } from './parse-search.ts'
import type { Searcher } from './readable.ts'
import type { SearchDeps } from './search-deps.ts'
import { SEARCH_LIMITS } from './search-limits.ts'
import type { SearchRequest } from './search-request.ts'

/** Where a page begins: strictly after (or, backwards, before) these sort keys and this number. */
export interface PagePlace {
  keys: readonly (number | string)[]
  rid: number
  backwards: boolean
}

/** A page of a search that was begun earlier. */
export interface Page {
  request: SearchRequest
  place: PagePlace
  /** When the search began: `ap` still means near that moment. */
  at: number
}

/** Page tokens are sealed under a key of their own. */
const PURPOSE = 'search-page'

interface Carried {
  t: string[]
  p: [string, string][]
  c?: { type: string; id: string }
  k: (number | string)[]
  r: number
  b: 0 | 1
  n: number
}

/** The token of a page link: the whole query and the place, sealed for this tenant and client. */
export function sealPage(deps: Pick<SearchDeps, 'vault'>, searcher: Searcher, { request, place, at }: Page): string {
  const carried: Carried = {
    t: request.types,
    p: request.self,
    ...(request.compartment ? { c: request.compartment } : {}),
    k: [...place.keys],
    r: place.rid,
    b: place.backwards ? 1 : 0,
    n: at,
  }
  const token = deps.vault.sealText(PURPOSE, searcher.tenant, JSON.stringify(carried), searcher.client)
  if (token.length > SEARCH_LIMITS.pageTokenCharsMax)
    raise({
      category: 'too-costly',
      code: 'fhir.search.page-link-too-long',
      message:
        'The search has too many values for a page link. Ask for fewer values, or for all matches on one page with _count.',
    })
  return token
}

/** Open the token of a page link. Fault `fhir.search.page-unknown` when it was not made here for this client. */
export function openPage(
  deps: Pick<SearchDeps, 'vault' | 'base'>,
  searcher: Searcher,
  token: string,
  custom?: CustomTable,
): Result<Page> {
  const text =
    token.length > SEARCH_LIMITS.pageTokenCharsMax
      ? undefined
      : deps.vault.openText(PURPOSE, searcher.tenant, token, searcher.client)
  if (text === undefined) return fail(UNKNOWN_PAGE)
  const { t, p, c, k, r, b, n } = JSON.parse(text) as Carried
  const clock: Clock = { now: () => n, monotonic: () => 0 }
  const request = parseSearch({
    types: t,
    // The types are named apart.
    parameters: p.filter(([name]) => name !== '_type'),
    clock,
    ...(custom ? { custom } : {}),
    ...(c ? { compartment: c } : {}),
    ...(deps.base === undefined ? {} : { base: deps.base }),
  })
  return request.ok ? ok({ request: request.value, place: { keys: k, rid: r, backwards: b === 1 }, at: n }) : request
}

const UNKNOWN_PAGE: Fault = {
  category: 'invalid',
  code: 'fhir.search.page-unknown',
  message: 'This page link was not made for this client, or the keys have changed since. Start the search again.',
}
