import { typeNumber } from '@salus/fhir-model'
import { eventLoopTurns, FaultError, raise } from '#kernel'
import type { Json, ResourceKind, Shelf } from '#terminology'
import { parseSearch, runSearch, type SearchDeps } from '../search/index.ts'
import { batchLoader } from '../store/batch-loader.ts'
import { openRows } from '../store/open-row.ts'
import type { RecordStore } from '../store/record-store.ts'
import { type Stamp, terminologyStamps } from './store.ts'
import { type Looked, StoredCache } from './stored-cache.ts'

/** Versions of one canonical that are looked at; nobody keeps more. */
const VERSIONS_MAX = 100
/** ConceptMaps that are looked through when none is named. */
const LISTED_MAX = 1_000
/** JSON text that one look-up opens: the twenty largest value sets of HL7 together. */
const BYTES_MAX = 32 * 1024 * 1024
/** Characters of a canonical: longer ones are in nobody's record, and would fill the cache with what is not found. */
export const CANONICAL_CHARS_MAX = 2_048

/**
 * CodeSystem, ValueSet and ConceptMap as a tenant has stored them. What was opened is kept until the tenant's stored terminology
 * changes, on whatever process (that is looked at for each call, in one query for all calls of an event-loop turn), or until
 * others need the room. Fault `fhir.terminology.stored-too-large`.
 */
export function storedTerminology(store: RecordStore, search: SearchDeps): (tenant: number) => Shelf {
  const types = ['CodeSystem', 'ValueSet', 'ConceptMap'].map((type) => typeNumber(type) as number)
  const stampOf = batchLoader<number, Stamp>((tenants) => terminologyStamps(store.database, tenants, types))
  const cache = new StoredCache<readonly Json[]>()
  return (tenant) => {
    // One look per call: all of it sees the same terminology.
    let current: Promise<Stamp | undefined> | undefined
    const lookUp = async (kind: ResourceKind, url?: string): Promise<readonly Json[]> => {
      if (url !== undefined && url.length > CANONICAL_CHARS_MAX) return []
      current ??= stampOf(tenant)
      const stamp = await current
      if (stamp === undefined) return []
      const key = `${tenant} ${stamp} ${kind}${url === undefined ? '' : `|${url}`}`
      return cache.of(key, () => fetchAll(store, search, tenant, kind, url))
    }
    return { resources: lookUp, all: (kind) => lookUp(kind) }
  }
}

async function fetchAll(
  store: RecordStore,
  search: SearchDeps,
  tenant: number,
  kind: ResourceKind,
  url?: string,
): Promise<Looked<readonly Json[]>> {
  const asked = url === undefined ? { count: LISTED_MAX } : { count: VERSIONS_MAX, urls: [url] }
  const bodies = await storedDefinitions(store, search, { tenant, type: kind, ...asked })
  const turn = eventLoopTurns(search.clock)
  const value: Json[] = []
  let bytes = 0
  for (const body of bodies) {
    await turn()
    bytes += body.length
    value.push(JSON.parse(body.toString()) as Json)
  }
  return { value, bytes }
}

/**
 * Stored resources with a canonical URL, as JSON text: those of the given URLs, or any. At most `count`. Fault
 * `fhir.terminology.stored-too-large` when they have more than 32 MB.
 */
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
  const bodies = await openRows(store, matches, { bytesMax: BYTES_MAX }).catch((error: unknown) => {
    if (error instanceof FaultError && error.fault.code === 'fhir.store.rows-too-large') return raise(TOO_LARGE, error)
    throw error
  })
  return bodies.filter((body) => body !== undefined)
}

const TOO_LARGE = {
  category: 'too-costly',
  code: 'fhir.terminology.stored-too-large',
  message: `What is stored for this has more than ${BYTES_MAX / 1024 / 1024} MB. Name the one resource that is meant, by url, or delete what is not needed.`,
} as const
