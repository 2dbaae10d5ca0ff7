import { isResourceType, type OrderedElement, orderedElements } from '@salus/fhir-model'
import { narrativeXml } from './narrative.ts'
import { FHIR_NAMESPACE, FhirXmlError } from './xml-error.ts'

type Json = Record<string, unknown>

/** Characters of a piece: enough to make pieces cheap, few enough for others to get a turn between them. */
const PIECE_CHARS = 65_536
/** What is stored is never as deep; recursion below this never exhausts the stack. */
const DEPTH_MAX = 200

/**
 * A valid R4 resource in JSON as XML, in pieces of about 64 kB: elements in the order of their definition, everything escaped, the div
 * of a narrative as it stands. A number may be a raw JSON number (`JSON.rawJSON`), which keeps its written form. `pretty` puts each element
 * on its own line. Throws `FhirXmlError` `not-representable` for what XML cannot carry (control characters, a narrative that
 * is not well-formed) and for what R4 does not define. Spec: https://hl7.org/fhir/R4/xml.html
 */
export function* fhirXml(resource: Json, options: { pretty?: boolean } = {}): Generator<string> {
  const out = new XmlOut(options.pretty === true)
  out.text = '<?xml version="1.0" encoding="UTF-8"?>'
  yield* writeResource(out, resource, ` xmlns="${FHIR_NAMESPACE}"`)
  if (options.pretty === true) out.text += '\n'
  yield out.text
}

class XmlOut {
  text = ''
  depth = 0
  readonly #pretty: boolean

  constructor(pretty: boolean) {
    this.#pretty = pretty
  }

  open(name: string, attributes: string, isEmpty: boolean): void {
    this.text += `${this.#line()}<${name}${attributes}${isEmpty ? '/>' : '>'}`
    if (isEmpty) return
    if (++this.depth > DEPTH_MAX)
      throw new FhirXmlError('not-representable', 'The resource is nested too deeply for XML.')
  }

  close(name: string): void {
    this.depth--
    this.text += `${this.#line()}</${name}>`
  }

  markup(xml: string): void {
    this.text += this.#line() + xml
  }

  take(): string {
    const { text } = this
    this.text = ''
    return text
  }

  #line(): string {
    return this.#pretty ? `\n${'  '.repeat(this.depth)}` : ''
  }
}

function* writeResource(out: XmlOut, resource: unknown, attributes: string): Generator<string> {
  const type = isObject(resource) ? resource.resourceType : undefined
  if (typeof type !== 'string' || !isResourceType(type)) throw unknown()
  out.open(type, attributes, false)
  yield* writeChildren(out, resource as Json, type)
  out.close(type)
}

interface Member {
  element: OrderedElement
  value: unknown
  /** Ids and extensions of a primitive. */
  sibling: unknown
}

function* writeChildren(out: XmlOut, object: Json, type: string): Generator<string> {
  for (const { element, value, sibling } of membersOf(object, type)) {
    const { key, many, kind } = element
    const values = many ? listOf(value) : [value]
    const siblings = many ? listOf(sibling) : [sibling]
    const count = Math.max(values.length, siblings.length)
    for (let at = 0; at < count; at++) {
      if (kind === 'primitive') yield* writePrimitive(out, element, values[at], siblings[at])
      else if (kind === 'markup') out.markup(yield* narrativeXml(values[at]))
      else if (kind === 'resource') {
        out.open(key, '', false)
        yield* writeResource(out, values[at], '')
        out.close(key)
      } else if (kind === 'complex') yield* writeObject(out, element, values[at])
      if (out.text.length >= PIECE_CHARS) yield out.take()
    }
  }
}

function* writeObject(out: XmlOut, { key, type }: OrderedElement, value: unknown): Generator<string> {
  if (!isObject(value)) throw unknown()
  const { id, url } = value
  let attributes = attribute('id', id)
  let own = id === undefined ? 0 : 1
  if (type === 'Extension' && url !== undefined) {
    attributes += attribute('url', url)
    own++
  }
  if (Object.keys(value).length === own) return out.open(key, attributes, true)
  out.open(key, attributes, false)
  yield* writeChildren(out, value, type)
  out.close(key)
}

function* writePrimitive(
  out: XmlOut,
  { key, type }: OrderedElement,
  value: unknown,
  sibling: unknown,
): Generator<string> {
  // Two halves that are null are nothing, and an element of nothing is no FHIR.
  if ((value === undefined || value === null) && (sibling === undefined || sibling === null)) return
  const beside = isObject(sibling) ? sibling : {}
  const attributes = attribute('id', beside.id) + attribute('value', value)
  if (beside.extension === undefined) return out.open(key, attributes, true)
  out.open(key, attributes, false)
  yield* writeChildren(out, beside, type)
  out.close(key)
}

/** The members of an object in the order of its type's definition. */
function membersOf(object: Json, type: string): Member[] {
  const elements = orderedElements(type)
  const members: Member[] = []
  let isSorted = true
  for (const key of Object.keys(object)) {
    if (key === 'resourceType' && isResourceType(type)) continue
    const isSibling = key.startsWith('_')
    const name = isSibling ? key.slice(1) : key
    const element = elements?.get(name)
    if (element === undefined || (isSibling && element.kind !== 'primitive')) throw unknown()
    // The two halves of a primitive are written together, where its value stands.
    if (element.kind === 'attribute' || (isSibling && object[name] !== undefined)) continue
    if (element.place < (members.at(-1)?.element.place ?? 0)) isSorted = false
    members.push({ element, value: object[name], sibling: object[`_${name}`] })
  }
  return isSorted ? members : members.sort((a, b) => a.element.place - b.element.place)
}

// oxlint-disable-next-line no-control-regex -- finding them is the point
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/
const SPECIAL = /[&<>"\t\n\r]/g
// White space other than a blank would come back as a blank: https://www.w3.org/TR/xml/#AVNormalize
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}

/** ` name="value"`; nothing for a value that is not there. */
function attribute(name: string, value: unknown): string {
  if (value === undefined || value === null) return ''
  const text = typeof value === 'string' ? value : numberText(value)
  if (FORBIDDEN.test(text) || !text.isWellFormed())
    throw new FhirXmlError('not-representable', 'The resource holds a character that XML cannot carry. Ask for JSON.')
  return ` ${name}="${text.replace(SPECIAL, (character) => ESCAPES[character] as string)}"`
}

function numberText(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  // A raw JSON number writes itself as its text.
  if (isObject(value) && typeof value.rawJSON === 'string') return value.rawJSON
  throw unknown()
}

function listOf(value: unknown): unknown[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw unknown()
  return value
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unknown(): FhirXmlError {
  return new FhirXmlError('not-representable', 'The resource holds what FHIR R4 does not define. Ask for JSON.')
}
