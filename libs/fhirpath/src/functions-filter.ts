import { ItemSet } from './distinct.ts'
import { type FunctionDefinition, type FunctionTable, fixed, iterate } from './function-table.ts'
import { EMPTY, FhirNode, type Item, type Items, only } from './item.ts'
import { condition, type Eval, executionError, single } from './run.ts'
import { checkType, typeArgument, typeTest } from './type-test.ts'

/** http://hl7.org/fhirpath/N1/#filtering-and-projection, with `iif`, `aggregate` and the type functions. */
export const filterFunctions: FunctionTable = {
  where: fixed(1, (input, site) => {
    const criterion = site.args[0] as Eval
    return (run, focus) => {
      const items = input(run, focus)
      if (items.length === 0) return EMPTY
      const out: Item[] = []
      iterate(run, items, criterion, site.at, (result, item) => {
        if (condition(result, site.at) === true) out.push(item)
        return true
      })
      return out
    }
  }),
  select: fixed(1, (input, site) => {
    const projection = site.args[0] as Eval
    return (run, focus) => {
      const items = input(run, focus)
      if (items.length === 0) return EMPTY
      const out: Item[] = []
      iterate(run, items, projection, site.at, (result) => {
        run.spend(result.length, site.at)
        for (const item of result) out.push(item)
        return true
      })
      return out
    }
  }),
  repeat: fixed(1, (input, site) => {
    const projection = site.args[0] as Eval
    return (run, focus) => {
      const seen = new ItemSet(run, site)
      const out: Item[] = []
      let level = input(run, focus)
      while (level.length > 0) {
        const next: Item[] = []
        iterate(run, level, projection, site.at, (result) => {
          for (const item of result) if (seen.add(item)) next.push(item)
          return true
        })
        for (const item of next) out.push(item)
        level = next
      }
      return out
    }
  }),
  /** `select` over and over, with what was found as the next input; what is found twice stays twice. */
  repeatAll: fixed(1, (input, site) => {
    const projection = site.args[0] as Eval
    return (run, focus) => {
      const out: Item[] = []
      let level = input(run, focus)
      while (level.length > 0) {
        const next: Item[] = []
        iterate(run, level, projection, site.at, (result) => {
          run.spend(result.length, site.at)
          for (const item of result) next.push(item)
          return true
        })
        for (const item of next) out.push(item)
        level = next
      }
      return out
    }
  }),
  coalesce: {
    min: 1,
    max: 10,
    build: (input, site) => (run, focus) => {
      input(run, focus)
      for (const arg of site.args) {
        const items = arg(run, focus)
        if (items.length > 0) return items
      }
      return EMPTY
    },
  },
  iif: {
    min: 2,
    max: 3,
    build(input, site) {
      const [test, yes, no] = site.args as [Eval, Eval, Eval | undefined]
      return (run, focus) => {
        const items = input(run, focus)
        if (items.length > 1) throw executionError('iif needs at most one item', site.at)
        const inner = items.length === 0 ? focus : items
        const result = test(run, inner)
        const answer = single(result, site.at)
        if (answer !== undefined && typeof valueOf(answer) !== 'boolean') {
          throw executionError('iif needs a boolean', site.at)
        }
        if (condition(result, site.at) === true) return yes(run, inner)
        return no === undefined ? EMPTY : no(run, inner)
      }
    },
  },
  aggregate: {
    min: 1,
    max: 2,
    build(input, site) {
      const [step, start] = site.args as [Eval, Eval | undefined]
      return (run, focus) => {
        const items = input(run, focus)
        const outer = run.total
        run.total = start === undefined ? EMPTY : start(run, focus)
        iterate(run, items, step, site.at, (result) => {
          run.total = result
          return true
        })
        const total = run.total
        run.total = outer
        return total
      }
    },
  },
  is: typeFunction((type, site) => {
    const test = typeTest(type, false, site.model)
    return (items) => {
      const item = single(items, site.at)
      return item === undefined ? EMPTY : [test(item)]
    }
  }),
  // R4 search parameters apply `as` to lists, so it filters where the grammar would ask for a single item.
  as: typeFunction((type, site) => {
    const filter = filterBy(typeTest(type, true, site.model))
    return site.strict ? (items) => filter(only(single(items, site.at))) : filter
  }),
  ofType: typeFunction((type, site) => filterBy(typeTest(type, true, site.model))),
}

function valueOf(item: Item): unknown {
  return item instanceof FhirNode ? item.value : item
}

function typeFunction(
  build: (type: ReturnType<typeof typeArgument>, site: Parameters<FunctionDefinition['build']>[1]) => FilterItems,
): FunctionDefinition {
  return fixed(1, (input, site) => {
    const type = typeArgument(site.nodes[0] as (typeof site.nodes)[number])
    checkType(type, site.model, site.at)
    const apply = build(type, site)
    return (run, focus) => {
      const items = input(run, focus)
      run.spend(items.length, site.at)
      return apply(items)
    }
  })
}

type FilterItems = (items: Items) => Items

/** The items that pass; the collection itself when all do. */
export function filterBy(test: (item: Item) => boolean): FilterItems {
  return (items) => {
    if (items.length === 1) return test(items[0] as Item) ? items : only(undefined)
    return items.filter(test)
  }
}
