import { distinctItems, ItemSet } from './distinct.ts'
import { type FunctionDefinition, type FunctionTable, fixed, pairwise, plain } from './function-table.ts'
import { EMPTY, type Items, only, systemValue } from './item.ts'
import { type Eval, executionError, type Run, type Site, single } from './run.ts'

/** http://hl7.org/fhirpath/N1/#subsetting and http://hl7.org/fhirpath/N1/#combining */
export const subsetFunctions: FunctionTable = {
  single: plain((items, _run, { at }) => only(single(items, at))),
  first: plain((items) => (items.length > 1 ? [items[0] as Items[number]] : items)),
  last: plain((items) => (items.length > 1 ? [items.at(-1) as Items[number]] : items)),
  tail: plain((items, run, { at }) => {
    run.spend(items.length, at)
    return items.length > 1 ? items.slice(1) : EMPTY
  }),
  skip: counted((items, count) => (count <= 0 ? items : items.slice(count))),
  take: counted((items, count) => (count <= 0 ? EMPTY : items.slice(0, count))),
  intersect: pairwise((items, other, run, site) => {
    if (items.length === 0 || other.length === 0) return EMPTY
    const set = new ItemSet(run, site).addAll(other)
    const common = items.filter((item) => set.has(item))
    return distinctItems(run, common, site)
  }),
  exclude: pairwise((items, other, run, site) => {
    if (items.length === 0 || other.length === 0) return items
    const set = new ItemSet(run, site).addAll(other)
    return items.filter((item) => !set.has(item))
  }),
  union: pairwise((items, other, run, site) => union(run, items, other, site)),
  combine: {
    min: 1,
    // The second argument asks for an order that is kept here anyway (http://hl7.org/fhirpath/#combine).
    max: 2,
    build(input, site) {
      const other = site.args[0] as Eval
      return (run, focus) => {
        const items = input(run, focus)
        const more = other(run, focus)
        run.spend(items.length + more.length, site.at)
        return [...items, ...more]
      }
    },
  },
}

/** Both collections without duplicates. */
export function union(run: Run, left: Items, right: Items, site: Site): Items {
  if (right.length === 0) return distinctItems(run, left, site)
  if (left.length === 0) return distinctItems(run, right, site)
  run.spend(left.length + right.length, site.at)
  return distinctItems(run, [...left, ...right], site)
}

function counted(apply: (items: Items, count: number) => Items): FunctionDefinition {
  return fixed(1, (input, site) => {
    const argument = site.args[0] as Eval
    return (run, focus) => {
      const items = input(run, focus)
      const wanted = single(argument(run, focus), site.at)
      const count = wanted === undefined ? undefined : systemValue(wanted)
      if (typeof count !== 'number') throw executionError('an integer is needed here', site.at)
      run.spend(items.length, site.at)
      return apply(items, count)
    }
  })
}
