import type { ElementDefinition } from './element-definition.ts'

/** One element of a profile, or one slice of it, with what stands below. */
export interface ElementNode {
  /** The last step of the path: `value[x]`. */
  name: string
  /** The name of the slice; empty for the element itself. A slice of a slice is `outer/inner`. */
  slice: string
  definition: ElementDefinition
  children: ElementNode[]
  slices: ElementNode[]
}

/** Elements of one profile: the widest national profiles have about 2,000. */
const ELEMENTS_MAX = 50_000
/** Slices of one element: real profiles have at most some tens, and each value is tried against each. */
const SLICES_MAX = 2_000
/** Steps in one path; the deepest real one has 12. */
const STEPS_MAX = 60

/** A profile that cannot be used; the message names definitions only. */
export class ProfileError extends Error {
  override readonly name = 'ProfileError'
}

export const emptyNode = (name: string, slice = ''): ElementNode => ({
  name,
  slice,
  definition: { path: name },
  children: [],
  slices: [],
})

/**
 * The tree of a list of elements, as a snapshot or a differential gives it. Steps that a differential leaves out become
 * nodes that say nothing. Throws {@link ProfileError} for lists no profile can have.
 */
export function treeOfElements(elements: readonly ElementDefinition[]): ElementNode {
  const [first] = elements
  if (first === undefined) throw new ProfileError('It has no elements.')
  if (elements.length > ELEMENTS_MAX) throw new ProfileError(`It has more than ${ELEMENTS_MAX} elements.`)
  const root = emptyNode(first.path.split('.')[0] as string)
  const active = new Map<ElementNode, Map<string, ElementNode>>()
  for (const element of elements) {
    const steps = stepsOf(element)
    if (steps.length === 1) {
      if (element.sliceName === undefined) root.definition = element
      continue
    }
    let at = root
    for (const [place, { name, slice }] of steps.slice(1).entries()) {
      const last = place === steps.length - 2
      at = childAt(at, name, last ? (element.sliceName ?? slice ?? '') : slice, active)
    }
    at.definition = element
  }
  return root
}

interface Step {
  name: string
  /** Undefined where only the order of the elements tells the slice. */
  slice: string | undefined
}

/** The path, with the slices that the id names where it fits the path. */
function stepsOf(element: ElementDefinition): Step[] {
  const names = element.path.split('.')
  if (names.length > STEPS_MAX) throw new ProfileError(`A path has more than ${STEPS_MAX} steps.`)
  for (const name of names) {
    if (name === '') throw new ProfileError('A path has a step without a name.')
    if (name in Object.prototype) throw new ProfileError('A path has a step that no element can be called.')
  }
  const ids = typeof element.id === 'string' && element.id.includes(':') ? element.id.split('.') : []
  if (ids.length !== names.length) return names.map((name) => ({ name, slice: undefined }))
  return ids.map((id, place) => {
    const colon = id.indexOf(':')
    const idName = colon < 0 ? id : id.slice(0, colon)
    const name = names[place] as string
    // `Observation.valueQuantity` may have the id `Observation.value[x]:valueQuantity`.
    const choice = idName.endsWith('[x]') && name !== idName && name.startsWith(idName.slice(0, -3))
    return { name: choice ? idName : name, slice: colon < 0 ? '' : id.slice(colon + 1) }
  })
}

function childAt(
  parent: ElementNode,
  name: string,
  slice: string | undefined,
  active: Map<ElementNode, Map<string, ElementNode>>,
): ElementNode {
  let current = active.get(parent)
  if (current === undefined) active.set(parent, (current = new Map<string, ElementNode>()))
  const latest = current.get(name)
  if (slice === undefined && latest !== undefined) return latest
  if (latest !== undefined && latest.slice === slice) return latest
  let element = parent.children.find((child) => child.name === name)
  if (element === undefined) parent.children.push((element = emptyNode(name)))
  let found = element
  if (slice !== undefined && slice !== '') {
    const known = element.slices.find((one) => one.slice === slice)
    found = known ?? emptyNode(name, slice)
    if (known === undefined) element.slices.push(found)
    if (element.slices.length > SLICES_MAX) throw new ProfileError(`An element has more than ${SLICES_MAX} slices.`)
  }
  current.set(name, found)
  return found
}

/** A copy that can be changed; definitions are shared, because merging replaces them. */
export function copyOf(node: ElementNode): ElementNode {
  return { ...node, children: node.children.map(copyOf), slices: node.slices.map(copyOf) }
}

/** The tree as the list of a snapshot, with paths and ids. */
export function elementsOfTree(root: ElementNode): ElementDefinition[] {
  const list: ElementDefinition[] = []
  const add = (node: ElementNode, path: string, id: string): void => {
    const { sliceName: _name, ...definition } = node.definition
    list.push({ ...definition, id, path, ...(node.slice === '' ? {} : { sliceName: node.slice }) })
    if (list.length > ELEMENTS_MAX) throw new ProfileError(`It has more than ${ELEMENTS_MAX} elements.`)
    for (const child of node.children) {
      add(child, `${path}.${child.name}`, `${id}.${child.name}`)
      for (const slice of child.slices) add(slice, `${path}.${child.name}`, `${id}.${child.name}:${slice.slice}`)
    }
  }
  add(root, root.name, root.name)
  return list
}
