import { isResourceType, PRIMITIVE_CHECKS } from '@salus/fhir-model'
import { compileSlicing } from './compile-slicing.ts'
import { valuePlan } from './compile-value.ts'
import { ancestorsOf } from './contexts.ts'
import { type ElementDefinition, maxOf, type TypeRef, typeCode } from './element-definition.ts'
import type { ElementNode } from './element-tree.ts'
import { invariantChecks } from './invariants.ts'
import type { NodePlan, Property, Rule, Slot } from './plan.ts'
import type { Plans } from './plans.ts'
import { CORE } from './profiles.ts'
import type { Scope } from './scope.ts'
import { checkAbsent } from './slicing.ts'
import { capital, typesOf } from './snapshot.ts'

/** The plan of a whole profile. */
export function compileRoot(
  root: ElementNode,
  { plans, url, type }: { plans: Plans; url: string; type: string },
): NodePlan {
  const nodes = new Map<ElementNode, NodePlan>()
  const scope: Scope = { plans, url, root, nodes, compile: (node, path) => compileNode(node, path, scope) }
  return compileNode(root, type, scope)
}

/** The plan of an object whose elements the node gives. `type` is its type, or its path for a nested one. */
function compileNode(node: ElementNode, type: string, scope: Scope): NodePlan {
  const known = scope.nodes.get(node)
  if (known !== undefined) return known
  const properties = new Map<string, Property>()
  const required: Slot[] = []
  const rules: Rule[] = []
  const plan: NodePlan = { type, isResource: isResourceType(type), properties, required, rules }
  scope.nodes.set(node, plan)
  for (const child of node.children) {
    const slot = addElement(properties, child, { owner: type, slice: node.slice }, scope)
    if (slot.min > 0) required.push(slot)
    const sliced = slot.keys
      .map((key) => properties.get(key)?.slicing)
      .find((slicing) => slicing !== null && slicing !== undefined)
    if (sliced !== null && sliced !== undefined && sliced.slices.some(({ min }) => min > 0))
      rules.push((walk, object) => {
        if (slot.keys.every((key) => object[key] === undefined)) checkAbsent(walk, sliced)
      })
  }
  for (const check of invariantChecks(ownConstraints(node, type, scope), type))
    rules.push((walk, object) => check(walk, object, object))
  return plan
}

/** Constraints of the type itself: an element's own are checked with its value. */
function ownConstraints(
  node: ElementNode,
  type: string,
  { root, plans }: Scope,
): ElementNode['definition']['constraint'] {
  if (node === root) return node.definition.constraint
  if (type.includes('.')) return []
  const own = new Set((node.definition.constraint ?? []).map(({ key }) => key))
  return (plans.profiles.tree(type)?.definition.constraint ?? []).filter(({ key }) => !own.has(key))
}

function addElement(
  into: Map<string, Property>,
  node: ElementNode,
  { owner, slice }: { owner: string; slice: string },
  scope: Scope,
): Slot {
  const { definition } = node
  const choice = node.name.endsWith('[x]')
  const name = choice ? node.name.slice(0, -3) : node.name
  const types =
    typesOf(node).length > 0 || node.definition.contentReference === undefined ? typesOf(node) : [{ code: '' }]
  const slot: Slot & { keys: string[] } = {
    name: node.name,
    min: definition.min ?? 0,
    max: maxOf(definition.max),
    askedBy: askedBy(definition, slice, scope),
    keys: [],
    choice,
  }
  const list = isList(node)
  const sliced = choice ? slicesByType(node) : null
  for (const type of types) {
    const code = typeCode(type)
    const key = choice ? name + capital(code) : name
    const label = choice ? `${name}.ofType(${code})` : name
    const own = sliced?.get(code)
    const from = own ?? node
    const use = own === undefined ? type : (typesOf(own).find((one) => typeCode(one) === code) ?? type)
    const base = { key, label, slot, list }
    const sibling = siblingOf(key, code, owner)
    const value = valuePlan(from, use, { scope, owner, modifier: name === 'modifierExtension' })
    const slicing = node.slices.length > 0 && sliced === null ? compileSlicing(node, type, { scope, owner }) : null
    into.set(key, { ...base, sibling, siblingOf: '', value, slicing })
    slot.keys.push(key)
    if (sibling === '') continue
    const extra = elementPlan(from, { owner, name, code, choice }, scope)
    into.set(sibling, { ...base, key: sibling, sibling: '', siblingOf: key, value: extra, slicing: null })
    slot.keys.push(sibling)
  }
  if (sliced !== null) forbidTypes(node, sliced, into, slot)
  if (slot.name !== node.name) slot.askedBy = scope.url
  return slot
}

/** What R4 itself asks for needs no name. */
function askedBy({ min = 0, base }: ElementDefinition, slice: string, { url, root }: Scope): string {
  if (url === '' || url === CORE + root.name || (base?.min ?? 0) >= min) return ''
  return slice === '' ? url : `slice ${slice} of ${url}`
}

/** Whether its JSON is an array: that the type itself decides, not a profile that allows one value only. */
function isList(node: ElementNode): boolean {
  const { base, max } = node.definition
  if (node.name === 'contained' || node.name === 'extension' || node.name === 'modifierExtension') return true
  return maxOf(base?.max ?? max) > 1
}

/** The id of an element and the url of an extension are attributes in XML and can have no extension; neither can XHTML. */
function siblingOf(key: string, type: string, owner: string): string {
  if (PRIMITIVE_CHECKS[type] === undefined || type === 'xhtml' || key === 'id') return ''
  return owner === 'Extension' && key === 'url' ? '' : `_${key}`
}

/** Slices of a choice that are told apart by nothing but the type; null when there are others. */
function slicesByType(node: ElementNode): ReadonlyMap<string, ElementNode> | null {
  if (node.slices.length === 0) return null
  const discriminators = node.definition.slicing?.discriminator ?? []
  if (!discriminators.every(({ type, path }) => type === 'type' && path === '$this')) return null
  const byType = new Map<string, ElementNode>()
  for (const slice of node.slices) {
    if (slice.slice.includes('/')) return null
    for (const type of typesOf(slice)) {
      if (byType.has(typeCode(type))) return null
      byType.set(typeCode(type), slice)
    }
  }
  return byType
}

/** What slices by type say of how often: a type that may not be used, one that must, and whether others may. */
function forbidTypes(
  node: ElementNode,
  sliced: ReadonlyMap<string, ElementNode>,
  properties: Map<string, Property>,
  slot: Slot,
): void {
  const closed = node.definition.slicing?.rules === 'closed'
  const name = node.name.slice(0, -3)
  for (const type of typesOf(node)) {
    const slice = sliced.get(typeCode(type))
    const max = slice === undefined ? (closed ? 0 : slot.max) : maxOf(slice.definition.max)
    const key = name + capital(typeCode(type))
    const property = properties.get(key)
    if (property === undefined || max > 0) continue
    const forbidden = { ...slot, name: `${node.name}:${slice?.slice ?? typeCode(type)}`, max: 0 }
    properties.set(key, { ...property, slot: forbidden })
  }
  for (const slice of new Set(sliced.values())) {
    if ((slice.definition.min ?? 0) === 0) continue
    const keys = typesOf(slice).flatMap((type) => [
      name + capital(typeCode(type)),
      `_${name}${capital(typeCode(type))}`,
    ])
    // A required slice makes the whole element required, of that type.
    Object.assign(slot, { name: `${node.name}:${slice.slice}`, min: Math.max(slot.min, 1), keys })
  }
}

/** The plan of `_given`: id and extensions of a primitive. */
function elementPlan(
  node: ElementNode,
  { owner, name, code, choice }: { owner: string; name: string; code: string; choice: boolean },
  scope: Scope,
): Property['value'] {
  const element = { code: 'Element' } satisfies TypeRef
  const path = `${owner}.${name}${choice ? '[x]' : ''}`
  const children = node.children.filter((child) => child.name === 'id' || child.name === 'extension')
  const inner: ElementNode = {
    ...node,
    definition: { path: node.definition.path, type: [element] },
    children: children.some((child) => child.slices.length > 0) ? children : [],
    slices: [],
  }
  const plan = valuePlan(inner, element, { scope, owner, modifier: false })
  const contexts = [path, ...ancestorsOf(code)]
  const make = plan.resolve
  return {
    ...plan,
    resolve: make === null ? null : () => withContexts(make(), contexts),
  }
}

/** A plan whose extensions also know by what further names the place they extend goes. */
function withContexts(plan: NodePlan, contexts: readonly string[]): NodePlan {
  const property = plan.properties.get('extension')
  if (property === undefined) return plan
  const add = (value: Property['value']): Property['value'] => ({
    ...value,
    contexts: [...value.contexts, ...contexts],
  })
  const { slicing } = property
  const slices = slicing?.slices.map((slice) => ({ ...slice, value: add(slice.value) }))
  const changed: Property = {
    ...property,
    value: add(property.value),
    slicing: slicing === null || slices === undefined ? null : { ...slicing, slices },
  }
  return { ...plan, properties: new Map(plan.properties).set('extension', changed) }
}
