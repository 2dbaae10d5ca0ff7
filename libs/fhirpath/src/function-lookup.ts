import type { FunctionDefinition, FunctionTable } from './function-table.ts'
import { boundaryFunctions } from './functions-boundary.ts'
import { calendarFunctions } from './functions-calendar.ts'
import { convertFunctions } from './functions-convert.ts'
import { existenceFunctions } from './functions-existence.ts'
import { fhirFunctions } from './functions-fhir.ts'
import { filterFunctions } from './functions-filter.ts'
import { mathFunctions } from './functions-math.ts'
import { profileFunctions } from './functions-profile.ts'
import { sortFunctions } from './functions-sort.ts'
import { stringFunctions } from './functions-string.ts'
import { subsetFunctions } from './functions-subset.ts'
import { hostItem, terminologyFunctions } from './functions-terminology.ts'
import { textCodingFunctions } from './functions-text-coding.ts'
import { treeFunctions } from './functions-tree.ts'
import { type Items, toJson } from './item.ts'
import type { Eval } from './run.ts'

/** Functions of the host: input and arguments as plain JSON, the result as a collection of plain JSON. */
export type HostFunctions = Readonly<Record<string, (input: unknown[], args: unknown[][]) => unknown[]>>

const TABLES: readonly FunctionTable[] = [
  boundaryFunctions,
  calendarFunctions,
  convertFunctions,
  existenceFunctions,
  fhirFunctions,
  filterFunctions,
  mathFunctions,
  profileFunctions,
  sortFunctions,
  stringFunctions,
  subsetFunctions,
  terminologyFunctions,
  textCodingFunctions,
  treeFunctions,
]

const BY_NAME: ReadonlyMap<string, FunctionDefinition> = new Map(TABLES.flatMap((table) => Object.entries(table)))

export function functionNamed(name: string): FunctionDefinition | undefined {
  return BY_NAME.get(name)
}

/** Arguments a host function may take: more than any known one. */
const HOST_ARGS_MAX = 10

export function hostFunction(name: string, functions: HostFunctions | undefined): FunctionDefinition | undefined {
  if (functions === undefined || !Object.hasOwn(functions, name)) return undefined
  const apply = functions[name] as HostFunctions[string]
  return {
    min: 0,
    max: HOST_ARGS_MAX,
    build: (input, site): Eval => {
      return (run, focus): Items => {
        const items = input(run, focus)
        const args = site.args.map((arg) => arg(run, focus).map(toJson))
        run.spend(1 + items.length + args.reduce((sum, arg) => sum + arg.length, 0), site.at)
        return apply(items.map(toJson), args).map(hostItem)
      }
    },
  }
}
