import { isResourceType } from '@salus/fhir-model'
import { LIMITS, raise } from '#kernel'
import type { StoredRow } from '../store/rows.ts'
import { includedBy } from './follow-include.ts'
import { openLocal } from './open-local.ts'
import { parameterPlans } from './parameter-plan.ts'
import { mayRead, readable, type Searcher } from './readable.ts'
import type { SearchDeps } from './search-deps.ts'
import { SEARCH_LIMITS } from './search-limits.ts'
import type { Include } from './search-request.ts'
import { SqlValues } from './sql-values.ts'

/** What a link of a GraphDefinition draws in, and what is drawn in from there. */
interface GraphLink {
  include: Include
  links: GraphLink[]
}

/**
 * What a GraphDefinition of this server draws in: links by a path that a reference parameter reads, or by `params` of the
 * form `patient={ref}`. The caller must be allowed to see each of its types. Faults: `fhir.search.graph-unknown`, `graph-unsupported`,
 * `forbidden`. https://hl7.org/fhir/R4/graphdefinition.html
 */
export async function graphIncludes(
  deps: SearchDeps,
  searcher: Searcher,
  { graph, types }: { graph: string; types: readonly string[] },
  matches: readonly StoredRow[],
): Promise<{ rows: StoredRow[]; cut: boolean }> {
  const links = await linksOf(deps, searcher, graph, types)
  const rows: StoredRow[] = []
  let cut = false
  const walk = async (from: readonly StoredRow[], further: GraphLink[]): Promise<void> => {
    for (const { include, links: next } of further) {
      if (from.length === 0 || cut) return
      const found = await includedBy(deps, searcher, include, from)
      rows.push(...found.rows)
      cut ||= found.cut || rows.length > LIMITS.includedEntriesMax
      await walk(found.rows, next)
    }
  }
  await walk(matches, links)
  return { rows, cut }
}

async function linksOf(
  deps: SearchDeps,
  searcher: Searcher,
  graph: string,
  types: readonly string[],
): Promise<GraphLink[]> {
  // What the caller may not read answers as if it were not there.
  const definition = mayRead(searcher, 'GraphDefinition', 'read')
    ? await openLocal(deps, searcher, 'GraphDefinition', graph)
    : undefined
  const { start, link } = (definition ?? raise(UNKNOWN)) as { start?: string; link?: unknown }
  if (start === undefined || !types.includes(start)) raise(UNSUPPORTED)
  const links = readLinks(start, link, { depth: 0, count: { left: SEARCH_LIMITS.includesMax } })
  const visit = ({ include: { reverse, source, target }, links: next }: GraphLink): void => {
    if (reverse) readable(searcher, source, 'r', 'search', new SqlValues())
    else if (target !== undefined) readable(searcher, target, 'r', 'read', new SqlValues())
    for (const one of next) visit(one)
  }
  for (const one of links) visit(one)
  return links
}

interface WrittenLink {
  path?: unknown
  target?: unknown
}
interface WrittenTarget {
  type?: unknown
  params?: unknown
  link?: unknown
}

function readLinks(source: string, links: unknown, place: { depth: number; count: { left: number } }): GraphLink[] {
  if (place.depth > SEARCH_LIMITS.includeRoundsMax) return raise(UNSUPPORTED)
  const further = { ...place, depth: place.depth + 1 }
  return listOf<WrittenLink>(links).flatMap(({ path, target }) =>
    listOf<WrittenTarget>(target).map(({ type, params, link }): GraphLink => {
      if (--place.count.left < 0 || typeof type !== 'string' || !isResourceType(type)) return raise(UNSUPPORTED)
      const include = typeof path === 'string' ? byPath(source, path, type) : byParameter(source, params, type)
      return { include, links: readLinks(type, link, further) }
    }),
  )
}

function listOf<T>(value: unknown): T[] {
  return Array.isArray(value) ? (value as (T | null)[]).filter((one) => typeof one === 'object' && one !== null) : []
}

/** The reference parameter that reads the path and may lead to the type. */
function byPath(source: string, path: string, target: string): Include {
  const wanted = path.startsWith(`${source}.`) ? path : `${source}.${path}`
  const plan = [...parameterPlans(source).values()].find(
    ({ def, targets }) =>
      def.type === 'reference' &&
      targets.includes(target) &&
      def.expression.split('|').some((part) => part.trim().replace(/\.where\(resolve\(\) is \w+\)$/, '') === wanted),
  )
  return plan ? { reverse: false, source, code: plan.def.code, target } : raise(UNSUPPORTED)
}

/** `patient={ref}`: the resources of the type that refer here by the parameter. */
function byParameter(source: string, params: unknown, type: string): Include {
  const code = typeof params === 'string' ? /^([\w-]{1,64})=\{ref\}$/.exec(params)?.[1] : undefined
  const plan = code === undefined ? undefined : parameterPlans(type).get(code)
  return plan?.def.type === 'reference' && plan.targets.includes(source)
    ? { reverse: true, source: type, code: plan.def.code, target: source }
    : raise(UNSUPPORTED)
}

const UNKNOWN = {
  category: 'not-found',
  code: 'fhir.search.graph-unknown',
  message: 'There is no such GraphDefinition. Store it, and name it by its id.',
} as const

const UNSUPPORTED = {
  category: 'invalid',
  code: 'fhir.search.graph-unsupported',
  message: `This GraphDefinition cannot be followed here: it starts at a searched type, each link has a path that a reference parameter reads or params such as patient={ref}, there are ${SEARCH_LIMITS.includesMax} targets at most, ${SEARCH_LIMITS.includeRoundsMax + 1} deep.`,
} as const
