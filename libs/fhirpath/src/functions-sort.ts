import type { CallNode } from './ast.ts'
import { type FunctionTable, iterate } from './function-table.ts'
import type { Item } from './item.ts'
import { compareItems } from './ordering.ts'
import { type Run, type Site, single } from './run.ts'

/**
 * `sort(key [asc | desc], ...)` (http://hl7.org/fhirpath/#sort). Items without a key come first in either direction;
 * items with equal keys keep their order.
 */
export const sortFunctions: FunctionTable = {
  sort: {
    min: 0,
    max: 10,
    build(input, site) {
      const keys = site.args.length === 0 ? [(_run: Run, focus: readonly Item[]) => focus] : site.args
      return (run, focus) => {
        const items = input(run, focus)
        if (items.length < 2) return items
        const keyed = items.map((item): Keyed => ({ item, keys: [] }))
        for (const key of keys) {
          let at = 0
          iterate(run, items, key, site.at, (result) => keyed[at++]?.keys.push(single(result, site.at)) !== undefined)
        }
        const directions = site.call?.descending ?? []
        return keyed.sort((a, b) => compareKeys(run, a.keys, b.keys, { site, directions })).map(({ item }) => item)
      }
    },
  },
}

interface Keyed {
  item: Item
  keys: (Item | undefined)[]
}

interface Comparison {
  site: Site
  directions: NonNullable<CallNode['descending']>
}

function compareKeys(run: Run, a: Keyed['keys'], b: Keyed['keys'], { site, directions }: Comparison): number {
  run.spend(1, site.at)
  for (let i = 0; i < a.length; i++) {
    const [left, right] = [a[i], b[i]]
    if (left === undefined || right === undefined) {
      if (left !== right) return left === undefined ? -1 : 1
      continue
    }
    const order = compareItems(run, left, right, site) ?? 0
    if (order !== 0) return directions[i] === true ? -order : order
  }
  return 0
}
