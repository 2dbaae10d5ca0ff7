import { isResourceType, type OrderedElement, orderedElements } from '@salus/fhir-model'
import { FhirXmlError } from './xml-error.ts'

/** An attribute without a namespace. */
export interface Attribute {
  name: string
  value: string
}

/** What the element that was opened is to the reader. */
export type Opened = 'element' | 'markup' | 'ignored'

/** Elements that R4 does not define, before the rest is not looked at: the validator names them, and 100 are enough to mend. */
const UNKNOWN_MAX = 100
const NOTHING = 'null'
const NO_ELEMENTS: ReadonlyMap<string, OrderedElement> = new Map()
const INTEGER = /^[-+]?(?:0|[1-9][0-9]*)$/
const DECIMAL = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$/

interface Frame {
  /** `holder`: an element that holds a resource. `ignored`: nothing R4 knows; it is told by name and its content left out. */
  kind: 'object' | 'primitive' | 'holder' | 'ignored'
  elements: ReadonlyMap<string, OrderedElement>
  isResource: boolean
  /** Objects and arrays around it, and its own. */
  depth: number
  /** Members written so far. */
  members: number
  /** Place of the child opened last; the child, unless it was unknown; how many of it there were. */
  place: number
  child: OrderedElement | undefined
  count: number
  /** JSON of the primitives of the current child, and of what is beside each. */
  values: string[]
  siblings: string[]
  /** Names told as unknown. */
  unknown: Set<string> | undefined
  /** Of a primitive: its own JSON, and what was written before it. */
  value: string
  before: string
}

/**
 * Makes JSON text of FHIR's elements, which arrive in the order of a document. The text is written as it goes along: because the
 * order of the elements is fixed, all that makes one array stands together. What has the wrong type or no place in R4 becomes JSON that
 * validation refuses by its name; refused here is only what JSON could not tell.
 */
export class JsonBuilder {
  readonly #depthMax: number
  readonly #frames: Frame[] = []
  #out = ''
  #unknown = 0

  constructor(depthMax: number) {
    this.#depthMax = depthMax
  }

  /** JSON written since the last call; empty while a primitive's extensions are gathered. */
  take(): string {
    if (this.#frames.some(({ kind }) => kind === 'primitive')) return ''
    const text = this.#out
    this.#out = ''
    return text
  }

  open(name: string, attributes: readonly Attribute[]): Opened {
    const parent = this.#frames.at(-1)
    if (parent === undefined || parent.kind === 'holder') {
      if (parent !== undefined && ++parent.count > 1)
        throw new FhirXmlError('structure', 'Only one resource may stand here. Repeat the element around it.')
      if (attributes.length > 0) throw new FhirXmlError('structure', ATTRIBUTE)
      return this.#openResource(name, parent?.depth ?? 0)
    }
    const element = parent.elements.get(name)
    if (element === undefined || element.kind === 'attribute') return this.#openUnknown(parent, name)
    this.#begin(parent, element)
    if (element.kind === 'markup') return 'markup'
    const depth = parent.depth + (element.many ? 2 : 1)
    if (depth > this.#depthMax) throw new FhirXmlError('too-deep', 'The elements are nested too deeply. Flatten them.')
    if (element.kind === 'primitive') this.#openPrimitive(element, depth, attributes)
    else if (element.kind === 'resource') this.#openHolder(depth, attributes)
    else this.#openObject(element, depth, attributes)
    return 'element'
  }

  close(): void {
    const frame = this.#frames.pop() as Frame
    if (frame.kind === 'object') {
      this.#endChild(frame)
      this.#out += '}'
    } else if (frame.kind === 'primitive') this.#closePrimitive(frame)
    else if (frame.kind === 'holder') {
      if (frame.count === 0) throw new FhirXmlError('structure', 'A resource is missing here.')
    } else if (frame.isResource) this.#out += '}'
  }

  /** The div of a narrative, whose text is kept as it was written. */
  markup(text: string): void {
    this.#out += JSON.stringify(text)
  }

  #openResource(name: string, depth: number): Opened {
    // What is no resource type is refused by validation, under its name.
    const known = isResourceType(name)
    const frame = newFrame(known ? 'object' : 'ignored', depth + (depth === 0 ? 1 : 0))
    frame.isResource = true
    frame.members = 1
    if (known) frame.elements = orderedElements(name) ?? NO_ELEMENTS
    this.#frames.push(frame)
    this.#out += `{"resourceType":${JSON.stringify(name)}`
    return known ? 'element' : 'ignored'
  }

  #openObject(element: OrderedElement, depth: number, attributes: readonly Attribute[]): void {
    const frame = newFrame('object', depth)
    frame.elements = orderedElements(element.type) ?? NO_ELEMENTS
    this.#frames.push(frame)
    this.#out += '{'
    for (const { name, value } of attributes) {
      if (frame.elements.get(name)?.kind !== 'attribute') throw new FhirXmlError('structure', ATTRIBUTE)
      this.#member(frame, name, JSON.stringify(value))
    }
  }

  #openHolder(depth: number, attributes: readonly Attribute[]): void {
    if (attributes.length > 0) throw new FhirXmlError('structure', ATTRIBUTE)
    this.#frames.push(newFrame('holder', depth))
  }

  #openPrimitive(element: OrderedElement, depth: number, attributes: readonly Attribute[]): void {
    const frame = newFrame('primitive', depth)
    frame.elements = orderedElements(element.type) ?? NO_ELEMENTS
    frame.before = this.#out
    this.#out = ''
    for (const { name, value } of attributes) {
      if (name === 'value') frame.value = primitiveJson(element.json, value)
      else if (name === 'id') this.#member(frame, 'id', JSON.stringify(value))
      else throw new FhirXmlError('structure', ATTRIBUTE)
    }
    this.#frames.push(frame)
  }

  #closePrimitive(frame: Frame): void {
    this.#endChild(frame)
    const sibling = frame.members === 0 ? NOTHING : `{${this.#out}}`
    this.#out = frame.before
    if (sibling === NOTHING && frame.value === NOTHING)
      throw new FhirXmlError(
        'structure',
        'An element needs a value attribute, an id or content. Leave out what is empty.',
      )
    const parent = this.#frames.at(-1) as Frame
    parent.values.push(frame.value)
    parent.siblings.push(sibling)
  }

  #openUnknown(parent: Frame, name: string): Opened {
    if (++this.#unknown > UNKNOWN_MAX)
      throw new FhirXmlError(
        'structure',
        `More than ${UNKNOWN_MAX} elements are not defined by FHIR R4 where they stand.`,
      )
    this.#endChild(parent)
    parent.child = undefined
    parent.unknown ??= new Set()
    if (!parent.unknown.has(name)) this.#member(parent, name, NOTHING)
    parent.unknown.add(name)
    this.#frames.push(newFrame('ignored', parent.depth))
    return 'ignored'
  }

  /** Begins an element, or the next of the same name. */
  #begin(frame: Frame, element: OrderedElement): void {
    if (frame.child === element) {
      if (!element.many) throw new FhirXmlError('structure', 'This element may stand here only once.')
      frame.count++
      if (element.kind !== 'primitive') this.#out += ','
      return
    }
    this.#endChild(frame)
    if (element.place < frame.place)
      throw new FhirXmlError('order', 'This element stands too late: elements come in the order of their definition.')
    frame.child = element
    frame.place = element.place
    frame.count = 1
    if (element.kind === 'primitive') return
    this.#out += `${frame.members++ === 0 ? '' : ','}${JSON.stringify(element.key)}:${element.many ? '[' : ''}`
  }

  /** Ends what `#begin` began. */
  #endChild(frame: Frame): void {
    const { child } = frame
    if (child === undefined) return
    if (child.kind !== 'primitive') {
      if (child.many) this.#out += ']'
      return
    }
    if (frame.values.some((value) => value !== NOTHING)) this.#member(frame, child.key, listed(child, frame.values))
    if (frame.siblings.some((sibling) => sibling !== NOTHING))
      this.#member(frame, `_${child.key}`, listed(child, frame.siblings))
    frame.values = []
    frame.siblings = []
  }

  #member(frame: Frame, name: string, json: string): void {
    this.#out += `${frame.members++ === 0 ? '' : ','}${JSON.stringify(name)}:${json}`
  }
}

const ATTRIBUTE =
  'FHIR has no such attribute here: a primitive has value, an element may have id, an extension has url.'

function newFrame(kind: Frame['kind'], depth: number): Frame {
  return {
    kind,
    elements: NO_ELEMENTS,
    isResource: false,
    depth,
    members: 0,
    place: -1,
    child: undefined,
    count: 0,
    values: [],
    siblings: [],
    unknown: undefined,
    value: NOTHING,
    before: '',
  }
}

function listed(element: OrderedElement, values: readonly string[]): string {
  return element.many ? `[${values.join(',')}]` : (values[0] as string)
}

/** A number keeps its written form. What has another form becomes a JSON string, which validation refuses by its element's name. */
function primitiveJson(type: OrderedElement['json'], value: string): string {
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value
  if (type === 'number' && INTEGER.test(value)) return value.startsWith('+') ? value.slice(1) : value
  if (type === 'number' && DECIMAL.test(value)) return value
  return JSON.stringify(value)
}
