import { PRIMITIVE_CHECKS } from '@salus/fhir-model'
import { isJson, type Json } from './definition-source.ts'
import { COMPLEX, type NodePlan, PRIMITIVE, type Property, type Slot, type ValuePlan } from './plan.ts'
import { DEPTH_MAX, type Walk } from './walk.ts'

/** Checks an object against a plan. The hot loop of the validator: nothing is allocated while all is well. */
export function visitObject(walk: Walk, plan: NodePlan, object: Json): void {
  if (walk.depth >= DEPTH_MAX) {
    walk.tooDeep = true
    return walk.error('too-costly', `More than ${DEPTH_MAX} objects within each other.`)
  }
  if (++walk.visits > VISITS_BETWEEN_LOOKS && walk.exhausted) return
  walk.depth++
  let keys = 0
  let choice: Property | null = null
  let choices: Property[] | null = null
  for (const key in object) {
    keys++
    const property = plan.properties.get(key)
    if (property === undefined) {
      if (key !== 'resourceType' || !plan.isResource) reportUnknown(walk, plan, key)
      continue
    }
    walk.step(property.label, -1)
    if (property.slot.choice) {
      // Most objects have one choice; only for more the list is made.
      if (choice === null) choice = property
      else {
        choices ??= [choice]
        if (choices.some((other) => isOtherType(other, property)))
          walk.error('structure', 'Only one type of a choice element may be given.')
        choices.push(property)
      }
    }
    if (property.list) visitList(walk, property, object[key], object)
    else visitSingle(walk, property, object[key], object)
  }
  walk.keys += keys
  walk.depth--
  const { required, rules } = plan
  if (keys === 0) return walk.error('structure', 'Must not be an empty object; leave the element out.')
  for (let at = 0; at < required.length; at++) {
    const slot = required[at] as Slot
    if (!isPresent(slot, object)) reportMissing(walk, slot, 0)
  }
  for (let at = 0; at < rules.length; at++) rules[at]?.(walk, object)
}

/** The limit on work is looked at only after this many objects, which small resources never reach. */
const VISITS_BETWEEN_LOOKS = 10_000

function isPresent({ keys }: Slot, object: Json): boolean {
  for (let at = 0; at < keys.length; at++) if (object[keys[at] as string] !== undefined) return true
  return false
}

function reportMissing(walk: Walk, { name, min, askedBy }: Slot, found: number): void {
  walk.error('required', `${name}: at least ${min} required, but ${found} found.`, '', askedBy)
}

const isOtherType = (one: Property, other: Property): boolean =>
  one.slot === other.slot && one.key !== other.siblingOf && one.siblingOf !== other.key

function visitSingle(walk: Walk, property: Property, value: unknown, object: Json): void {
  if (Array.isArray(value)) return walk.error('structure', 'Must be a single value, not an array.')
  if (property.slicing !== null && property.siblingOf === '')
    property.slicing.visit(walk, { property, values: [value], holder: object, list: false })
  else visitValue(walk, property.value, value, object)
  if (property.slot.max > 0) return
  // A type of a choice that may not be used is wrong in itself; an element that may not be there is one too many.
  if (property.slot.choice) walk.error('structure', `${property.slot.name}: this type is not allowed here.`)
  else reportTooMany(walk, property.slot, 1)
}

function reportTooMany(walk: Walk, { name, max }: Slot, found: number): void {
  walk.depth--
  walk.error('structure', `${name}: at most ${max} allowed, but ${found} found.`)
  walk.depth++
}

function visitList(walk: Walk, property: Property, list: unknown, object: Json): void {
  if (!Array.isArray(list)) return walk.error('structure', 'Must be a JSON array, even for one value.')
  const { length } = list
  if (length === 0) return walk.error('structure', 'Must not be an empty array; leave the element out.')
  const { slot, value, slicing } = property
  const own = property.siblingOf === ''
  if (slicing !== null && own) slicing.visit(walk, { property, values: list, holder: object, list: true })
  else {
    let nulls = 0
    for (let place = 0; place < length; place++) {
      walk.step(property.label, place)
      const item: unknown = list[place]
      if (item === null) nulls++
      else visitValue(walk, value, item, object)
    }
    if (nulls > 0) checkNulls(walk, property, list, object)
  }
  walk.step(property.label, -1)
  if (!own) {
    const values = object[property.siblingOf]
    if (Array.isArray(values) && values.length !== length)
      walk.error('structure', 'Must be as long as the array of values, with null where there is no entry.')
    if (values !== undefined) return
  }
  if (length > slot.max) reportTooMany(walk, slot, length)
  if (length < slot.min) {
    walk.depth--
    reportMissing(walk, slot, length)
    walk.depth++
  }
}

/** A null in a list stands for "see the other list": of values for ids and extensions, and the other way round. */
function checkNulls(walk: Walk, property: Property, list: readonly unknown[], object: Json): void {
  const other = object[property.siblingOf === '' ? property.sibling : property.siblingOf]
  for (const [place, item] of list.entries()) {
    if (item !== null) continue
    walk.step(property.label, place)
    const there = Array.isArray(other) && other[place] !== null && other[place] !== undefined
    if (!there) walk.error('structure', 'null is allowed only where the other array of the element has an entry.')
  }
}

/** Checks one value that is not null. */
export function visitValue(walk: Walk, plan: ValuePlan, value: unknown, holder: Json): void {
  const { kind, checks } = plan
  if (kind === PRIMITIVE) {
    const found = plan.primitive === null ? null : plan.primitive(value)
    if (found !== null) return walk.error(found.code, found.message)
  } else if (!isJson(value)) {
    return walk.error('structure', 'Must be a JSON object.')
  } else if (kind === COMPLEX) {
    if (plan.node === null && plan.resolve !== null) plan.node = plan.resolve()
    if (plan.node !== null) visitObject(walk, plan.node, value)
  } else if (plan.visit !== null) plan.visit(walk, plan, value, holder)
  for (let at = 0; at < checks.length; at++) checks[at]?.(walk, value, holder)
}

/** A key that looks like no element's name could be anything, also data: then it is not repeated. */
function reportUnknown(walk: Walk, plan: NodePlan, key: string): void {
  const choice = choiceOfKey(plan, key)
  if (choice !== undefined) {
    walk.step(choice, -1)
    return walk.error('structure', 'This type is not allowed here.')
  }
  const name = /^_?[A-Za-z][A-Za-z0-9_]{0,63}$/.test(key) ? ` '${key}'` : ''
  walk.depth--
  walk.error('structure', `There is no element${name} here.`)
  walk.depth++
}

/** Whether the key is a choice of the plan with a type that a profile excludes: the step it then is. */
function choiceOfKey({ properties }: NodePlan, key: string): string | undefined {
  if (!/^[a-z][A-Za-z]{0,30}[A-Z][A-Za-z0-9]{0,63}$/.test(key)) return undefined
  for (const { slot } of properties.values()) {
    const name = slot.name.slice(0, -3)
    if (!slot.choice || !key.startsWith(name) || !CHOICE_TYPES.has(key.slice(name.length))) continue
    const type = key.slice(name.length)
    const small = type.charAt(0).toLowerCase() + type.slice(1)
    return `${name}.ofType(${Object.hasOwn(PRIMITIVE_CHECKS, small) ? small : type})`
  }
  return undefined
}

/** How the types of a choice are written in a key. */
const CHOICE_TYPES = new Set(
  [
    ...Object.keys(PRIMITIVE_CHECKS).map((type) => type.charAt(0).toUpperCase() + type.slice(1)),
    'Address Age Annotation Attachment CodeableConcept Coding ContactPoint Count Distance Duration HumanName Identifier',
    'Money Period Quantity Range Ratio Reference SampledData Signature Timing ContactDetail Contributor DataRequirement',
    'Expression ParameterDefinition RelatedArtifact TriggerDefinition UsageContext Dosage Meta',
  ].flatMap((line) => line.split(' ')),
)
