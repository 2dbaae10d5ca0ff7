import { memoryProvider } from '../systems/memory-provider.ts'
import { makeIndex } from '../systems/memory-system.ts'
import { supplementsSystem } from '../systems/supplement.ts'
import type { CodeSystemProvider } from './concept.ts'
import { canonicalParts, type Json, text } from './resources.ts'
import { compareVersions, newest, versionMatches } from './versions.ts'
import { Work } from './work.ts'

/** Resource types that a shelf holds. */
export type ResourceKind = 'CodeSystem' | 'ValueSet' | 'ConceptMap'

/** A place where terminology lies: the request itself, the tenant's record, the definitions, the database of large systems. */
export interface Shelf {
  /** All versions that lie here; with `preferred` the one that is meant when no version is named is enough. */
  resources(kind: ResourceKind, url: string, preferred: boolean): Promise<readonly Json[]> | readonly Json[]
  /** All of a kind, where they are few enough to be looked through. */
  all?(kind: ResourceKind): Promise<readonly Json[]> | readonly Json[]
  /** Code systems that are no resources. */
  systems?(url: string): Promise<readonly SystemOnShelf[]> | readonly SystemOnShelf[]
}

/** One version of a code system; `open` lays supplements over it, and charges `work` with what it takes. */
export interface SystemOnShelf {
  version: string | undefined
  content: string
  open(supplements: readonly Json[], work: Work): CodeSystemProvider | Promise<CodeSystemProvider>
}

/** Everything one request can see. The first shelf is the request's own and is preferred; of the others the newest version. */
export class Library {
  readonly #own: Shelf
  readonly #others: readonly Shelf[]

  constructor(own: Shelf, others: readonly Shelf[]) {
    this.#own = own
    this.#others = others
  }

  /** `version` may be a pattern. A supplement is no code system. */
  async codeSystem(
    url: string,
    version: string | undefined,
    supplements: readonly Json[],
    work = new Work(),
  ): Promise<CodeSystemProvider | undefined> {
    const preferred = version === undefined
    const own = newest(await systemsOn(this.#own, url, preferred), (one) => one.version, version)
    const found = own ?? newest(await this.#systems(url, preferred), (one) => one.version, version)
    if (!found || !CONTENTS.has(found.content)) return undefined
    const its = supplements.filter((one) => supplementsSystem(one, url, found.version))
    return found.open(its, work)
  }

  /** Versions that are there, oldest first. */
  async versions(url: string): Promise<string[]> {
    const all = [...(await systemsOn(this.#own, url, false)), ...(await this.#systems(url, false))]
    const versions = new Set(all.map(({ version }) => version).filter((one): one is string => one !== undefined))
    return [...versions].sort(compareVersions)
  }

  async resource(kind: ResourceKind, canonical: string, version?: string): Promise<Json | undefined> {
    const parts = canonicalParts(canonical)
    const wanted = version ?? parts.version
    const preferred = wanted === undefined
    const own = newest(await this.#own.resources(kind, parts.url, preferred), versionOf, wanted)
    if (own) return own
    const found: Json[] = []
    for (const shelf of this.#others) found.push(...(await shelf.resources(kind, parts.url, preferred)))
    return newest(found, versionOf, wanted)
  }

  /** The CodeSystem with content `supplement` of that canonical. */
  async supplement(canonical: string): Promise<Json | undefined> {
    const found = await this.resource('CodeSystem', canonical)
    return found && text(found, 'content') === 'supplement' ? found : undefined
  }

  async all(kind: ResourceKind): Promise<Json[]> {
    const found: Json[] = []
    for (const shelf of [this.#own, ...this.#others]) found.push(...((await shelf.all?.(kind)) ?? []))
    return found
  }

  async #systems(url: string, preferred: boolean): Promise<SystemOnShelf[]> {
    const found: SystemOnShelf[] = []
    for (const shelf of this.#others) found.push(...(await systemsOn(shelf, url, preferred)))
    return found
  }
}

/** A system whose concepts are elsewhere cannot answer; neither can an example. */
const CONTENTS = new Set(['complete', 'fragment', 'example'])

async function systemsOn(shelf: Shelf, url: string, preferred: boolean): Promise<SystemOnShelf[]> {
  const systems = shelf.systems ? [...(await shelf.systems(url))] : []
  for (const resource of await shelf.resources('CodeSystem', url, preferred)) {
    const content = text(resource, 'content') ?? 'complete'
    if (content === 'supplement') continue
    systems.push({
      version: text(resource, 'version'),
      content,
      open: async (supplements, work) => {
        await makeIndex(resource, work)
        return memoryProvider(resource, supplements)
      },
    })
  }
  // A stub without concepts must not hide the loaded system of the same version.
  return systems.filter(({ content }) => CONTENTS.has(content))
}

const versionOf = (resource: Json): string | undefined => text(resource, 'version')

/** Resources that came with a request. */
export function requestShelf(resources: readonly Json[]): Shelf {
  return {
    resources: (kind, url) => resources.filter((one) => one.resourceType === kind && one.url === url),
    all: (kind) => resources.filter((one) => one.resourceType === kind),
  }
}

/** Whether a version asked for is there under another name. */
export function hasVersion(versions: readonly string[], wanted: string): boolean {
  return versions.some((one) => versionMatches(wanted, one))
}
