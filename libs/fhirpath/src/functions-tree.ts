import { allChildren } from './children.ts'
import { type FunctionTable, iterate, plain } from './function-table.ts'
import { singleText } from './functions-string.ts'
import { FhirNode, type Item, type Items, systemTypeName, toJson } from './item.ts'
import { TYPE_INFO } from './navigate.ts'
import { type Eval, executionError, type Run } from './run.ts'
import { msToFields, type Temporal } from './temporal.ts'

/** Tree navigation, utilities and reflection (http://hl7.org/fhirpath/N1/#tree-navigation, #utility-functions). */
export const treeFunctions: FunctionTable = {
  children: plain((items, run, { at, model }) => {
    const out = allChildren(items, model)
    run.spend(out.length, at)
    return out
  }),
  descendants: plain((items, run, { at, model }) => {
    const out: Item[] = []
    let level = allChildren(items, model)
    while (level.length > 0) {
      run.spend(level.length, at)
      for (const item of level) out.push(item)
      level = allChildren(level, model)
    }
    return out
  }),
  trace: {
    min: 1,
    max: 2,
    build: (input, site) => (run, focus) => {
      const items = input(run, focus)
      if (run.env.trace === undefined) return items
      const name = singleText((site.args[0] as Eval)(run, focus), site.at) ?? ''
      run.spend(items.length, site.at)
      run.env.trace(name, traced(run, items, site.args[1], site.at).map(toJson))
      return items
    },
  },
  now: plain((_items, run, { at }) => [clock(run, at, 'dateTime')]),
  today: plain((_items, run, { at }) => [clock(run, at, 'date')]),
  timeOfDay: plain((_items, run, { at }) => [clock(run, at, 'time')]),
  type: plain((items, run, { at }) => {
    run.spend(items.length, at)
    return items.map(typeInfo)
  }),
  defineVariable: {
    min: 1,
    max: 2,
    build: (input, site) => (run, focus) => {
      const items = input(run, focus)
      const name = singleText((site.args[0] as Eval)(run, focus), site.at)
      if (name === undefined) throw executionError('defineVariable needs a name', site.at)
      if (run.variables?.has(name) || RESERVED.has(name))
        throw executionError('this variable is already defined', site.at)
      const value = site.args[1] === undefined ? items : site.args[1](run, items.length === 0 ? focus : items)
      run.variables = new Map(run.variables).set(name, value)
      return items
    },
  },
}

const RESERVED = new Set(['context', 'resource', 'rootResource', 'ucum', 'sct', 'loinc'])

function traced(run: Run, items: Items, projection: Eval | undefined, at: number): Items {
  if (projection === undefined) return items
  const out: Item[] = []
  iterate(run, items, projection, at, (result) => {
    run.spend(result.length, at)
    for (const item of result) out.push(item)
    return true
  })
  return out
}

/** The time the caller gave, in UTC. The library reads no clock: an evaluation is a function of its input. */
function clock(run: Run, at: number, kind: Temporal['kind']): Temporal {
  const { now } = run.env
  if (now === undefined) throw executionError('the environment of this evaluation has no time', at)
  const fields = msToFields(now, 6)
  if (kind === 'date') return { kind, fields: fields.slice(0, 3), offset: undefined, fractionDigits: 0 }
  if (kind === 'time') return { kind, fields: fields.slice(3), offset: undefined, fractionDigits: 3 }
  return { kind, fields, offset: 0, fractionDigits: 3 }
}

/** What `type()` answers (http://hl7.org/fhirpath/N1/#reflection). */
function typeInfo(item: Item): Item {
  const value =
    item instanceof FhirNode
      ? { namespace: 'FHIR', name: item.type }
      : { namespace: 'System', name: systemTypeName(item) }
  return new FhirNode(value, TYPE_INFO)
}
