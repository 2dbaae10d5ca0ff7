import type { Expression } from './ast.ts'
import type { Eval } from './run.ts'

/** Variables defined inside are unknown outside. */
export function scoped(inner: Eval): Eval {
  return (run, focus) => {
    const { variables } = run
    const result = inner(run, focus)
    run.variables = variables
    return result
  }
}

/** Whether evaluating a node can define a variable for what follows it. */
export function definesVariable(node: Expression): boolean {
  switch (node.kind) {
    case 'binary':
      return definesVariable(node.left) || definesVariable(node.right)
    case 'call':
      return node.name === 'defineVariable' || (node.of !== null && definesVariable(node.of))
    case 'member':
      return node.of !== null && definesVariable(node.of)
    case 'indexer':
      return definesVariable(node.of)
    default:
      return false
  }
}
