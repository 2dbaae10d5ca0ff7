import type { Definition, DefinitionSource, DefinitionType } from './definition.ts'
import { DefinitionCache } from './definition-cache.ts'
import type { PackReader } from './pack-file.ts'
import { type Place, type PlaceTable, placeKey, placeTable } from './pack-rows.ts'

/** URLs that HL7's specification alone defines: no package may put another Patient in the place of R4's. */
const SPECIFICATION = 'http://hl7.org/fhir/'

/** The packages to look through, each opened at the first question. */
export interface CatalogPacks {
  /** The R4 specification. */
  core(): PackReader
  /** HL7 terminology, of which the specification holds an older edition. */
  terminology(): PackReader
}

/** Looks definitions up in all packages, by the order of precedence that `DefinitionSource` states. */
export class Catalog implements DefinitionSource {
  readonly #packs: CatalogPacks
  readonly #cache = new DefinitionCache()
  #builtIn: { core: PackReader; terminology: PackReader } | undefined
  #installed: readonly PackReader[] = []
  #tables: { core: PlaceTable; others: PlaceTable } | undefined

  constructor(packs: CatalogPacks) {
    this.#packs = packs
  }

  /** From now on these packages are the installed ones, besides the built-in ones. */
  install(packs: readonly PackReader[]): void {
    this.#installed = packs
    this.#tables = undefined
    this.#cache.clear()
  }

  /** Let go of what is parsed: it is parsed anew when asked for. */
  forget(): void {
    this.#cache.clear()
  }

  /** Give the files back. */
  close(): void {
    this.#builtIn?.core.close()
    this.#builtIn?.terminology.close()
  }

  find(type: DefinitionType, canonical: string): Definition | undefined {
    const bar = canonical.lastIndexOf('|')
    const url = bar === -1 ? canonical : canonical.slice(0, bar)
    const version = bar === -1 ? undefined : canonical.slice(bar + 1)
    for (const place of this.#places(type, url))
      if (version === undefined || place.row[2] === version) return this.#cache.get(place)
    return undefined
  }

  versions(type: DefinitionType, url: string): string[] {
    return [...new Set([...this.#places(type, url)].map((place) => place.row[2]))]
  }

  *all(type: DefinitionType): Generator<string> {
    const seen = new Set<string>()
    for (const table of this.#tablesFor(SPECIFICATION)) {
      for (const places of table.values()) {
        for (const { row } of places) {
          if (row[0] !== type) break
          const canonical = row[2] === '' ? row[1] : `${row[1]}|${row[2]}`
          if (!seen.has(canonical)) yield canonical
          seen.add(canonical)
        }
      }
    }
  }

  *#places(type: string, url: string): Generator<Place> {
    const key = placeKey(type, url)
    for (const table of this.#tablesFor(url)) yield* table.get(key) ?? []
  }

  #tablesFor(url: string): PlaceTable[] {
    this.#builtIn ??= { core: this.#packs.core(), terminology: this.#packs.terminology() }
    const { core, terminology } = this.#builtIn
    this.#tables ??= { core: placeTable([core]), others: placeTable([terminology, ...this.#installed]) }
    const { core: specification, others } = this.#tables
    return url.startsWith(SPECIFICATION) ? [specification, others] : [others, specification]
  }
}
