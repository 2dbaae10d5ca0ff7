import type { FastifyRequest } from 'fastify'
import { type Fault, raise } from '#kernel'

/** How resources travel: http://hl7.org/fhir/R4/http.html#mime-type. What is stored is JSON. */
export type Format = 'json' | 'xml'

/** Media types of JSON and XML that FHIR clients send and accept. */
const JSON_FORMATS = new Set(['json', 'application/json', 'application/fhir+json', 'text/json'])
const XML_FORMATS = new Set(['xml', 'application/xml', 'application/fhir+xml', 'text/xml'])

/** Spares all who speak JSON a closer look. */
const XML = /xml/i

/** `application/fhir+json; charset=utf-8` -> `application/fhir+json`; a `+` sent unescaped in a URL arrives as a space. */
export function mediaType(text: string): string {
  return (text.split(';')[0] ?? '').trim().replace(' ', '+').toLowerCase()
}

export function isJson(type: string): boolean {
  return JSON_FORMATS.has(type)
}

/** Whether the body of a request is XML. */
export function hasXmlBody({ headers }: FastifyRequest): boolean {
  const type = headers['content-type']
  return type !== undefined && XML.test(type) && XML_FORMATS.has(mediaType(type))
}

/**
 * The format a client wants: what `_format` says, else `Accept`, else that of its body, else JSON. Fault
 * `fhir.http.not-acceptable` (406) when it is none of ours. Who accepts anything, or says nothing we know, gets JSON.
 */
export function wantedFormat(request: FastifyRequest, query: string): Format {
  const format = formatParameter(request, query)
  if (format !== null) {
    const type = mediaType(format)
    return JSON_FORMATS.has(type) ? 'json' : XML_FORMATS.has(type) ? 'xml' : raise(NOT_ACCEPTABLE)
  }
  const { accept } = request.headers
  if (accept === undefined || accept === '*/*') return hasXmlBody(request) ? 'xml' : 'json'
  if (XML.test(accept)) return negotiated(accept.toLowerCase())
  if (accept.includes('turtle') && !/json|\*\/\*|application\/\*/.test(accept)) raise(NOT_ACCEPTABLE)
  return 'json'
}

/** `_format` in the address, or in the form of a search. */
function formatParameter({ body, headers }: FastifyRequest, query: string): string | null {
  if (query.includes('_format=')) return new URLSearchParams(query).get('_format')
  if (!Buffer.isBuffer(body) || headers['content-type']?.includes('x-www-form-urlencoded') !== true) return null
  return body.includes('_format=') ? new URLSearchParams(body.toString()).get('_format') : null
}

/** Among media types with their qualities (RFC 9110, 12.5.1) JSON wins a tie; a wildcard does not win one against XML by name. */
function negotiated(accept: string): Format {
  const best = { json: 0, xml: 0, any: 0, html: 0, turtle: 0 }
  for (const part of accept.split(',')) {
    const type = mediaType(part)
    const kind = kindOf(type)
    if (kind !== undefined) best[kind] = Math.max(best[kind], qualityOf(part))
  }
  const { json, xml, any, html, turtle } = best
  // A browser's address bar names XML beside HTML, and is shown JSON.
  const isBrowser = html > 0 && !accept.includes('fhir+xml')
  if (xml > 0 && !isBrowser && xml > json && xml >= any) return 'xml'
  return turtle > 0 && json === 0 && any === 0 ? raise(NOT_ACCEPTABLE) : 'json'
}

function kindOf(type: string): 'json' | 'xml' | 'any' | 'html' | 'turtle' | undefined {
  if (JSON_FORMATS.has(type)) return 'json'
  if (XML_FORMATS.has(type)) return 'xml'
  if (type === '*/*' || type === 'application/*') return 'any'
  if (type.endsWith('turtle')) return 'turtle'
  return type === 'text/html' ? 'html' : undefined
}

/** What is no number counts as not wanted. */
function qualityOf(part: string): number {
  const text = /;\s*q=([^;]*)/i.exec(part)?.[1]
  return text === undefined ? 1 : Number(text) || 0
}

const NOT_ACCEPTABLE: Fault = {
  category: 'unsupported',
  code: 'fhir.http.not-acceptable',
  message: 'Salus answers in JSON or XML. Ask for application/fhir+json or application/fhir+xml.',
}

/** Newline delimited JSON: one resource a line. https://hl7.org/fhir/uv/bulkdata/STU2/export.html */
export function isNdjson(type: string): boolean {
  return type === 'application/fhir+ndjson' || type === 'application/ndjson' || type === 'application/x-ndjson'
}
