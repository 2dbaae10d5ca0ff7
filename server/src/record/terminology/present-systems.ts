import { setImmediate } from 'node:timers/promises'
import type { Definition, Definitions } from '#definitions'
import { compareVersions, newest } from './engine/versions.ts'
import { specialSystems } from './special/special-shelf.ts'

/** A code system that answers. */
export interface PresentSystem {
  url: string
  /** Oldest first; empty when it has none. */
  versions: readonly string[]
  /** The one that is meant where none is named; undefined when that one has none. */
  preferred: string | undefined
}

/** Definitions read before other requests go on: some 5 ms. */
const READ_AT_ONCE = 50

interface Loaded {
  url: string
  version: string
}

/**
 * The code systems of the definitions whose concepts are there, those known by their grammar, and the loaded ones. What was found is
 * kept until packages or loaded systems change; those who ask meanwhile wait for the same work.
 */
export function presentSystems(on: {
  definitions: Definitions
  loaded(): readonly Loaded[]
}): () => Promise<readonly PresentSystem[]> {
  let defined: { revision: number; systems: Promise<Map<string, string[]>> } | undefined
  return async () => {
    const { revision } = on.definitions
    if (defined?.revision !== revision) {
      const systems = withConcepts(on.definitions)
      defined = { revision, systems }
      // A failed look is not kept; whoever waits for it hears of it.
      systems.catch(() => {
        if (defined?.systems === systems) defined = undefined
      })
    }
    return together(on.definitions, await defined.systems, on.loaded())
  }
}

/** URL -> versions of the definitions that hold concepts of their own; a supplement does not, nor does a stub. */
async function withConcepts(definitions: Definitions): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  let read = 0
  for (const canonical of definitions.all('CodeSystem')) {
    if (++read % READ_AT_ONCE === 0) await setImmediate()
    const one = definitions.find('CodeSystem', canonical)
    if (!one || !hasConcepts(one)) continue
    const url = one.url as string
    found.set(url, [...(found.get(url) ?? []), one.version ?? ''])
  }
  return found
}

function hasConcepts({ content, concept }: Definition): boolean {
  return content !== 'supplement' && content !== 'not-present' && Array.isArray(concept) && concept.length > 0
}

function together(
  definitions: Definitions,
  defined: ReadonlyMap<string, readonly string[]>,
  loaded: readonly Loaded[],
): PresentSystem[] {
  const urls = new Set([...specialSystems(), ...defined.keys(), ...loaded.map(({ url }) => url)])
  return [...urls].sort().map((url) => {
    const ofPackages = defined.get(url) ?? []
    const ofLoads = loaded.filter((one) => one.url === url).map(({ version }) => version)
    // As the library chooses: the definition that goes before the others, or a loaded version that is newer.
    const first = definitions.versions('CodeSystem', url)[0]
    const candidates = [...(first !== undefined && ofPackages.includes(first) ? [first] : []), ...ofLoads]
    const versions = [...new Set([...ofPackages, ...ofLoads])].filter((version) => version !== '').sort(compareVersions)
    return { url, versions, preferred: newest(candidates, (version) => version) || undefined }
  })
}
