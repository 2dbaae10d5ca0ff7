import type { BinaryNode } from './ast.ts'
import { EMPTY, FALSE, FhirNode, TRUE } from './item.ts'
import { operatorEval } from './operators.ts'
import type { UnitConverter } from './quantity.ts'
import type { Eval } from './run.ts'
import { definesVariable, scoped } from './scope.ts'
import { TEMPORAL_TYPES } from './type-model.ts'

/** `use = 'official'`, by far the most frequent comparison, without building what the general one needs. */
export function equalsText(left: Eval, right: Eval, node: BinaryNode, units: UnitConverter | undefined): Eval {
  const text = node.right.kind === 'string' ? node.right.value : ''
  const general = operatorEval('=', left, right, { at: node.at, units })
  if (definesVariable(node)) return operatorEval('=', scoped(left), right, { at: node.at, units })
  return (run, focus) => {
    const items = left(run, focus)
    if (items.length === 0) return EMPTY
    const item = items[0]
    if (items.length === 1 && item instanceof FhirNode && typeof item.value === 'string') {
      if (!TEMPORAL_TYPES.has(item.type)) return item.value === text ? TRUE : FALSE
    }
    return general(run, focus)
  }
}
