import type { XmlErrorCode } from '@salus/fhir-xml'
import { type Clock, eventLoopTurns, type Fault, LIMITS, raise } from '#kernel'
import { parseExactly } from './json-body.ts'
import { scanJson } from './json-scan.ts'
import { outcomeOf } from './outcome.ts'

/** Bytes read or written between two looks at the clock: about a millisecond. */
const PIECE_BYTES = 65_536

/** Here and not above: who speaks JSON alone never loads it. */
const library = () => import('@salus/fhir-xml')

/**
 * The JSON of an R4 resource in XML, http://hl7.org/fhir/R4/xml.html; from there on it is a body like all others. Others get their turn
 * between pieces. Faults `fhir.xml.syntax`, `.not-utf8`, `.doctype`, `.namespace`, `.structure`, `.order`, `.too-deep`,
 * `.too-many`, `.too-long`: they name line and column, and never quote.
 */
export async function jsonOfXml(bytes: Buffer, clock: Clock): Promise<Buffer> {
  const { createXmlReader } = await library()
  const reader = createXmlReader({
    depthMax: LIMITS.jsonDepthMax,
    elementsMax: LIMITS.xmlElementsMax,
    valueCharsMax: LIMITS.resourceBytesMax,
  })
  const turn = eventLoopTurns(clock)
  const parts: Buffer[] = []
  try {
    for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
      parts.push(Buffer.from(reader.write(bytes.subarray(start, start + PIECE_BYTES))))
      await turn()
    }
    parts.push(Buffer.from(reader.end()))
  } catch (error) {
    return refuse(error)
  }
  return Buffer.concat(parts)
}

interface XmlOptions {
  pretty: boolean
  clock: Clock
}

/**
 * A resource that is to be answered, as XML. Numbers keep their written form. In a page, a Bundle that the server puts together, an
 * OperationOutcome stands for a resource that holds what XML cannot carry; else the fault is `fhir.xml.not-representable` (406).
 */
export async function xmlOfJson(json: Buffer, options: XmlOptions & { isPage?: boolean }): Promise<Buffer> {
  try {
    return await writtenXml(json, options)
  } catch (error) {
    return refuse(error)
  }
}

/** As `xmlOfJson`; undefined for what XML cannot carry: the answer to what was done already must not look like a refusal. */
export async function xmlIfPossible(json: Buffer, options: XmlOptions): Promise<Buffer | undefined> {
  const { FhirXmlError } = await library()
  try {
    return await writtenXml(json, options)
  } catch (error) {
    if (error instanceof FhirXmlError) return undefined
    throw error
  }
}

async function writtenXml(json: Buffer, options: XmlOptions & { isPage?: boolean }): Promise<Buffer> {
  const { FhirXmlError } = await library()
  const turn = eventLoopTurns(options.clock)
  const resource = await parsedInTurns(json, turn)
  try {
    return Buffer.concat(await xmlPieces(resource, options, turn))
  } catch (error) {
    const isPage = options.isPage === true && (resource.type === 'searchset' || resource.type === 'history')
    if (!(error instanceof FhirXmlError) || !isPage) throw error
  }
  for (const entry of (resource.entry ?? []) as PageEntry[]) await replaceUnwritable(entry, options, turn)
  return Buffer.concat(await xmlPieces(resource, options, turn))
}

type Turn = () => Promise<void> | undefined

async function xmlPieces(resource: Record<string, unknown>, { pretty }: XmlOptions, turn: Turn): Promise<Buffer[]> {
  const { fhirXml } = await library()
  const parts: Buffer[] = []
  for (const piece of fhirXml(resource, { pretty })) {
    parts.push(Buffer.from(piece))
    await turn()
  }
  return parts
}

interface PageEntry {
  resource?: Record<string, unknown>
  search?: Record<string, unknown>
}

/** `fullUrl` stays, and tells which resource it is. */
async function replaceUnwritable(entry: PageEntry, options: XmlOptions, turn: Turn): Promise<void> {
  const { FhirXmlError } = await library()
  if (entry.resource === undefined) return
  try {
    await xmlPieces(entry.resource, options, turn)
  } catch (error) {
    if (!(error instanceof FhirXmlError)) throw error
    entry.resource = outcomeOf(FAULTS['not-representable']) as Record<string, unknown>
    if (entry.search) entry.search = { mode: 'outcome' }
  }
}

/** Parses the entries of a Bundle one by one, so that a large one does not stop everybody. */
async function parsedInTurns(json: Buffer, turn: Turn): Promise<Record<string, unknown>> {
  const scan = scanJson(json, Number.POSITIVE_INFINITY)
  const spans = scan.ok ? scan.value.entries : []
  const isExact = scan.ok && scan.value.lossyNumbers
  const around: Buffer[] = []
  let from = 0
  for (const { start, end } of spans) {
    if (start < 0) continue
    around.push(json.subarray(from, start), NULL)
    from = end
  }
  around.push(json.subarray(from))
  const resource = parsed(Buffer.concat(around), isExact)
  for (const [index, { start, end, lossyNumbers }] of spans.entries()) {
    if (start < 0) continue
    const entry = (resource.entry as Record<string, unknown>[])[index] as Record<string, unknown>
    entry.resource = parsed(json.subarray(start, end), lossyNumbers)
    await turn()
  }
  return resource
}

function parsed(json: Buffer, isExact: boolean): Record<string, unknown> {
  return isExact ? parseExactly(json) : (JSON.parse(json.toString('utf8')) as Record<string, unknown>)
}

async function refuse(error: unknown): Promise<never> {
  const { FhirXmlError } = await library()
  if (!(error instanceof FhirXmlError)) throw error
  const { code, message, place } = error
  const where = place === undefined ? '' : `Line ${place.line}, column ${place.column}: `
  return raise({ ...FAULTS[code], message: where + message }, error)
}

const NULL = Buffer.from('null')
/** The library says what is wrong and where; these say what it is to a client. */
const FAULTS: Record<XmlErrorCode, Fault> = {
  syntax: { category: 'invalid', code: 'fhir.xml.syntax', message: 'The XML is not well-formed.' },
  'not-utf8': { category: 'invalid', code: 'fhir.xml.not-utf8', message: 'The XML is not UTF-8.' },
  doctype: { category: 'invalid', code: 'fhir.xml.doctype', message: 'FHIR allows no document type.' },
  namespace: {
    category: 'invalid',
    code: 'fhir.xml.namespace',
    message: 'An element is not in the namespace of FHIR.',
  },
  structure: { category: 'invalid', code: 'fhir.xml.structure', message: 'The XML is not of the form of FHIR.' },
  order: { category: 'invalid', code: 'fhir.xml.order', message: 'Elements are not in the order of their definition.' },
  'too-deep': { category: 'invalid', code: 'fhir.xml.too-deep', message: 'The elements are nested too deeply.' },
  'too-many': { category: 'too-large', code: 'fhir.xml.too-many', message: 'Too many elements or attributes.' },
  'too-long': {
    category: 'too-large',
    code: 'fhir.xml.too-long',
    message: 'A comment, a value or white space is too long.',
  },
  'not-representable': {
    category: 'unsupported',
    code: 'fhir.xml.not-representable',
    message: 'The resource holds what XML cannot carry. Ask for JSON.',
  },
}
