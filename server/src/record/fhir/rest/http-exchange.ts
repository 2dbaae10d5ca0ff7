import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Fault, raise } from '#kernel'
import type { FhirRequest, FhirResponse } from './exchange.ts'
import { parsePrefer } from './exchange.ts'

/** Media types of JSON that FHIR clients send and accept; http://hl7.org/fhir/R4/http.html#mime-type */
const JSON_FORMATS = new Set(['json', 'application/json', 'application/fhir+json', 'text/json'])

/** The interaction an HTTP request asks for, without its body. */
export function fhirRequestOf(request: FastifyRequest, base: string): FhirRequest {
  const url = request.raw.url ?? ''
  const mark = url.indexOf('?')
  const path = (mark < 0 ? url : url.slice(0, mark)).slice(base.length)
  const header = (name: string): string | undefined => {
    const value = request.headers[name]
    return typeof value === 'string' ? value : undefined
  }
  const exchange: FhirRequest = {
    method: request.method as FhirRequest['method'],
    path: path
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodedSegment),
    query: mark < 0 ? '' : url.slice(mark + 1),
    prefer: parsePrefer(header('prefer')),
  }
  const ifMatch = header('if-match')
  const ifNoneMatch = header('if-none-match')
  const ifNoneExist = header('if-none-exist')
  const ifModifiedSince = header('if-modified-since')
  if (ifMatch !== undefined) exchange.ifMatch = ifMatch
  if (ifNoneMatch !== undefined) exchange.ifNoneMatch = ifNoneMatch
  if (ifNoneExist !== undefined) exchange.ifNoneExist = ifNoneExist
  if (ifModifiedSince !== undefined) exchange.ifModifiedSince = ifModifiedSince
  return exchange
}

function decodedSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return raise({
      category: 'invalid',
      code: 'fhir.http.address-malformed',
      message: 'The address holds a malformed %-escape.',
    })
  }
}

/** Fault `fhir.http.not-acceptable` (406) unless JSON is what the client wants. */
export function requireJsonWanted(request: FastifyRequest, query: string): void {
  const format = query.includes('_format=') ? new URLSearchParams(query).get('_format') : null
  if (format !== null) {
    if (!JSON_FORMATS.has(mediaType(format))) raise(NOT_ACCEPTABLE)
    return
  }
  const accept = request.headers.accept
  if (accept === undefined || accept.includes('*/*') || accept.includes('json') || accept.includes('application/*'))
    return
  // A browser's address bar asks for text/html and gets JSON; only an explicit wish for another FHIR format is refused.
  if (/fhir\+(xml|turtle)|application\/xml|text\/xml|text\/turtle/.test(accept)) raise(NOT_ACCEPTABLE)
}

/** `application/fhir+json; charset=utf-8` -> `application/fhir+json`; a `+` sent unescaped in a URL arrives as a space. */
export function mediaType(text: string): string {
  return (text.split(';')[0] ?? '').trim().replace(' ', '+').toLowerCase()
}

export function isJson(type: string): boolean {
  return JSON_FORMATS.has(type)
}

/** Send an interaction's answer with its headers; `pretty` is for people at a terminal. */
export function send(
  reply: FastifyReply,
  response: FhirResponse,
  options: { fhirBase: string; pretty: boolean },
): FastifyReply {
  reply.status(response.status)
  if (response.version !== undefined) reply.header('etag', `W/"${response.version}"`)
  if (response.lastModified !== undefined) reply.header('last-modified', new Date(response.lastModified).toUTCString())
  if (response.location !== undefined) reply.header('location', `${options.fhirBase}/${response.location}`)
  // Patients' data must not rest in any cache between here and the reader.
  reply.header('cache-control', 'no-store')
  if (!response.body) return reply.send()
  reply.header('content-type', 'application/fhir+json; charset=utf-8')
  return reply.send(
    options.pretty ? `${JSON.stringify(JSON.parse(response.body.toString()), null, 2)}\n` : response.body,
  )
}

const NOT_ACCEPTABLE: Fault = {
  category: 'unsupported',
  code: 'fhir.http.not-acceptable',
  message: 'Salus answers in JSON. Ask for application/fhir+json.',
}
