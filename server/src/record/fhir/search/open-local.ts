import { typeNumber } from '@salus/fhir-model'
import { fetchRows } from './fetch-rows.ts'
import type { Searcher } from './readable.ts'
import type { SearchDeps } from './search-deps.ts'
import { DEFAULT_ORDER } from './sort-order.ts'

/** A current resource of this server by its id; undefined when there is none. The caller's scope is looked at before. */
export async function openLocal(
  deps: SearchDeps,
  searcher: Searcher,
  type: string,
  id: string,
): Promise<object | undefined> {
  const rid = (await deps.resolveIds(searcher.tenant, [{ type, id }])).rid(type, id)
  if (rid === undefined) return undefined
  const number = typeNumber(type) as number
  const wanted = { type, number, predicate: { op: 'rid' as const, rids: [rid] }, verify: [], order: DEFAULT_ORDER }
  const any: Searcher = { ...searcher, scopes: { allows: (asked) => asked === type } }
  const { found } = await fetchRows(deps, any, [wanted], { limit: 1 })
  const [body] = await deps.open(found.map(({ row }) => row))
  return body
}
