import type { ElementNode } from './element-tree.ts'
import type { NodePlan } from './plan.ts'
import type { Plans } from './plans.ts'
import { expand } from './snapshot.ts'

/** Where a plan is compiled. */
export interface Scope {
  plans: Plans
  /** The profile, for messages. */
  url: string
  /** The tree it is in, for content references. */
  root: ElementNode
  /** Plans of this profile's nodes: content references make circles. */
  nodes: Map<ElementNode, NodePlan>
  /** The plan of a node of this tree; `path` is its type, or its path for a nested one. */
  compile: (node: ElementNode, path: string) => NodePlan
}

/** The children of an element, its type's when the profile says nothing of them. For discriminators. */
export function childrenOf(node: ElementNode, { plans }: Pick<Scope, 'plans'>): readonly ElementNode[] {
  if (node.children.length > 0) return node.children
  const copy = { ...node, children: [] }
  expand(copy, { trees: plans.profiles })
  return copy.children
}
