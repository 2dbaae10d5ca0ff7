import { type Fault, LIMITS } from '#kernel'
import { PAGE_BYTES_MAX, rowsWithin } from '../store/page-bytes.ts'
import type { StoredRow } from '../store/rows.ts'
import { type Included, includedBy } from './follow-include.ts'
import { graphIncludes } from './graph-includes.ts'
import { readable, type Searcher } from './readable.ts'
import type { SearchDeps } from './search-deps.ts'
import { SEARCH_LIMITS } from './search-limits.ts'
import type { Include, SearchRequest } from './search-request.ts'
import { SqlValues } from './sql-values.ts'

/**
 * What `_include` and `_revinclude` add to a page, each resource once and none that is a match, at most
 * LIMITS.includedEntriesMax and within the page's 64 MB; a warning says when there were more. With `:iterate` what was added
 * leads on, SEARCH_LIMITS.includeRoundsMax times at most. A type that was named must be allowed; of types that a
 * reference merely may point to, those the caller may not read are left out. https://hl7.org/fhir/R4/search.html#include
 */
export async function runIncludes(
  deps: SearchDeps,
  searcher: Searcher,
  { includes, graph, types }: Pick<SearchRequest, 'includes' | 'graph' | 'types'>,
  matches: readonly StoredRow[],
): Promise<{ included: StoredRow[]; warnings: Fault[] }> {
  for (const include of includes) checkAccess(searcher, include)
  const known = new Set(matches.map((row) => row.rid))
  const included: StoredRow[] = []
  const warnings = new Set<Fault>()
  let from = matches
  let asked = includes
  for (let round = 0; asked.length > 0 && from.length > 0; round++) {
    if (round > SEARCH_LIMITS.includeRoundsMax) {
      warnings.add(TOO_DEEP)
      break
    }
    const found = await Promise.all(asked.map((include) => includedBy(deps, searcher, include, from)))
    const added = unknownOf(found, known)
    included.push(...added)
    if (included.length > LIMITS.includedEntriesMax || found.some(({ cut }) => cut)) {
      warnings.add(TOO_MANY)
      break
    }
    from = added
    asked = includes.filter(({ iterate }) => iterate)
  }
  if (graph !== undefined) {
    const found = await graphIncludes(deps, searcher, { graph, types }, matches)
    included.push(...unknownOf([found], known))
    if (found.cut || included.length > LIMITS.includedEntriesMax) warnings.add(TOO_MANY)
  }
  const few = included.slice(0, LIMITS.includedEntriesMax)
  const matched = matches.reduce((sum, row) => sum + row.sealed.length, 0)
  const held = rowsWithin(few, PAGE_BYTES_MAX - matched)
  if (held < few.length) warnings.add(TOO_LARGE)
  return { included: few.slice(0, held), warnings: [...warnings] }
}

function unknownOf(found: readonly Included[], known: Set<number>): StoredRow[] {
  const added: StoredRow[] = []
  for (const row of found.flatMap(({ rows }) => rows)) {
    if (known.has(row.rid)) continue
    known.add(row.rid)
    added.push(row)
  }
  return added
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

const TOO_DEEP: Fault = {
  category: 'too-costly',
  code: 'fhir.search.includes-too-deep',
  message: `What is included leads on for more than ${SEARCH_LIMITS.includeRoundsMax} rounds of :iterate; what lies beyond is left out. Search from there.`,
}

function checkAccess(searcher: Searcher, { reverse, source, target }: Include): void {
  if (reverse && source !== '*') readable(searcher, source, 'r', 'search', new SqlValues())
  else if (!reverse && target !== undefined) readable(searcher, target, 'r', 'read', new SqlValues())
}
