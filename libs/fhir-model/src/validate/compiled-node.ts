import { isResourceType } from '../structure/resource-types.ts'
import {
  choiceName,
  node as definitionOf,
  type ElementDef,
  PRIMITIVE_BASES,
  type TypeRef,
} from '../structure/structure.ts'
import { codeList } from '../structure/value-sets.ts'
import { bindingRule, codeCheck } from './bindings.ts'
import { dataTypeRule } from './data-type-rules.ts'
import { PRIMITIVE_CHECKS, type PrimitiveCheck } from './primitives.ts'
import { referenceRule } from './references.ts'
import type { Rule } from './walk.ts'

/** What a JSON key of a node may hold. One of `check`, `nodeName` and `resource` is set. */
export interface Property {
  key: string
  /** The step in a FHIRPath expression: `value.ofType(Quantity)` for `valueQuantity`. */
  label: string
  many: boolean
  check: PrimitiveCheck | null
  nodeName: string
  /** Filled on first use: types refer to each other in circles. */
  node: CompiledNode | null
  resource: boolean
  /** `_given` for `given`: where a primitive's id and extensions stand; empty when it can have none. */
  sibling: string
  /** For `_given`: `given`. */
  siblingOf: string
  /** Bit in {@link CompiledNode.required} and for choices; 0 for an element that is optional and no choice. */
  bit: number
  /** For a choice element: its name without type. */
  choice: string
  rule: Rule | null
}

/** A type or nested node, ready to check. */
export interface CompiledNode {
  name: string
  isResource: boolean
  properties: ReadonlyMap<string, Property>
  /** Bits of the elements that must be there, and their names in the order of the bits. */
  required: number
  bitNames: readonly string[]
  rule: Rule | null
}

/** Bits of a 32-bit integer; the widest R4 node (ElementDefinition) needs 8. */
const BITS_MAX = 31

const compiled = new Map<string, CompiledNode>()

/** The compiled form of a definition; compiled on first use. The name must be of a known type or node. */
export function compiledNode(name: string): CompiledNode {
  const known = compiled.get(name)
  if (known !== undefined) return known
  const result = compile(name)
  compiled.set(name, result)
  return result
}

function compile(name: string): CompiledNode {
  const definition = definitionOf(name)
  if (definition === undefined) throw new Error(`no definition of ${name}`)
  const isResource = isResourceType(name)
  const properties = new Map<string, Property>()
  const bitNames: string[] = []
  let required = 0
  for (const element of definition.elements.values()) {
    let bit = 0
    if (element.required || element.choice) {
      bit = 1 << bitNames.length
      bitNames.push(element.name)
      if (element.required) required |= bit
    }
    for (const type of element.types) addProperty(properties, element, type, { owner: name, bit })
  }
  if (bitNames.length > BITS_MAX) throw new Error(`${name} needs more than ${BITS_MAX} bits`)
  return { name, isResource, properties, required, bitNames, rule: dataTypeRule(name) }
}

function addProperty(
  into: Map<string, Property>,
  element: ElementDef,
  type: TypeRef,
  { owner, bit }: { owner: string; bit: number },
): void {
  const key = element.choice ? choiceName(element.name, type.name) : element.name
  const label = element.choice ? `${element.name}.ofType(${type.name})` : element.name
  const base = { key, label, many: element.many, bit, choice: element.choice ? element.name : '' }
  const primitive = Object.hasOwn(PRIMITIVE_BASES, type.name)
  // The id of an element and the url of an extension are attributes in XML and can have no extension; neither can the
  // id of a resource and the XHTML of a narrative.
  const attribute = element.name === 'id' || (owner === 'Extension' && element.name === 'url')
  const bare = !primitive || attribute || type.name === 'xhtml'
  into.set(key, {
    ...base,
    check: primitive ? primitiveCheck(element, type, owner) : null,
    nodeName: primitive || type.name === 'Resource' ? '' : type.name,
    node: null,
    resource: type.name === 'Resource',
    sibling: bare ? '' : `_${key}`,
    siblingOf: '',
    rule: primitive ? null : propertyRule(element, type),
  })
  if (!bare)
    into.set(`_${key}`, {
      ...base,
      key: `_${key}`,
      check: null,
      nodeName: 'Element',
      node: null,
      resource: false,
      sibling: '',
      siblingOf: key,
      rule: null,
    })
}

function primitiveCheck(element: ElementDef, type: TypeRef, owner: string): PrimitiveCheck {
  const name = isResourceType(owner) && element.name === 'id' ? 'id' : type.name
  const check = PRIMITIVE_CHECKS[name]
  if (check === undefined) throw new Error(`no check for the primitive type ${name}`)
  return element.binding === undefined ? check : codeCheck(codeList(element.binding).codes, check)
}

function propertyRule(element: ElementDef, type: TypeRef): Rule | null {
  if (type.name === 'Reference') return referenceRule(type.targets)
  return element.binding === undefined ? null : bindingRule(type.name, codeList(element.binding))
}
