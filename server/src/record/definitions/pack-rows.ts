import { newestFirst } from './compare-versions.ts'
import type { PackRow } from './pack.ts'
import type { PackReader } from './pack-file.ts'

/** Where one definition is. */
export interface Place {
  pack: PackReader
  row: PackRow
}

/** The definitions of several packages of one rank, by type and URL, the newest version first. */
export type PlaceTable = ReadonlyMap<string, readonly Place[]>

/** Key of a table. */
export function placeKey(type: string, url: string): string {
  return `${type} ${url}`
}

/** Tables of packages; of one version in several packages the later package's comes first. */
export function placeTable(packs: readonly PackReader[]): PlaceTable {
  const table = new Map<string, Place[]>()
  for (const pack of packs.toReversed()) {
    for (const row of pack.index.rows) {
      const key = placeKey(row[0], row[1])
      const known = table.get(key)
      if (known === undefined) table.set(key, [{ pack, row }])
      else known.push({ pack, row })
    }
  }
  for (const places of table.values()) if (places.length > 1) places.sort((a, b) => newestFirst(a.row[2], b.row[2]))
  return table
}
