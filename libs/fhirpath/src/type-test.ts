import type { Expression, TypeSpecifier } from './ast.ts'
import { FhirPathError } from './fhirpath-error.ts'
import { FhirNode, type Item, isObject, systemTypeName } from './item.ts'
import { isBuiltInSubtype, SYSTEM_TYPES, TEMPORAL_TYPES, type TypeModel } from './type-model.ts'

type ItemTest = (item: Item) => boolean

/**
 * Whether an item is of a type. FHIR types match elements only and System types values only: `Patient.active` is a
 * `boolean` and not a `Boolean` (http://hl7.org/fhir/R4/fhirpath.html#types). With `exact`, a primitive matches its
 * own type only, as `as` and `ofType` ask.
 */
export function typeTest(type: TypeSpecifier, exact: boolean, model: TypeModel | undefined): ItemTest {
  const { namespace, name } = type
  const isSystem = namespace === 'System' || (namespace === undefined && SYSTEM_TYPES.has(name))
  const isFhir = namespace === 'FHIR' || namespace === undefined
  const isNode = nodeTest(name, exact, model)
  return (item) => {
    if (item instanceof FhirNode) return isFhir && isNode(item)
    return isSystem && (name === 'Any' || systemTypeName(item) === name)
  }
}

/** Types whose answer is remembered: more than a resource has, and a bound where types come from hostile input. */
const REMEMBERED_TYPES_MAX = 200

function nodeTest(name: string, exact: boolean, model: TypeModel | undefined): (node: FhirNode) => boolean {
  if (model === undefined) return (node) => nodeIs(node, name, exact, model)
  const known = new Map<string, boolean>()
  return (node) => {
    const { type } = node
    if (type === '') return nodeIs(node, name, exact, model)
    const before = known.get(type)
    if (before !== undefined) return before
    const answer = nodeIs(node, name, exact, model)
    if (known.size < REMEMBERED_TYPES_MAX) known.set(type, answer)
    return answer
  }
}

function nodeIs(node: FhirNode, wanted: string, exact: boolean, model: TypeModel | undefined): boolean {
  const { type, value } = node
  const name = wanted === 'SimpleQuantity' || wanted === 'MoneyQuantity' ? 'Quantity' : wanted
  if (type === name) return true
  if (type === '') return guess(value, name)
  if (exact && /^[a-z]/.test(type)) return false
  if (model !== undefined) return model.isSubtype(type, name)
  return isBuiltInSubtype(type, name) || (isObject(value) && 'resourceType' in value && isResourceBase(type, name))
}

const NOT_DOMAIN_RESOURCES = new Set(['Bundle', 'Binary', 'Parameters'])

function isResourceBase(type: string, name: string): boolean {
  return name === 'Resource' || (name === 'DomainResource' && !NOT_DOMAIN_RESOURCES.has(type))
}

const INTEGER_TYPES = new Set(['integer', 'unsignedInt', 'positiveInt'])
const OTHER_STRING_TYPES = new Set('string code id markdown uri url canonical uuid oid base64Binary xhtml'.split(' '))

/** Without a model the type of an element is not known; its JSON says at least what it can be. */
function guess(value: unknown, name: string): boolean {
  switch (typeof value) {
    case 'boolean':
      return name === 'boolean'
    case 'number':
      return name === 'decimal' || (INTEGER_TYPES.has(name) && Number.isInteger(value))
    case 'string':
      return TEMPORAL_TYPES.has(name) ? /^\d\d(\d\d|:)/.test(value) : OTHER_STRING_TYPES.has(name)
    default:
      return false
  }
}

/** The type an argument of `is()`, `as()` or `ofType()` names. */
export function typeArgument(argument: Expression): TypeSpecifier {
  if (argument.kind === 'member') {
    if (argument.of === null) return { name: argument.name }
    if (argument.of.kind === 'member' && argument.of.of === null) {
      return { namespace: argument.of.name, name: argument.name }
    }
  }
  throw new FhirPathError('semantic', 'a type name is expected here', argument.at)
}

/** Refuses a type that does not exist, where the model can say so. */
export function checkType(type: TypeSpecifier, model: TypeModel | undefined, at: number): void {
  const { namespace, name } = type
  const system = namespace !== 'FHIR' && SYSTEM_TYPES.has(name)
  if (system || namespace === 'System' || model?.hasType === undefined || model.hasType(name)) return
  throw new FhirPathError('semantic', 'there is no such type', at)
}
