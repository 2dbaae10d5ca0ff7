import { isResourceType } from './resource-types.ts'
import { choiceName, type ElementDef, node, PRIMITIVE_BASES, type TypeRef } from './structure.ts'

/** An element of a type under one of its JSON names, as whoever translates between FHIR's formats needs it. */
export interface OrderedElement {
  /** The JSON name, with its type where it is a choice: `valueQuantity`. */
  key: string
  /** Place in the order of the definition; the types of a choice share one. */
  place: number
  many: boolean
  /** `attribute`: a plain text that is an attribute in XML; `markup`: the div of a narrative; `resource`: any resource. */
  kind: 'primitive' | 'complex' | 'resource' | 'markup' | 'attribute'
  /** The JSON type of a primitive. */
  json: 'string' | 'number' | 'boolean'
  /** Name of the type or nested node, for `orderedElements`. */
  type: string
}

const known = new Map<string, ReadonlyMap<string, OrderedElement>>()

/**
 * The elements of a type or nested node (`Patient`, `HumanName`, `Patient.contact`) by JSON name, in the order of the
 * definition, inherited ones first; undefined for an unknown name. Of a primitive type: what its `_name` object holds.
 * Spec: https://hl7.org/fhir/R4/xml.html
 */
export function orderedElements(type: string): ReadonlyMap<string, OrderedElement> | undefined {
  const found = known.get(type)
  if (found !== undefined) return found
  const definition = node(Object.hasOwn(PRIMITIVE_BASES, type) ? 'Element' : type)
  if (definition === undefined) return undefined
  const elements = new Map<string, OrderedElement>()
  let place = 0
  for (const element of definition.elements.values()) {
    for (const allowed of element.types) {
      const one = orderedElement(element, allowed, { owner: type, place })
      elements.set(one.key, one)
    }
    place++
  }
  known.set(type, elements)
  return elements
}

function orderedElement(
  element: ElementDef,
  { name: type }: TypeRef,
  { owner, place }: { owner: string; place: number },
): OrderedElement {
  return {
    key: element.choice ? choiceName(element.name, type) : element.name,
    place,
    many: element.many,
    kind: kindOf(element, type, owner),
    json: type === 'boolean' ? 'boolean' : isNumber(type) ? 'number' : 'string',
    type,
  }
}

function kindOf(element: ElementDef, type: string, owner: string): OrderedElement['kind'] {
  if (type === 'Resource') return 'resource'
  if (type === 'xhtml') return 'markup'
  if (!Object.hasOwn(PRIMITIVE_BASES, type)) return 'complex'
  // The id of an element and the url of an extension are attributes; the id of a resource is an element.
  const attribute =
    (element.name === 'id' && !isResourceType(owner)) || (owner === 'Extension' && element.name === 'url')
  return attribute ? 'attribute' : 'primitive'
}

function isNumber(type: string): boolean {
  return type === 'decimal' || type === 'integer' || PRIMITIVE_BASES[type] === 'integer'
}
