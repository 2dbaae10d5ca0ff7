import type { CallNode, Expression } from './ast.ts'
import type { Item, Items } from './item.ts'
import type { UnitConverter } from './quantity.ts'
import type { Eval, Run } from './run.ts'
import type { TypeModel } from './type-model.ts'

/** A place in an expression where a function is called. */
export interface CallSite {
  at: number
  /** The compiled arguments; a function decides itself when and on what it evaluates them. */
  args: readonly Eval[]
  /** The arguments as written, for those that are type names. */
  nodes: readonly Expression[]
  /** The call itself, where a function has syntax of its own (`sort(name desc)`). */
  call?: CallNode
  /** Types are checked: what they forbid is refused instead of overlooked. */
  strict: boolean
  model: TypeModel | undefined
  units: UnitConverter | undefined
}

export interface FunctionDefinition {
  min: number
  max: number
  /** The closure of `input.name(args)`. Must evaluate `input` before any argument: it can define variables. */
  build(input: Eval, site: CallSite): Eval
}

export type FunctionTable = Readonly<Record<string, FunctionDefinition>>

/** A function of a fixed number of arguments. */
export function fixed(count: number, build: FunctionDefinition['build']): FunctionDefinition {
  return { min: count, max: count, build }
}

/** A function that needs nothing but its input. */
export function plain(apply: (items: Items, run: Run, site: CallSite) => Items): FunctionDefinition {
  return fixed(0, (input, site) => (run, focus) => apply(input(run, focus), run, site))
}

/** A function of one other collection, which is evaluated on `$this` like the input. */
export function pairwise(apply: (items: Items, other: Items, run: Run, site: CallSite) => Items): FunctionDefinition {
  return fixed(1, (input, site) => {
    const other = site.args[0] as Eval
    return (run, focus) => {
      const items = input(run, focus)
      return apply(items, other(run, focus), run, site)
    }
  })
}

/**
 * Evaluates `criterion` with each item as `$this` until `visit` returns false. `$index` and the variables defined
 * inside are gone afterwards.
 */
export function iterate(
  run: Run,
  items: Items,
  criterion: Eval,
  at: number,
  visit: (result: Items, item: Item) => boolean,
): void {
  const { index, variables } = run
  const focus: Item[] = [0]
  for (let i = 0; i < items.length; i++) {
    run.spend(1, at)
    run.index = i
    run.variables = variables
    // One array serves all rounds: `$this` copies it, nothing else keeps the focus.
    focus[0] = items[i] as Item
    if (!visit(criterion(run, focus), focus[0])) break
  }
  run.index = index
  run.variables = variables
}
