import { distinctItems, ItemSet } from './distinct.ts'
import { type FunctionDefinition, type FunctionTable, fixed, iterate, pairwise, plain } from './function-table.ts'
import { EMPTY, FALSE, FhirNode, type Items, systemValue, TRUE, truth } from './item.ts'
import { condition, type Eval, executionError } from './run.ts'

/** http://hl7.org/fhirpath/N1/#existence */
export const existenceFunctions: FunctionTable = {
  empty: plain((items) => truth(items.length === 0)),
  exists: {
    min: 0,
    max: 1,
    build(input, site) {
      const criterion = site.args[0]
      if (criterion === undefined) return (run, focus) => truth(input(run, focus).length > 0)
      return (run, focus) => {
        let found = false
        iterate(run, input(run, focus), criterion, site.at, (result) => {
          found = condition(result, site.at) === true
          return !found
        })
        return truth(found)
      }
    },
  },
  all: fixed(1, (input, site) => {
    const criterion = site.args[0] as Eval
    return (run, focus) => {
      let every = true
      iterate(run, input(run, focus), criterion, site.at, (result) => {
        every = condition(result, site.at) === true
        return every
      })
      return truth(every)
    }
  }),
  not: plain((items, _run, { at }) => {
    const value = condition(items, at)
    return truth(value === undefined ? undefined : !value)
  }),
  allTrue: booleans((values) => values.every((value) => value)),
  anyTrue: booleans((values) => values.some((value) => value)),
  allFalse: booleans((values) => values.every((value) => !value)),
  anyFalse: booleans((values) => values.some((value) => !value)),
  subsetOf: pairwise((items, other, run, site) => {
    const set = new ItemSet(run, site).addAll(other)
    return truth(items.every((item) => set.has(item)))
  }),
  supersetOf: pairwise((items, other, run, site) => {
    const set = new ItemSet(run, site).addAll(items)
    return truth(other.every((item) => set.has(item)))
  }),
  count: plain((items) => [items.length]),
  distinct: plain((items, run, site) => distinctItems(run, items, site)),
  isDistinct: plain((items, run, site) => truth(distinctItems(run, items, site).length === items.length)),
  hasValue: plain((items) => (hasValue(items) ? TRUE : FALSE)),
  getValue: plain((items) => {
    const value = hasValue(items) ? systemValue(items[0] as Items[number]) : undefined
    return value === undefined ? EMPTY : [value]
  }),
}

/** A single primitive that has a value and not extensions only (http://hl7.org/fhir/R4/fhirpath.html#functions). */
function hasValue(items: Items): boolean {
  const item = items[0]
  if (items.length !== 1 || item === undefined) return false
  const value = item instanceof FhirNode ? item.value : item
  return value !== undefined && typeof value !== 'object'
}

function booleans(test: (values: boolean[]) => boolean): FunctionDefinition {
  return plain((items, run, { at }) => {
    run.spend(items.length, at)
    const values = items.map((item) => {
      const value = systemValue(item)
      if (typeof value !== 'boolean') throw executionError('a collection of booleans is needed here', at)
      return value
    })
    return truth(test(values))
  })
}
