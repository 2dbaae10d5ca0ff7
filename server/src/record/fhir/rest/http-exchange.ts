import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Fault, raise } from '#kernel'
import type { FhirRequest, FhirResponse } from './exchange.ts'
import { parsePrefer } from './exchange.ts'
import { parseExactly } from './json-body.ts'

/** Media types of JSON that FHIR clients send and accept; http://hl7.org/fhir/R4/http.html#mime-type */
const JSON_FORMATS = new Set(['json', 'application/json', 'application/fhir+json', 'text/json'])

/** The interaction an HTTP request asks for, without its body. */
export function fhirRequestOf(request: FastifyRequest, base: string, fhirBase: string): FhirRequest {
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
    address: fhirBase + url.slice(base.length),
  }
  const ifMatch = header('if-match')
  const ifNoneMatch = header('if-none-match')
  const ifNoneExist = header('if-none-exist')
  const ifModifiedSince = header('if-modified-since')
  const acceptLanguage = header('accept-language')
  if (ifMatch !== undefined) exchange.ifMatch = ifMatch
  if (ifNoneMatch !== undefined) exchange.ifNoneMatch = ifNoneMatch
  if (ifNoneExist !== undefined) exchange.ifNoneExist = ifNoneExist
  if (ifModifiedSince !== undefined) exchange.ifModifiedSince = ifModifiedSince
  if (acceptLanguage !== undefined) exchange.acceptLanguage = acceptLanguage
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

/** Newline delimited JSON: one resource a line. https://hl7.org/fhir/uv/bulkdata/STU2/export.html */
export function isNdjson(type: string): boolean {
  return type === 'application/fhir+ndjson' || type === 'application/ndjson' || type === 'application/x-ndjson'
}

/** Answers below one packet do not get smaller on the wire. */
const COMPRESS_BYTES_MIN = 1_400
const brotli = promisify(brotliCompress)
const deflate = promisify(gzip)
/** Level 4 takes a fifth of the time of the default (11) and gives up a tenth of the gain. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }

/** Send an interaction's answer with its headers; `pretty` is for people at a terminal. */
export async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  response: FhirResponse,
  options: { fhirBase: string; pretty: boolean },
): Promise<FastifyReply> {
  const headers: Record<string, string> = { 'x-content-type-options': 'nosniff' }
  if (response.version !== undefined) headers.etag = `W/"${response.version}"`
  if (response.lastModified !== undefined) headers['last-modified'] = new Date(response.lastModified).toUTCString()
  if (response.location !== undefined) headers.location = `${options.fhirBase}/${response.location}`
  if (response.allow !== undefined) headers.allow = response.allow
  // Patients' data must not rest in any cache between here and the reader.
  headers['cache-control'] = 'no-store'
  Object.assign(headers, response.headers)
  reply.status(response.status)
  // Destroyed when the client goes away, and read no faster than the client takes it.
  if (response.stream) return reply.headers(headers).send(Readable.from(response.stream, { objectMode: false }))
  if (!response.body) return reply.headers(headers).send()
  headers['content-type'] ??= 'application/fhir+json; charset=utf-8'
  const body = options.pretty ? Buffer.from(`${JSON.stringify(parseExactly(response.body), null, 2)}\n`) : response.body
  const encoding = body.length < COMPRESS_BYTES_MIN ? undefined : encodingOf(request)
  if (encoding === undefined) return reply.headers(headers).send(body)
  headers['content-encoding'] = encoding
  headers.vary = 'accept-encoding'
  return reply.headers(headers).send(encoding === 'br' ? await brotli(body, BROTLI) : await deflate(body))
}

/** The better of the encodings that the client names without refusing it (`;q=0`). */
function encodingOf(request: FastifyRequest): 'br' | 'gzip' | undefined {
  const accepted = request.headers['accept-encoding']
  if (typeof accepted !== 'string') return undefined
  const names = accepted.split(',').map((part) => part.replace(/\s/g, '').toLowerCase())
  const takes = (name: string): boolean =>
    names.some((one) => one === name || (one.startsWith(`${name};q=`) && Number(one.slice(name.length + 3)) > 0))
  return takes('br') ? 'br' : takes('gzip') ? 'gzip' : undefined
}

const NOT_ACCEPTABLE: Fault = {
  category: 'unsupported',
  code: 'fhir.http.not-acceptable',
  message: 'Salus answers in JSON. Ask for application/fhir+json.',
}
