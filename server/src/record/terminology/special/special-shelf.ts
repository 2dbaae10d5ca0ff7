import type { Shelf } from '../engine/library.ts'
import type { Json } from '../engine/resources.ts'
import { type MemoryProvider, memoryProvider } from '../systems/memory-provider.ts'
import { GRAMMARS } from './grammars.ts'
import { isoSystems } from './iso-systems.ts'
import { GrammarProvider } from './special-system.ts'

const PROVIDERS = new Map(GRAMMARS.map((grammar) => [grammar.url, new GrammarProvider(grammar)]))
let iso: Map<string, Json> | undefined

function isoSystem(url: string): Json | undefined {
  if (!url.startsWith('urn:iso:')) return undefined
  iso ??= new Map(isoSystems().map((resource) => [resource.url as string, resource]))
  return iso.get(url)
}

/** URLs of what the shelf holds. */
export function specialSystems(): string[] {
  return [...PROVIDERS.keys(), ...isoSystems().map(({ url }) => url as string)]
}

/** Code systems that are in no package: units, languages, media types, countries, currencies. */
export const specialShelf: Shelf = {
  resources(kind, url) {
    const found = kind === 'CodeSystem' ? isoSystem(url) : undefined
    return found ? [found] : []
  },
  systems(url) {
    const provider = PROVIDERS.get(url)
    return provider ? [{ version: undefined, content: 'complete', open: () => provider }] : []
  },
}

/** The same at once, for the validator; undefined when it is none of them. */
export function specialNow(url: string): GrammarProvider | MemoryProvider | undefined {
  const resource = isoSystem(url)
  return PROVIDERS.get(url) ?? (resource && memoryProvider(resource))
}
