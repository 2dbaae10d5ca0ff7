import { distinctItems, ItemSet } from './distinct.ts'
import { type FunctionDefinition, type FunctionTable, fixed, pairwise, plain } from './function-table.ts'
import { EMPTY, type Items, only } from './item.ts'
import type { UnitConverter } from './quantity.ts'
import { type Eval, executionError, type Run, single } from './run.ts'

/** http://hl7.org/fhirpath/N1/#subsetting and http://hl7.org/fhirpath/N1/#combining */
export const subsetFunctions: FunctionTable = {
  single: plain((items, _run, { at }) => only(single(items, at))),
  first: plain((items) => (items.length > 1 ? [items[0] as Items[number]] : items)),
  last: plain((items) => (items.length > 1 ? [items.at(-1) as Items[number]] : items)),
  tail: plain((items) => (items.length > 1 ? items.slice(1) : EMPTY)),
  skip: counted((items, count) => (count <= 0 ? items : items.slice(count))),
  take: counted((items, count) => (count <= 0 ? EMPTY : items.slice(0, count))),
  intersect: pairwise((items, other, run, { at, units }) => {
    const set = new ItemSet(run, at, units).addAll(other)
    const common = items.filter((item) => set.has(item))
    return distinctItems(run, common, at, units)
  }),
  exclude: pairwise((items, other, run, { at, units }) => {
    const set = new ItemSet(run, at, units).addAll(other)
    return items.filter((item) => !set.has(item))
  }),
  union: pairwise((items, other, run, { at, units }) => union(run, items, other, at, units)),
  combine: pairwise((items, other) => [...items, ...other]),
}

/** Both collections without duplicates. */
export function union(run: Run, left: Items, right: Items, at: number, units: UnitConverter | undefined): Items {
  if (right.length === 0) return distinctItems(run, left, at, units)
  if (left.length === 0) return distinctItems(run, right, at, units)
  return distinctItems(run, [...left, ...right], at, units)
}

function counted(apply: (items: Items, count: number) => Items): FunctionDefinition {
  return fixed(1, (input, site) => {
    const argument = site.args[0] as Eval
    return (run, focus) => {
      const items = input(run, focus)
      const count = single(argument(run, focus), site.at)
      if (typeof count !== 'number') throw executionError('an integer is needed here', site.at)
      return apply(items, count)
    }
  })
}
