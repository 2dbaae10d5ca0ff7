import { isJson, type Json, textOf, withoutVersion } from './definition-source.ts'
import { parsePath, type Step, type Typed, valuesAt } from './discriminator-path.ts'
import { choiceOf, type TypeRef, typeCode } from './element-definition.ts'
import type { ElementNode } from './element-tree.ts'
import { extensionUrl } from './extension-url.ts'
import { contains, isSame } from './fixed-values.ts'
import { conformsTo } from './resources.ts'
import { childrenOf, type Scope } from './scope.ts'
import { typesOf } from './snapshot.ts'
import { visitObject } from './visit.ts'
import type { Walk } from './walk.ts'

interface Discriminated {
  matches: (walk: Walk, value: unknown) => boolean
  problem: string | null
}

/** What one value found at a discriminator's path must be. */
type Test = (walk: Walk, found: Typed) => boolean
/** What all of them together must be. */
type Condition = (walk: Walk, found: readonly Typed[]) => boolean

/** How a slice knows its values. Spec: https://hl7.org/fhir/R4/profiling.html#discriminator */
export function discriminate(
  slice: ElementNode,
  discriminators: readonly { type: string; path: string }[],
  scope: Scope,
): Discriminated {
  if (discriminators.length === 0) return { matches: () => false, problem: 'there is no discriminator.' }
  const conditions: { steps: readonly Step[]; condition: Condition }[] = []
  for (const { type, path } of discriminators) {
    const steps = parsePath(textOf(path))
    if (steps === undefined)
      return { matches: () => false, problem: `the path '${path}' is not one a discriminator can have.` }
    const condition = conditionOf(type, nodesAt(slice, steps, scope))
    if (condition === undefined)
      return { matches: () => false, problem: `the slice ${slice.slice} says nothing at '${path}'.` }
    conditions.push({ steps, condition })
  }
  const matches = (walk: Walk, value: unknown): boolean =>
    conditions.every(({ steps, condition }) => condition(walk, valuesAt(walk, value, steps)))
  return { matches, problem: null }
}

function conditionOf(type: string, nodes: readonly ElementNode[]): Condition | undefined {
  if (type === 'exists') {
    const [node] = nodes
    if (node === undefined || node.definition.max === '0') return (_walk, found) => found.length === 0
    return (_walk, found) => found.length > 0
  }
  const tests: { test: Test; needed: boolean }[] = []
  for (const node of nodes) {
    const test = type === 'type' ? typeTest(node) : type === 'profile' ? profileTest(node) : valueTest(node)
    if (test !== undefined) tests.push({ test, needed: node.slice !== '' && (node.definition.min ?? 0) > 0 })
  }
  if (tests.length === 0) {
    if (type === 'type' || type === 'profile') return undefined
    return presence(nodes)
  }
  const needed = tests.filter((one) => one.needed)
  if (needed.length > 0) return (walk, found) => needed.every(({ test }) => found.some((one) => test(walk, one)))
  return (walk, found) => found.some((one) => tests.some(({ test }) => test(walk, one)))
}

/** Without a value to compare, being there or not can tell slices apart. */
function presence(nodes: readonly ElementNode[]): Condition | undefined {
  const [node] = nodes
  if (node === undefined) return undefined
  if (node.definition.max === '0') return (_walk, found) => found.length === 0
  return (node.definition.min ?? 0) > 0 ? (_walk, found) => found.length > 0 : undefined
}

function valueTest(node: ElementNode): Test | undefined {
  const fixed = choiceOf(node.definition, 'fixed')
  if (fixed !== undefined) return (_walk, { value }) => isSame(value, fixed.value)
  const pattern = choiceOf(node.definition, 'pattern')
  if (pattern !== undefined) return (_walk, { value }) => contains(value, pattern.value)
  const { binding } = node.definition
  if (binding?.strength === 'required' && typeof binding.valueSet === 'string') return bindingTest(binding.valueSet)
  return childrenTest(node)
}

/** A slice may fix parts of what the path names: `code.coding.code` where the path is `code`. */
function childrenTest(node: ElementNode): Test | undefined {
  const parts: { name: string; test: Test }[] = []
  for (const child of node.children) {
    const tests = [child, ...child.slices.filter(({ definition }) => (definition.min ?? 0) > 0)]
      .map(valueTest)
      .filter((test) => test !== undefined)
    for (const test of tests) parts.push({ name: child.name, test })
  }
  if (parts.length === 0) return undefined
  return (walk, { value }) =>
    isJson(value) &&
    parts.every(({ name, test }) => {
      const part = value[name]
      const list = Array.isArray(part) ? (part as unknown[]) : part === undefined ? [] : [part]
      return list.some((one) => test(walk, { value: one, type: '' }))
    })
}

function bindingTest(valueSet: string): Test {
  return ({ settings }, { value }) => {
    const codings = codingsOf(value)
    if (codings.length === 0 || settings.terminology === undefined) return false
    const verdict = settings.terminology.checkNow({ valueSet, codings, systemImplied: typeof value === 'string' })
    return verdict?.inValueSet === true
  }
}

function codingsOf(value: unknown): { system?: string; code?: string }[] {
  if (typeof value === 'string') return [{ code: value }]
  if (!isJson(value)) return []
  if (Array.isArray(value.coding)) return value.coding.flatMap(codingsOf)
  if (typeof value.code !== 'string') return []
  return [{ code: value.code, ...(typeof value.system === 'string' ? { system: value.system } : {}) }]
}

function typeTest(node: ElementNode): Test | undefined {
  const types = new Set(typesOf(node).map(typeCode))
  if (types.size === 0) return undefined
  return ({ settings }, { value, type }) => {
    const name = isJson(value) && typeof value.resourceType === 'string' ? value.resourceType : type
    if (types.has(name)) return true
    for (const one of types) if (name !== '' && settings.plans.isSubtype(name, one)) return true
    return false
  }
}

function profileTest(node: ElementNode): Test | undefined {
  const profiles = typesOf(node).flatMap((type) => type.profile ?? [])
  if (profiles.length === 0) return undefined
  return (walk, { value }) => isJson(value) && profiles.some((url) => doesConform(walk, value, url))
}

function doesConform(walk: Walk, value: Json, url: string): boolean {
  const profile = walk.settings.plans.profile(url)
  if (profile === undefined || profile.error !== null) return false
  if (typeof value.resourceType === 'string') return conformsTo(walk, value, profile)
  return walk.conforms(value, profile, () => visitObject(walk, profile.node, value))
}

/** The elements of the slice that a path means, with their slices, through data types, extensions and references. */
function nodesAt(slice: ElementNode, steps: readonly Step[], scope: Scope): ElementNode[] {
  let nodes: ElementNode[] = [slice]
  for (const step of steps) nodes = nodes.flatMap((node) => nodesBelow(node, step, scope)).slice(0, NODES_MAX)
  return nodes
}

/** Elements one path can mean: slices of slices multiply. */
const NODES_MAX = 1_000

function nodesBelow(node: ElementNode, step: Step, scope: Scope): ElementNode[] {
  if (step.kind === 'ofType') {
    const types = typesOf(node).filter((type) => typeCode(type) === step.name)
    return types.length === 0 ? [] : [{ ...node, definition: { ...node.definition, type: types } }]
  }
  if (step.kind === 'resolve') return targetsOf(node, scope)
  const children = childrenOf(node, scope)
  if (step.kind === 'extension') {
    const extensions = children.filter(({ name }) => name === 'extension').flatMap(({ slices }) => slices)
    return extensions.filter((one) => extensionUrl(one) === step.name)
  }
  const found =
    children.find(({ name }) => name === step.name) ?? children.find(({ name }) => name === `${step.name}[x]`)
  return found === undefined ? [] : [found, ...found.slices]
}

/** What a reference points to: one stand-in that has the types and profiles of all targets. */
function targetsOf(node: ElementNode, { plans }: Scope): ElementNode[] {
  const targets = typesOf(node).flatMap((type) => type.targetProfile ?? [])
  return targets.flatMap((url): ElementNode[] => {
    const definition = plans.profiles.definition(withoutVersion(url))
    const tree = definition === undefined ? undefined : plans.profiles.tree(url)
    const code = definition === undefined ? withoutVersion(url).split('/').at(-1) : textOf(definition.type)
    const type: TypeRef = { code: code ?? '', profile: [url] }
    return [{ ...(tree ?? { name: '', slice: '', children: [], slices: [] }), definition: { path: '', type: [type] } }]
  })
}
