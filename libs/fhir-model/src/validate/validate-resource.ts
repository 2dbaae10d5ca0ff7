import type { Json } from '../json.ts'
import { isResourceType } from '../structure/resource-types.ts'
import { type CompiledNode, compiledNode, type Property } from './compiled-node.ts'
import type { IssueCode, Problem, ValidationResult } from './issue.ts'
import { DEPTH_MAX, report, startWalk, step, walk } from './walk.ts'

const problem = (code: IssueCode, message: string): Problem => ({ code, message })

const NOT_A_RESOURCE = problem('structure', 'Must be a JSON object with the resourceType of an R4 resource.')
const NOT_AN_OBJECT = problem('structure', 'Must be a JSON object.')
const NOT_A_LIST = problem('structure', 'Must be a JSON array.')
const NOT_SINGLE = problem('structure', 'Must be a single value: this element does not repeat.')
const EMPTY_LIST = problem('structure', 'Must not be an empty array; leave the element out.')
const EMPTY_OBJECT = problem('structure', 'Must not be an empty object; leave the element out.')
const ONLY_NULLS = problem('structure', 'Must hold more than null.')
const NULL_ALONE = problem('structure', 'null is allowed only where the array of ids and extensions has an entry.')
const NULL_UNNEEDED = problem('structure', 'null stands only beside a value; where there are no values, leave it out.')
const NOT_ALIGNED = problem('structure', 'Must be as long as the array of values, with null where there is no entry.')
const UNKNOWN = problem('structure', 'FHIR R4 does not define this element here.')
const TWO_CHOICES = problem('structure', 'Only one type of a choice element may be given.')
const TOO_DEEP = problem('too-costly', `More than ${DEPTH_MAX} objects within each other.`)
const MISSING = problem('required', 'This element is required.')
const NESTED_CONTAINED = problem('invariant', 'dom-2: A contained resource must not contain resources.')
const NO_ID = problem('required', 'A contained resource must have an id.')

/**
 * Checks a parsed JSON value against the structure of its R4 resource type: known elements, JSON types, cardinality,
 * primitive formats, choice types, extensions of primitives, contained and nested resources, references, required
 * bindings of closed code systems, XHTML. Invariants in FHIRPath and profiles are not checked. At most 100 issues;
 * objects at most 100 deep; a typical Observation takes a few microseconds. Never throws.
 * Spec: https://hl7.org/fhir/R4/validation.html
 */
export function validateResource(resource: unknown): ValidationResult {
  const type = isObject(resource) ? resource.resourceType : undefined
  if (typeof type !== 'string' || !isResourceType(type)) {
    startWalk('Resource')
    report(NOT_A_RESOURCE)
  } else {
    startWalk(type)
    walk.container = resource as Json
    visit(compiledNode(type), resource as Json)
  }
  return { issues: walk.issues, keys: walk.keys }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function visit(node: CompiledNode, object: Json): void {
  if (walk.depth >= DEPTH_MAX) return report(TOO_DEEP)
  walk.depth++
  let seen = 0
  let keys = 0
  for (const key in object) {
    keys++
    const property = node.properties.get(key)
    if (property === undefined) {
      if (key !== 'resourceType' || !node.isResource) reportUnknown(key)
      continue
    }
    step(property.label, -1)
    if (property.bit !== 0) {
      if (property.choice !== '' && (seen & property.bit) !== 0 && isOtherChoice(property, node, object))
        report(TWO_CHOICES)
      seen |= property.bit
    }
    if (property.many) visitList(property, object[key], object)
    else visitOne(property, object[key])
  }
  walk.keys += keys
  if ((seen & node.required) !== node.required) reportMissing(node, seen)
  walk.depth--
  if (keys === 0) report(EMPTY_OBJECT)
  else if (node.rule !== null) node.rule(object)
}

function visitOne(property: Property, value: unknown): void {
  if (property.check !== null) {
    const found = property.check(value)
    if (found !== null) report(Array.isArray(value) ? NOT_SINGLE : found)
  } else if (!isObject(value)) report(Array.isArray(value) ? NOT_SINGLE : NOT_AN_OBJECT)
  else if (property.resource) visitResource(value, property.key === 'contained')
  else {
    property.node ??= compiledNode(property.nodeName)
    visit(property.node, value)
    if (property.rule !== null) property.rule(value)
  }
}

function visitList(property: Property, list: unknown, object: Json): void {
  if (!Array.isArray(list)) return report(NOT_A_LIST)
  if (list.length === 0) return report(EMPTY_LIST)
  let nulls = 0
  for (let place = 0; place < list.length; place++) {
    const value: unknown = list[place]
    step(property.label, place)
    if (value === null) {
      nulls++
      if (property.siblingOf === '' && !hasEntry(object[property.sibling], place)) report(NULL_ALONE)
      if (property.siblingOf !== '' && object[property.siblingOf] === undefined) report(NULL_UNNEEDED)
    } else visitOne(property, value)
  }
  if (nulls === 0 && property.siblingOf === '') return
  step(property.label, -1)
  if (nulls === list.length && property.siblingOf !== '') report(ONLY_NULLS)
  const other = object[property.siblingOf]
  if (Array.isArray(other) && other.length !== list.length) report(NOT_ALIGNED)
}

const hasEntry = (list: unknown, place: number): boolean => Array.isArray(list) && isObject(list[place])

/** A resource within a resource: in `contained` it shares the container's local references, elsewhere it is its own. */
function visitResource(resource: Json, contained: boolean): void {
  const type = resource.resourceType
  if (typeof type !== 'string' || !isResourceType(type)) return report(NOT_A_RESOURCE)
  const { container } = walk
  if (contained) {
    if (resource.contained !== undefined) report(NESTED_CONTAINED, 'contained')
    if (resource.id === undefined) report(NO_ID)
  } else walk.container = resource
  visit(compiledNode(type), resource)
  walk.container = container
}

/** Whether another type of the same choice is there too; a value and its own `_value` are one. */
function isOtherChoice(property: Property, node: CompiledNode, object: Json): boolean {
  const own = property.siblingOf === '' ? property.key : property.siblingOf
  for (const key in object) {
    const other = node.properties.get(key)
    if (other?.choice === property.choice && key !== own && other.siblingOf !== own) return true
  }
  return false
}

function reportMissing(node: CompiledNode, seen: number): void {
  for (const [place, name] of node.bitNames.entries()) {
    const bit = 1 << place
    if ((node.required & bit) === 0 || (seen & bit) !== 0) continue
    step(name, -1)
    report(MISSING)
  }
}

/** A key that looks like no element's name could be anything, also data: then only its parent is named. */
function reportUnknown(key: string): void {
  if (/^_?[A-Za-z][A-Za-z0-9]{0,63}$/.test(key)) {
    step(key, -1)
    report(UNKNOWN)
    return
  }
  walk.depth--
  report(UNKNOWN)
  walk.depth++
}
