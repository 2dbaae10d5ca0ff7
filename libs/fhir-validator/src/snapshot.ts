import type { Definition } from './definition-source.ts'
import { choiceOf, type ElementDefinition, elementsOf, type TypeRef, typeCode } from './element-definition.ts'
import { copyOf, type ElementNode, emptyNode, ProfileError, treeOfElements } from './element-tree.ts'
import { printable } from './printable.ts'

/** What merging needs to know of other definitions. */
export interface Trees {
  /** The tree of a type (`HumanName`) or profile (a canonical); undefined when unknown or in a circle. */
  tree(canonicalOrType: string): ElementNode | undefined
}

/**
 * The tree of a profile that has only a differential: that of its base, changed by the differential. Slices, slices of
 * slices, shortcuts for one type of a choice (`valueQuantity`), content references and elements below data types are
 * followed. Throws {@link ProfileError} where the differential does not fit the base.
 * Spec: https://hl7.org/fhir/R4/profiling.html#snapshot
 */
export function mergeProfile(profile: Definition, base: ElementNode, trees: Trees): ElementNode {
  const differential = elementsOf(profile.differential)
  const root = copyOf(base)
  if (differential.length === 0) return root
  const isNewType = profile.derivation === 'specialization'
  const tree = treeOfElements(differential)
  if (!isNewType && tree.name !== base.name)
    throw new ProfileError('Its differential is of another type than its base.')
  root.name = tree.name
  mergeNode(root, tree, { trees, isNewType })
  return root
}

interface Merge {
  trees: Trees
  isNewType: boolean
}

function mergeNode(into: ElementNode, from: ElementNode, merge: Merge): void {
  into.definition = mergeDefinition(into.definition, from.definition)
  if (from.children.length > 0) {
    expand(into, merge)
    for (const child of from.children) mergeElement(into, child, merge)
  }
  for (const slice of from.slices) mergeSlice(into, slice, merge)
}

function mergeElement(parent: ElementNode, from: ElementNode, merge: Merge): void {
  const same = parent.children.find((child) => child.name === from.name)
  if (same !== undefined) return mergeNode(same, from, merge)
  const choice = parent.children.find(
    (child) => child.name.endsWith('[x]') && from.name.startsWith(child.name.slice(0, -3)),
  )
  if (choice !== undefined) return mergeShortcut(choice, from, merge)
  if (!merge.isNewType)
    throw new ProfileError(`Its differential names an element that its base does not have${named(from)}.`)
  const added = emptyNode(from.name)
  parent.children.push(added)
  mergeNode(added, from, merge)
}

const named = ({ definition }: ElementNode): string => {
  const path = printable.identifier(definition.path, '')
  return path === '' ? '' : `: ${path}`
}

/** `valueQuantity` in a differential is the slice of `value[x]` that takes the type Quantity. */
function mergeShortcut(choice: ElementNode, from: ElementNode, merge: Merge): void {
  const suffix = from.name.slice(choice.name.length - 3)
  const type = typesOf(choice).find((one) => capital(typeCode(one)) === suffix)
  if (type === undefined)
    throw new ProfileError(`Its differential names a type that a choice of its base does not have${named(from)}.`)
  choice.definition = withTypeSlicing(choice.definition)
  const name = from.definition.sliceName ?? from.name
  const slice: ElementNode = { ...from, name: choice.name, slice: name }
  slice.definition = { ...from.definition, type: from.definition.type ?? [type] }
  mergeSlice(choice, slice, merge)
  for (const further of from.slices) mergeSlice(choice, { ...further, name: choice.name }, merge)
}

const TYPE_SLICING = { discriminator: [{ type: 'type', path: '$this' }], rules: 'open', ordered: false }

const withTypeSlicing = (definition: ElementDefinition): ElementDefinition =>
  definition.slicing === undefined ? { ...definition, slicing: TYPE_SLICING } : definition

function mergeSlice(element: ElementNode, from: ElementNode, merge: Merge): void {
  let slice = element.slices.find((one) => one.slice === from.slice)
  if (slice === undefined) {
    slice = newSlice(element, from.slice)
    element.slices.push(slice)
    if (element.name.endsWith('[x]')) element.definition = withTypeSlicing(element.definition)
  }
  mergeNode(slice, from, merge)
}

/** A slice starts as what it slices, but need not be there. */
function newSlice(element: ElementNode, name: string): ElementNode {
  const outer = name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : ''
  const model = element.slices.find((one) => outer !== '' && one.slice === outer) ?? element
  const { slicing: _slicing, ...definition } = model.definition
  return {
    name: element.name,
    slice: name,
    definition: { ...definition, min: 0, sliceName: name },
    children: model.children.map(copyOf),
    slices: [],
  }
}

/** Gives an element the children of what it refers to or of its type. */
export function expand(node: ElementNode, { trees }: Pick<Merge, 'trees'>): void {
  if (node.children.length > 0) return
  const model = modelOf(node, trees)
  if (model === undefined) return
  node.children = model.children.map(copyOf)
}

function modelOf(node: ElementNode, trees: Trees): ElementNode | undefined {
  const { contentReference } = node.definition
  if (contentReference !== undefined) return referencedNode(contentReference, trees)
  const types = typesOf(node)
  const [type] = types
  if (type === undefined) return undefined
  if (types.length > 1) return trees.tree(sharedBase(types))
  const [profile] = type.profile ?? []
  return (profile === undefined ? undefined : trees.tree(profile)) ?? trees.tree(typeCode(type))
}

/** What all types of a choice have in common. */
const sharedBase = (types: readonly TypeRef[]): string =>
  types.every((type) => typeCode(type) === 'Reference' || typeCode(type) === 'canonical') ? 'Reference' : 'Element'

/** The element that `#Questionnaire.item` means: that of the type itself, without what a profile says of it there. */
export function referencedNode(reference: string, trees: Trees): ElementNode | undefined {
  const path = reference.slice(reference.indexOf('#') + 1).split('.')
  let at = trees.tree(path[0] as string)
  for (const name of path.slice(1)) at = at?.children.find((child) => child.name === name)
  return at
}

export function typesOf(node: ElementNode): readonly TypeRef[] {
  const { type } = node.definition
  return Array.isArray(type) ? type.filter((one) => typeof one?.code === 'string') : []
}

const KEPT = new Set(['path', 'id', 'sliceName', 'base', 'contentReference'])

/** What the differential says replaces what the base says; constraints add up. */
function mergeDefinition(base: ElementDefinition, change: ElementDefinition): ElementDefinition {
  const result: ElementDefinition = { ...base }
  for (const key in change) if (!KEPT.has(key) || base[key] === undefined) result[key] = change[key]
  for (const prefix of ['fixed', 'pattern']) {
    // A fixed value in the differential replaces a pattern of another JSON name.
    if (choiceOf(change, prefix) === undefined) continue
    for (const key in base) if (/^(?:fixed|pattern)[A-Z]/.test(key) && change[key] === undefined) delete result[key]
  }
  if (Array.isArray(base.constraint) && Array.isArray(change.constraint)) {
    const keys = new Set(change.constraint.map(({ key }) => key))
    result.constraint = [...base.constraint.filter(({ key }) => !keys.has(key)), ...change.constraint]
  }
  // Slicing that is taken over keeps its discriminators where the change only closes it.
  if (base.slicing !== undefined && change.slicing !== undefined)
    result.slicing = { ...base.slicing, ...change.slicing }
  return result
}

export const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1)
