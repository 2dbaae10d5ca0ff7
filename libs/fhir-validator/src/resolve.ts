import { isJson, type Json, objectsOf, textOf } from './definition-source.ts'
import type { Place, Walk } from './walk.ts'

/** The entries of a Bundle by full URL, and by type and id; made once, so that 10,000 entries stay linear. */
export interface BundleIndex {
  byUrl: ReadonlyMap<string, readonly Json[]>
  /** `Patient/1`: entries whose resource has that type and id. */
  byTypeAndId: ReadonlyMap<string, readonly Json[]>
  entryOf: ReadonlyMap<Json, Json>
}

export function bundleIndex(walk: Walk, bundle: Json): BundleIndex {
  return walk.index(bundle, makeBundleIndex)
}

function makeBundleIndex(bundle: Json): BundleIndex {
  const byUrl = new Map<string, Json[]>()
  const byTypeAndId = new Map<string, Json[]>()
  const entryOf = new Map<Json, Json>()
  for (const entry of objectsOf(bundle.entry)) {
    const { fullUrl, resource } = entry
    if (typeof fullUrl === 'string') push(byUrl, fullUrl, entry)
    if (!isJson(resource)) continue
    entryOf.set(resource, entry)
    if (typeof resource.id === 'string') push(byTypeAndId, `${textOf(resource.resourceType)}/${resource.id}`, entry)
  }
  return { byUrl, byTypeAndId, entryOf }
}

function push(map: Map<string, Json[]>, key: string, entry: Json): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [entry])
  else list.push(entry)
}

const REST_URL = /^(https?:\/\/\S+\/)[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/

/**
 * The entry that a reference from an entry means: by full URL, and for a relative one relative to the full URL of the
 * entry it stands in. Spec: https://hl7.org/fhir/R4/bundle.html#references
 */
export function entriesMeant(
  { byUrl, byTypeAndId }: BundleIndex,
  from: Json | undefined,
  reference: string,
): readonly Json[] {
  const [plain, version] = splitVersion(reference.split('#')[0] as string)
  const fullUrl = textOf(from?.fullUrl)
  let found: readonly Json[] | undefined = byUrl.get(plain)
  if (found === undefined && !plain.includes(':')) {
    const base = REST_URL.exec(fullUrl)?.[1]
    if (base !== undefined) found = byUrl.get(base + plain)
    else if (fullUrl === '' || !fullUrl.startsWith('urn:'))
      found = byTypeAndId.get(plain)?.filter((entry) => entry.fullUrl === undefined || entry.fullUrl === plain)
  }
  if (found === undefined) return []
  if (version === '') return found
  return found.filter(
    ({ resource }) => isJson(resource) && isJson(resource.meta) && resource.meta.versionId === version,
  )
}

export function splitVersion(reference: string): [plain: string, version: string] {
  const at = reference.indexOf('/_history/')
  return at < 0 ? [reference, ''] : [reference.slice(0, at), reference.slice(at + '/_history/'.length)]
}

/** The resource a reference means, seen from a place: contained, in a Bundle around it, or known to the caller. */
export function resolveReference(walk: Walk, place: Place, reference: string): Json | undefined {
  if (reference.startsWith('#')) {
    if (reference.length === 1) return place.container
    return containedIndex(walk, place.container).get(reference.slice(1))
  }
  const local = resolveLocally(walk, place, reference)
  return local ?? walk.settings.resolve?.(reference)
}

/** Parts within parts of parameters. */
const PARTS_DEPTH_MAX = 50

/** Resources of the parameters of a Parameters, by type and id. */
function parameterIndex(parameters: Json): ReadonlyMap<string, Json> {
  const index = new Map<string, Json>()
  const add = (list: unknown, depth: number): void => {
    for (const { resource, part } of objectsOf(list)) {
      if (isJson(resource)) index.set(`${textOf(resource.resourceType)}/${textOf(resource.id)}`, resource)
      if (depth < PARTS_DEPTH_MAX) add(part, depth + 1)
    }
  }
  add(parameters.parameter, 0)
  return index
}

/** The resource a reference means in the Bundle or Parameters around a place. */
export function resolveLocally(walk: Walk, place: Place, reference: string): Json | undefined {
  for (let at: Place | null = place; at !== null; at = at.outer) {
    const { resource } = at
    if (resource.resourceType === 'Parameters') {
      const found = walk.index(resource, parameterIndex).get(reference)
      if (found !== undefined) return found
    }
    const bundle = at.bundle ?? (resource.resourceType === 'Bundle' ? resource : null)
    if (bundle === null) continue
    const index = bundleIndex(walk, bundle)
    const [entry] = entriesMeant(index, index.entryOf.get(at.container), reference)
    if (isJson(entry?.resource)) return entry.resource
  }
  return undefined
}

/** The contained resources of a resource by id; the first of an id counts. */
export function containedIndex(walk: Walk, container: Json): ReadonlyMap<string, Json> {
  const { contained } = container
  if (!Array.isArray(contained)) return NOTHING_CONTAINED
  // The list and not the resource is the key: a Bundle or Parameters has an index of its own kind.
  return walk.index(contained as unknown as Json, () => {
    const index = new Map<string, Json>()
    for (const resource of objectsOf(contained))
      if (typeof resource.id === 'string' && !index.has(resource.id)) index.set(resource.id, resource)
    return index
  })
}

const NOTHING_CONTAINED: ReadonlyMap<string, Json> = new Map()
