import { SaxesParser, type SaxesTagNS } from 'saxes'
import { type Attribute, JsonBuilder, type Opened } from './json-builder.ts'
import { FHIR_NAMESPACE, FhirXmlError, XHTML_NAMESPACE } from './xml-error.ts'

/** Reads one document that arrives in pieces. */
export interface XmlReader {
  /** Read the next bytes of the document; answers the JSON text that is complete with them. */
  write(bytes: Uint8Array): string
  /** Say that the document is complete; answers the rest of the JSON text. */
  end(): string
}

interface XmlLimits {
  depthMax: number
  elementsMax: number
  valueCharsMax?: number
}

/** XHTML in a narrative may be nested this deep within FHIR's own elements. */
const MARKUP_DEPTH_MAX = 200
/** FHIR has at most three attributes on an element, XHTML some more. */
const ATTRIBUTES_MAX = 50
/** Longest comment, instruction or white space between elements: the parser gathers each to its end, at some cost. */
const ASIDE_CHARS_MAX = 1024 * 1024
/** Longest value of an attribute and longest text in a narrative, unless told otherwise; base64 may have megabytes. */
const VALUE_CHARS_MAX = 16 * 1024 * 1024
const XML_NAMESPACES = 'http://www.w3.org/2000/xmlns/'
const SCHEMA_INSTANCE = 'http://www.w3.org/2001/XMLSchema-instance'
const XML_ITSELF = 'http://www.w3.org/XML/1998/namespace'

/**
 * A reader of one R4 resource in XML, which becomes JSON text. Numbers keep their written form, the div of a narrative its text.
 * Unknown elements and values of the wrong form are passed on, so that validation names them; comments and processing instructions are
 * ignored. `depthMax`: objects and arrays of the JSON within each other. `elementsMax`: elements in the document.
 * `valueCharsMax`: a value, and the text of a narrative between two tags (16 Mi); lengths are looked at after each write, so bytes are best
 * written in pieces of some kB. Throws `FhirXmlError` of each code but `not-representable`. Documents with a document type are refused, so there are no entities but XML's own five.
 * Spec: https://hl7.org/fhir/R4/xml.html
 */
export function createXmlReader(limits: XmlLimits): XmlReader {
  const reading = new Reading(limits)
  return {
    write: (bytes) => reading.read(bytes),
    end: () => reading.read(undefined),
  }
}

class Reading {
  readonly #parser = new SaxesParser({ xmlns: true, defaultXMLVersion: '1.0', forceXMLVersion: true })
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })
  readonly #json: JsonBuilder
  readonly #limits: XmlLimits
  #elements = 0
  #attributes = 0
  #depth = 0
  /** What the elements around the current place are. */
  readonly #open: Opened[] = []
  /** Within a tag of which it is not known yet whether it is a narrative's div. */
  #isTagOpen = false
  /** Depth of the div that is being read; 0 outside. */
  #divDepth = 0
  #divText = ''
  /** Place in the document from which the div's text is not yet taken. */
  #divFrom = 0
  /** Place in the document where the parser last told of something, and whether it was the inside of a tag. */
  #toldAt = 0
  #isInTag = false
  #piece = ''
  #pieceStart = 0
  #carried = ''

  constructor(limits: XmlLimits) {
    this.#limits = limits
    this.#json = new JsonBuilder(limits.depthMax)
    const parser = this.#parser
    parser.on('error', () => {
      throw new FhirXmlError('syntax', SYNTAX)
    })
    parser.on('xmldecl', ({ encoding }) => {
      if (encoding !== undefined && !/^(?:utf-8|us-ascii)$/i.test(encoding))
        throw new FhirXmlError('not-utf8', NOT_UTF8)
    })
    parser.on('doctype', () => {
      throw new FhirXmlError('doctype', DOCTYPE)
    })
    parser.on('opentagstart', ({ name }) => {
      this.#told(true)
      this.#begin(name)
    })
    parser.on('attribute', () => {
      this.#told(true)
      if (++this.#attributes > ATTRIBUTES_MAX)
        throw new FhirXmlError('too-many', `An element has more than ${ATTRIBUTES_MAX} attributes.`)
    })
    parser.on('opentag', (tag) => {
      this.#told(false)
      this.#opened(tag)
    })
    parser.on('closetag', () => {
      this.#told(false)
      this.#closed()
    })
    for (const event of ['text', 'cdata'] as const)
      parser.on(event, (text) => {
        this.#told(false)
        this.#text(text)
      })
    for (const event of ['comment', 'processinginstruction'] as const) parser.on(event, () => this.#told(false))
  }

  read(bytes: Uint8Array | undefined): string {
    try {
      const text = this.#carried + this.#decoded(bytes)
      // A line's end in two pieces is put together, so that places in a piece are those of the parser.
      this.#carried = bytes !== undefined && text.endsWith('\r') ? '\r' : ''
      this.#pieceStart += this.#piece.length
      this.#piece = this.#carried === '' ? text : text.slice(0, -1)
      // The parser would read a document type to its end, which may be far, before it tells of it.
      if (this.#pieceStart === 0 && beginsWithDoctype(this.#piece)) throw new FhirXmlError('doctype', DOCTYPE)
      this.#parser.write(this.#piece)
      this.#refuseEndless()
      if (this.#divDepth > 0 || this.#isTagOpen) this.#takeDiv(this.#pieceStart + this.#piece.length)
      if (bytes === undefined) this.#parser.close()
    } catch (error) {
      if (error instanceof FhirXmlError) error.place ??= { line: this.#parser.line, column: this.#parser.column }
      throw error
    }
    return this.#json.take()
  }

  #told(isInTag: boolean): void {
    this.#toldAt = this.#parser.position
    this.#isInTag = isInTag
  }

  #refuseEndless(): void {
    const isValue = this.#isInTag || this.#divDepth > 0
    const most = isValue ? (this.#limits.valueCharsMax ?? VALUE_CHARS_MAX) : ASIDE_CHARS_MAX
    if (this.#pieceStart + this.#piece.length - this.#toldAt > most) throw new FhirXmlError('too-long', TOO_LONG)
  }

  #decoded(bytes: Uint8Array | undefined): string {
    try {
      return bytes === undefined ? this.#decoder.decode() : this.#decoder.decode(bytes, { stream: true })
    } catch (error) {
      if (error instanceof TypeError) throw new FhirXmlError('not-utf8', NOT_UTF8)
      throw error
    }
  }

  /** The name of a tag was read, and one character after it. */
  #begin(name: string): void {
    if (++this.#elements > this.#limits.elementsMax)
      throw new FhirXmlError('too-many', `The document has more than ${this.#limits.elementsMax} elements.`)
    if (++this.#depth > this.#limits.depthMax + MARKUP_DEPTH_MAX)
      throw new FhirXmlError('too-deep', 'The elements are nested too deeply. Flatten them.')
    this.#attributes = 0
    if (this.#divDepth > 0) return
    // Whether it is the div of a narrative is known once its namespace is.
    this.#isTagOpen = true
    this.#divFrom = this.#parser.position - 1
    this.#divText = `<${name}`
  }

  #opened(tag: SaxesTagNS): void {
    this.#isTagOpen = false
    if (this.#divDepth > 0) return checkMarkup(tag)
    if (this.#open.at(-1) === 'ignored') {
      this.#open.push('ignored')
      return
    }
    const isDiv = tag.uri === XHTML_NAMESPACE && tag.local === 'div'
    if (!isDiv && tag.uri !== FHIR_NAMESPACE) throw new FhirXmlError('namespace', NAMESPACE)
    const opened = this.#json.open(tag.local, isDiv ? [] : plainAttributes(tag))
    if (isDiv !== (opened === 'markup') && opened !== 'ignored') throw new FhirXmlError('namespace', NAMESPACE)
    if (opened === 'markup') {
      this.#divDepth = this.#depth
      if (tag.prefix !== '' || tag.attributes.xmlns === undefined) throw new FhirXmlError('structure', DIV)
      checkMarkup(tag)
    } else this.#open.push(opened)
  }

  #closed(): void {
    if (this.#divDepth === 0) this.#closeElement()
    else if (this.#depth === this.#divDepth) {
      this.#takeDiv(this.#parser.position)
      this.#json.markup(this.#divText)
      this.#divText = ''
      this.#divDepth = 0
    }
    this.#depth--
  }

  /** Only the outermost of what is ignored is known to the JSON. */
  #closeElement(): void {
    this.#open.pop()
    if (this.#open.at(-1) !== 'ignored') this.#json.close()
  }

  #takeDiv(until: number): void {
    // A tag whose name ended the last piece has its next character at the beginning of this one.
    this.#divText += this.#piece.slice(this.#divFrom - this.#pieceStart, until - this.#pieceStart)
    this.#divFrom = until
  }

  #text(text: string): void {
    if (this.#divDepth > 0 || this.#open.at(-1) === 'ignored' || !/[^ \t\r\n]/.test(text)) return
    throw new FhirXmlError('structure', 'FHIR has no text between elements. Put values into the value attribute.')
  }
}

/** Whether the first markup after comments and processing instructions declares a document type. */
function beginsWithDoctype(text: string): boolean {
  let at = 0
  for (;;) {
    at = text.indexOf('<', at)
    if (at < 0) return false
    const end = text.startsWith('<!--', at) ? '-->' : text.startsWith('<?', at) ? '?>' : ''
    if (end === '') return text.startsWith('<!DOCTYPE', at)
    at = text.indexOf(end, at + 2)
    if (at < 0) return false
  }
}

function plainAttributes({ attributes }: SaxesTagNS): Attribute[] {
  const plain: Attribute[] = []
  for (const { name, uri, value } of Object.values(attributes)) {
    if (uri === XML_NAMESPACES || uri === SCHEMA_INSTANCE) continue
    if (uri !== '') throw new FhirXmlError('namespace', 'FHIR has no attributes of other namespaces. Leave it out.')
    plain.push({ name, value })
  }
  return plain
}

/** The text of a narrative is kept by itself, so nothing in it may be named by a prefix that was declared outside. */
function checkMarkup({ uri, prefix, attributes }: SaxesTagNS): void {
  if (prefix !== '' || uri !== XHTML_NAMESPACE) throw new FhirXmlError('structure', DIV)
  for (const attribute of Object.values(attributes))
    if (attribute.prefix !== '' && attribute.uri !== XML_ITSELF && attribute.uri !== XML_NAMESPACES)
      throw new FhirXmlError('structure', DIV)
}

const SYNTAX =
  'The XML is not well-formed here. Check it with an XML parser; of named entities it knows amp, lt, gt, quot and apos.'
const DOCTYPE = 'FHIR allows no document type and no entities of its own. Leave out <!DOCTYPE>.'
const TOO_LONG =
  'A comment, a value or white space is too long, or has no end. Leave out comments, and check that each ends.'
const NOT_UTF8 = 'The XML is not UTF-8. Send application/fhir+xml encoded as UTF-8.'
const NAMESPACE = `Elements of FHIR are in the namespace ${FHIR_NAMESPACE}, the div of a narrative in ${XHTML_NAMESPACE}.`
const DIV = `A narrative is one div with xmlns="${XHTML_NAMESPACE}" and with elements of XHTML only, without prefixes.`
