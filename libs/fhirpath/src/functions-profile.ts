import { type FunctionTable, fixed, plain } from './function-table.ts'
import { singleText } from './functions-string.ts'
import { EMPTY, FhirNode, type Item, isObject, toJson, toNode, truth } from './item.ts'
import { type Eval, executionError } from './run.ts'

/** Questions about profiles (http://hl7.org/fhir/R4/fhirpath.html#functions), which the host answers. */
export const profileFunctions: FunctionTable = {
  conformsTo: fixed(1, (input, site) => {
    const argument = site.args[0] as Eval
    return (run, focus) => {
      const items = input(run, focus)
      const profile = singleText(argument(run, focus), site.at)
      const { conformsTo } = run.env
      if (items.length !== 1 || profile === undefined || conformsTo === undefined) return EMPTY
      run.spend(VALIDATION_STEPS, site.at)
      const answer = conformsTo(toJson(items[0] as Item), profile)
      if (answer === undefined) throw executionError('this profile is not known here', site.at)
      return truth(answer)
    }
  }),
  elementDefinition: plain((items, run, { at }) => {
    const out: Item[] = []
    for (const item of items) {
      run.spend(1, at)
      const definition = item instanceof FhirNode ? run.env.elementDefinition?.(item.value, item.type) : undefined
      if (definition !== undefined && definition !== null) out.push(toNode(definition, 'ElementDefinition'))
    }
    return out
  }),
  slice: fixed(2, (input, site) => {
    const [structure, name] = site.args as [Eval, Eval]
    return (run, focus) => {
      const items = input(run, focus)
      const profile = singleText(structure(run, focus), site.at)
      const slice = singleText(name(run, focus), site.at)
      const { inSlice } = run.env
      if (profile === undefined || slice === undefined || inSlice === undefined) return EMPTY
      run.spend(items.length * VALIDATION_STEPS, site.at)
      return items.filter((item) => inSlice(toJson(item), profile, slice) === true)
    }
  }),
  checkModifiers: {
    min: 0,
    max: 10,
    build: (input, site) => (run, focus) => {
      const items = input(run, focus)
      const known = new Set(site.args.map((arg) => singleText(arg(run, focus), site.at)))
      run.spend(items.length, site.at)
      for (const item of items) {
        if (modifiersOf(item).some((url) => !known.has(url))) {
          throw executionError('an element has a modifier extension that this expression does not know', site.at)
        }
      }
      return items
    },
  },
}

/** Validating one element is worth this many steps. */
const VALIDATION_STEPS = 100

function modifiersOf(item: Item): (string | undefined)[] {
  const value = item instanceof FhirNode ? item.value : undefined
  const extensions = isObject(value) && Array.isArray(value.modifierExtension) ? value.modifierExtension : []
  return extensions.map((extension: unknown) =>
    isObject(extension) && typeof extension.url === 'string' ? extension.url : undefined,
  )
}
