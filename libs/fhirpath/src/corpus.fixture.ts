/** An XML element: text and child elements, in order. */
export interface XmlElement {
  name: string
  attributes: Record<string, string>
  children: (XmlElement | string)[]
}

const TOKEN =
  /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<(\/?)([A-Za-z_][\w:.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>|[^<]+/g
const ATTRIBUTE = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g

/** Reads the XML of a test corpus: enough for files that are known, and no parser for anything else. */
export function readXml(source: string): XmlElement {
  const root: XmlElement = { name: '', attributes: {}, children: [] }
  const open = [root]
  for (const [whole, slash, name, attributes, empty] of source.matchAll(TOKEN)) {
    const parent = open.at(-1) as XmlElement
    if (whole.startsWith('<!') || whole.startsWith('<?')) continue
    if (name === undefined) parent.children.push(decodeEntities(whole))
    else if (slash) open.pop()
    else {
      const element: XmlElement = { name, attributes: readAttributes(attributes ?? ''), children: [] }
      parent.children.push(element)
      if (!empty) open.push(element)
    }
  }
  return elements(root)[0] as XmlElement
}

export function elements(parent: XmlElement, name?: string): XmlElement[] {
  return parent.children.filter(
    (child): child is XmlElement => typeof child !== 'string' && (name === undefined || child.name === name),
  )
}

export function textOf(element: XmlElement): string {
  return element.children.map((child) => (typeof child === 'string' ? child : textOf(child))).join('')
}

function readAttributes(source: string): Record<string, string> {
  const attributes: Record<string, string> = {}
  for (const [, name, double, single] of source.matchAll(ATTRIBUTE)) {
    attributes[name as string] = decodeEntities(double ?? single ?? '')
  }
  return attributes
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g, (whole, decimal, hex, name) => {
    if (decimal) return String.fromCodePoint(Number(decimal))
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16))
    return ENTITIES[name] ?? whole
  })
}

const LISTS = new Set(
  'identifier name given telecom address line contact relationship coding extension link communication parameter part prefix suffix'.split(
    ' ',
  ),
)
/** Elements of these names are lists in some types and single in others: `Patient.name` but `contact.name`. */
const SINGLE_WITHIN: Record<string, Set<string>> = {
  contact: new Set(['name', 'address']),
  parameter: new Set(['name']),
  part: new Set(['name']),
}
const NOT_STRINGS =
  /^(?:active|deceasedBoolean|valueBoolean|valueInteger|valueDecimal|userSelected|multipleBirthInteger)$/

/** A resource (or an element of one) in FHIR's XML as FHIR's JSON, for the types that the corpora use. */
export function fhirJson(element: XmlElement): Record<string, unknown> {
  const json: Record<string, unknown> = {}
  if (/^[A-Z]/.test(element.name)) json.resourceType = element.name
  for (const [name, value] of Object.entries(element.attributes))
    if (name === 'url' || name === 'id') json[name] = value
  for (const child of elements(element)) addChild(json, element, child)
  return json
}

function addChild(json: Record<string, unknown>, parent: XmlElement, child: XmlElement): void {
  const { name } = child
  const isList = LISTS.has(name) && !SINGLE_WITHIN[parent.name]?.has(name)
  const put = (key: string, value: unknown) => {
    if (!isList) json[key] = value
    else json[key] = [...((json[key] as unknown[] | undefined) ?? []), value]
  }
  const text = child.attributes.value
  if (name === 'div') put(name, serialized(child))
  else if (name === 'resource') put(name, fhirJson(elements(child)[0] as XmlElement))
  else if (text !== undefined) {
    put(name, NOT_STRINGS.test(name) ? JSON.parse(text) : text)
    if (elements(child).length > 0) put(`_${name}`, fhirJson({ ...child, attributes: {} }))
  } else put(name, fhirJson(child))
}

function serialized(element: XmlElement): string {
  const attributes = Object.entries(element.attributes).map(([name, value]) => ` ${name}="${value}"`)
  const inner = element.children.map((child) => (typeof child === 'string' ? escaped(child) : serialized(child)))
  return `<${element.name}${attributes.join('')}>${inner.join('')}</${element.name}>`
}

function escaped(text: string): string {
  return text.replace(/[&<]/g, (char) => (char === '&' ? '&amp;' : '&lt;'))
}
