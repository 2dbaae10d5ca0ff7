import { typeNumber } from '@salus/fhir-model'
import { FaultError } from '#kernel'
import type { Json, ResourceKind, Shelf } from '#terminology'
import { parseSearch, runSearch, type SearchDeps } from '../search/index.ts'
import { batchLoader } from '../store/batch-loader.ts'
import { openRows } from '../store/open-row.ts'
import type { RecordStore } from '../store/record-store.ts'
import { type Stamp, terminologyStamps } from './store.ts'

/** Versions of one canonical that are looked at; nobody keeps more. */
const VERSIONS_MAX = 100
/** ConceptMaps that are looked through when none is named. */
const LISTED_MAX = 1_000
/** Tenants whose terminology is kept; the one not asked for longest goes first. */
const TENANTS_MAX = 64
/** Canonicals kept per tenant, found and not found. */
const CANONICALS_MAX = 5_000

interface Kept {
  stamp: Stamp
  found: Map<string, Promise<readonly Json[]>>
}

/**
 * CodeSystem, ValueSet and ConceptMap as a tenant has stored them. What was opened is kept until the tenant's stored terminology
 * changes, on whatever process: that is looked at for each call, in one query for all calls of an event-loop turn.
 */
export function storedTerminology(store: RecordStore, search: SearchDeps): (tenant: number) => Shelf {
  const types = ['CodeSystem', 'ValueSet', 'ConceptMap'].map((type) => typeNumber(type) as number)
  const stampOf = batchLoader<number, Stamp>((tenants) => terminologyStamps(store.database, tenants, types))
  const kept = new Map<number, Kept>()
  return (tenant) => {
    // One look per call: all of it sees the same terminology.
    let current: Promise<Kept | undefined> | undefined
    const lookUp = async (key: string, fetch: () => Promise<readonly Json[]>): Promise<readonly Json[]> => {
      current ??= stampOf(tenant).then((stamp) => keptOf(kept, tenant, stamp))
      const own = await current
      if (!own) return []
      const known = own.found.get(key)
      if (known) return known
      if (own.found.size >= CANONICALS_MAX) own.found.clear()
      const found = fetch()
      own.found.set(key, found)
      found.catch(() => own.found.delete(key))
      return found
    }
    return {
      resources: (kind, url) => lookUp(`${kind}|${url}`, () => fetchAll(store, search, tenant, kind, url)),
      all: (kind) => lookUp(kind, () => fetchAll(store, search, tenant, kind)),
    }
  }
}

function keptOf(kept: Map<number, Kept>, tenant: number, stamp: Stamp | undefined): Kept | undefined {
  const known = kept.get(tenant)
  kept.delete(tenant)
  if (stamp === undefined) return undefined
  const current = known?.stamp === stamp ? known : { stamp, found: new Map() }
  if (kept.size >= TENANTS_MAX) kept.delete(kept.keys().next().value as number)
  kept.set(tenant, current)
  return current
}

async function fetchAll(
  store: RecordStore,
  search: SearchDeps,
  tenant: number,
  kind: ResourceKind,
  url?: string,
): Promise<readonly Json[]> {
  const asked = url === undefined ? { count: LISTED_MAX } : { count: VERSIONS_MAX, urls: [url] }
  const bodies = await storedDefinitions(store, search, { tenant, type: kind, ...asked })
  return bodies.map((body) => JSON.parse(body.toString()) as Json)
}

/** Stored resources with a canonical URL, as JSON text: those of the given URLs, or any. At most `count`. */
export async function storedDefinitions(
  store: RecordStore,
  search: SearchDeps,
  asked: { tenant: number; type: string; urls?: readonly string[]; count: number },
): Promise<Buffer[]> {
  const { tenant, type, urls, count } = asked
  const parameters: [string, string][] = [['_count', String(count)]]
  // In a search a comma separates values and a bar system from code.
  if (urls !== undefined) parameters.push(['url', urls.map((url) => url.replace(/[\\,|$]/g, '\\$&')).join(',')])
  const parsed = parseSearch({ types: [type], parameters, clock: search.clock })
  if (!parsed.ok) throw new FaultError(parsed.fault)
  // The operation's scope was checked; what it rests on belongs to the answer. It is the tenant's own and no patient's.
  const searcher = { tenant, client: '', scopes: { allows: () => true } }
  const { matches } = await runSearch(search, searcher, parsed.value)
  return (await openRows(store, matches)).filter((body) => body !== undefined)
}
