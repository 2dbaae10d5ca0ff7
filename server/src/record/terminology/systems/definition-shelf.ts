import type { DefinitionSource } from '#definitions'
import type { Shelf } from '../engine/library.ts'
import { canonicalOf, type Json } from '../engine/resources.ts'

/** ConceptMaps looked through when none is named. */
const LISTED_MAX = 1_000

/** What comes with Salus and its packages. */
export function definitionShelf(definitions: DefinitionSource): Shelf {
  const found = (kind: 'CodeSystem' | 'ValueSet' | 'ConceptMap', canonical: string): Json[] => {
    const one = definitions.find(kind, canonical)
    return one ? [one] : []
  }
  return {
    resources(kind, url, preferred) {
      const versions = preferred ? [] : definitions.versions(kind, url)
      if (versions.length < 2) return found(kind, url)
      return versions.flatMap((version) => found(kind, canonicalOf(url, version)))
    },
    all: (kind) => [...definitions.all(kind)].slice(0, LISTED_MAX).flatMap((canonical) => found(kind, canonical)),
  }
}
