import { isResourceType, PRIMITIVE_CHECKS } from '@salus/fhir-model'
import { bindingCheck } from './bindings.ts'
import { ancestorsOf } from './contexts.ts'
import { isJson } from './definition-source.ts'
import { type TypeRef, typeCode } from './element-definition.ts'
import type { ElementNode } from './element-tree.ts'
import { visitExtension } from './extensions.ts'
import { fixedChecks } from './fixed-values.ts'
import { invariantChecks } from './invariants.ts'
import { type Check, COMPLEX, type NodePlan, PRIMITIVE, SPECIAL, type ValuePlan } from './plan.ts'
import { printable } from './printable.ts'
import { CORE } from './profiles.ts'
import { referenceCheck } from './references.ts'
import { visitResource } from './resources.ts'
import type { Scope } from './scope.ts'
import { typeChecks } from './type-rules.ts'
import { visitObject } from './visit.ts'

interface Around {
  scope: Scope
  /** The type or path of the object it stands in. */
  owner: string
  modifier: boolean
}

/** How a value of this element is checked, when it has this type. */
export function valuePlan(node: ElementNode, type: TypeRef, { scope, owner, modifier }: Around): ValuePlan {
  const { contentReference } = node.definition
  // Where a profile says something of the parts of a content reference, they have been filled in.
  const code = contentReference === undefined || node.children.length > 0 ? typeCode(type) || 'BackboneElement' : ''
  const primitive = primitiveCheck(node, code, owner)
  const resource = code === 'Resource' || code === 'DomainResource' || isResourceType(code)
  const extension = code === 'Extension'
  const kind = primitive !== null ? PRIMITIVE : resource || extension ? SPECIAL : COMPLEX
  const path = code === '' ? contentReferencePath(contentReference) : pathOf(node, code, owner)
  const profiles = type.profile ?? []
  return {
    kind,
    visit: resource ? visitResource : extension ? visitExtension : null,
    type: path,
    primitive,
    node: null,
    resolve: kind === PRIMITIVE || resource ? null : nodeOf(node, { type, path, extension }, scope),
    checks: checksOf(node, type, { scope, path, profiled: kind !== PRIMITIVE && !resource, owner }),
    profiles: resource ? profiles : [],
    resourceTypes: isResourceType(code) ? [code] : [],
    contained: node.name === 'contained',
    modifier,
    contexts: extension ? ancestorsOf(owner) : [],
  }
}

const contentReferencePath = (reference = ''): string => reference.slice(reference.indexOf('#') + 1)

/** The name by which FHIRPath knows the type: a nested element is known by its path in the type itself. */
function pathOf(node: ElementNode, code: string, owner: string): string {
  if (code !== 'BackboneElement' && code !== 'Element') return code
  if (code === 'Element' && node.children.length === 0) return code
  const base = node.definition.base?.path
  return base?.includes('.') === true && !base.startsWith('Element.') ? base : `${owner}.${node.name}`
}

function primitiveCheck(node: ElementNode, code: string, owner: string): ValuePlan['primitive'] {
  if (code === '') return null
  // The identity of a resource is an id; that of an element is any string.
  if (node.name === 'id' && (isResourceType(owner) || owner === 'Resource')) return PRIMITIVE_CHECKS.id ?? null
  return Object.hasOwn(PRIMITIVE_CHECKS, code) ? (PRIMITIVE_CHECKS[code] ?? null) : null
}

function nodeOf(
  node: ElementNode,
  { type, path, extension }: { type: TypeRef; path: string; extension: boolean },
  scope: Scope,
): (() => NodePlan) | null {
  const { contentReference } = node.definition
  const { plans } = scope
  if (contentReference !== undefined && node.children.length === 0) return () => plans.element(path)
  // An extension is checked against the definition of its url; inline only what the profile says besides.
  if (node.children.length > 0) return () => scope.compile(node, path)
  if (extension) return null
  return () => plans.type(typeCode(type))
}

interface CheckScope {
  scope: Scope
  path: string
  /** Whether profiles of the type are checked with the value. */
  profiled: boolean
  owner: string
}

function checksOf(node: ElementNode, type: TypeRef, { scope, path, profiled, owner }: CheckScope): Check[] {
  const checks: Check[] = [...fixedChecks(node)]
  const code = typeCode(type)
  const binding = bindingCheck(node.definition.binding, code, node.name)
  if (binding !== null) checks.push(binding)
  if (code === 'Reference' || code === 'canonical') checks.push(...referenceCheck(type, scope.plans))
  checks.push(...typeChecks(code, `${owner}.${node.name}`, isResourceType(owner) || owner === 'Resource'))
  if (profiled) {
    const profiles = (type.profile ?? []).filter((url) => url !== CORE + code)
    if (profiles.length > 0) checks.push(profileCheck(profiles, code === 'Extension'))
  }
  checks.push(...invariantChecks(node.definition.constraint, path))
  return checks
}

/** A value of a data type with profiles: it must conform to one of them. */
function profileCheck(canonicals: readonly string[], extension: boolean): Check {
  return (walk, value) => {
    if (!isJson(value)) return
    const { plans } = walk.settings
    // The definition of an extension is found by its url; the profile must not be checked twice.
    if (extension && canonicals.some((url) => url.split('|')[0] === value.url)) return
    const profiles = canonicals.map((url) => plans.profile(url))
    const known = profiles.filter((profile) => profile !== undefined && profile.error === null)
    if (known.length < canonicals.length) {
      if (known.length === 0)
        walk.note(
          'warning',
          'not-found',
          `The profile${printable.address(canonicals[0])} of the data type here is not known or cannot be used.`,
        )
      return
    }
    const [only] = known
    if (known.length === 1 && only !== undefined) {
      walk.repeated = true
      visitObject(walk, only.node, value)
    } else if (
      !known.some((one) => one !== undefined && walk.conforms(value, one, () => visitObject(walk, one.node, value)))
    )
      walk.error('structure', 'It conforms to none of the profiles that are allowed here.')
  }
}
