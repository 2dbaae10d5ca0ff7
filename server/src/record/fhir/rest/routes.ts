import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Identity } from '#identity'
import { assert, type Clock, errorFields, type Fault, FaultError, LIMITS, type Log, metrics, raise } from '#kernel'
import type { Caller, Resource } from '../store/write-request.ts'
import { checkResource, DOUBLE_KEY } from '../validate/check-resource.ts'
import { optionsResponse } from './allowed-methods.ts'
import { auditRecord } from './audit-record.ts'
import { bundle } from './bundle.ts'
import { type DispatchDependencies, dispatch, type Interaction, interactionOf } from './dispatch.ts'
import { type FhirRequest, type FhirResponse, type Handler, jsonResponse } from './exchange.ts'
import { type Format, hasXmlBody, isJson, isNdjson, mediaType, wantedFormat } from './formats.ts'
import { CONTENT_TYPES, fhirRequestOf, send } from './http-exchange.ts'
import { countMembers, type JsonBody, parseExactly, parseJsonBody, parseJsonPatch } from './json-body.ts'
import { outcomeOf, statusOf } from './outcome.ts'
import { createPlaces, type Place } from './places.ts'
import { jsonOfXml, xmlIfPossible } from './xml-body.ts'

/** Starts a trace span for one interaction, child of the caller's when `traceparent` names one. */
export type StartSpan = (traceparent: string | undefined) => {
  end(result: { interaction: string; status: number }): void
}

export interface FhirRoutes extends DispatchDependencies {
  identity: Pick<Identity, 'authenticate'>
  /** Path of the API below the origin: `/fhir/R4`. */
  basePath: string
  capabilityStatement: Buffer
  terminologyCapabilities: () => Promise<Buffer>
  clock: Clock
  log: Log
  startSpan?: StartSpan
}

/** Register the FHIR API: every route authenticates before it reads a body, and every answer is audited before it leaves. */
export function fhirRoutes(server: FastifyInstance, routes: FhirRoutes): void {
  const handle = dispatch(routes)
  const places = createPlaces()
  // Bodies stay bytes: they are parsed only after the caller is known.
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: LIMITS.bundleBytesMax }, (_request, body, done) =>
    done(null, body),
  )
  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    if (isMetadata(request, routes)) return
    const refused = await authenticate(routes, request)
    if (refused) {
      // The connection ends too: an unauthenticated body is never read.
      reply.header('connection', 'close').header('www-authenticate', 'Bearer')
      await sendFault(reply, refused, routes)
      return
    }
    // After authentication, so that nobody without a token takes a place.
    const place = places.take(CALLERS.get(request)?.client ?? '', reply.raw)
    if (!('code' in place)) {
      PLACES.set(request, place)
      return
    }
    if (hasBody(request)) reply.header('connection', 'close')
    await sendFault(reply, place, routes)
  })
  server.all('/*', (request, reply) => answer(routes, handle, request, reply))
  server.all('', (request, reply) => answer(routes, handle, request, reply))
  server.setErrorHandler((error, request, reply) => sendFault(reply, faultOf(error, routes, request), routes))
}

const CALLERS = new WeakMap<FastifyRequest, Caller>()
const PLACES = new WeakMap<FastifyRequest, Place>()

/** What is not read must not be waited for either. */
function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

async function authenticate(routes: FhirRoutes, request: FastifyRequest): Promise<Fault | undefined> {
  try {
    const principal = await routes.identity.authenticate(request.headers.authorization)
    // A tenant's keys are made at its first request in any process, and loaded at its first in this one.
    await routes.store.vault.ensureTenant(principal.tenant)
    CALLERS.set(request, {
      requestId: request.id,
      tenant: principal.tenant,
      client: principal.client,
      actor: principal.client,
      purpose: '',
      scopes: principal.scopes,
    })
    return undefined
  } catch (error) {
    return error instanceof FaultError ? error.fault : faultOf(error, routes, request)
  }
}

function isMetadata(request: FastifyRequest, routes: FhirRoutes): boolean {
  const url = request.raw.url ?? ''
  const path = url.split('?', 1)[0]
  return path === `${routes.basePath}/metadata` && (request.method === 'GET' || request.method === 'HEAD')
}

async function answer(
  routes: FhirRoutes,
  handle: Handler,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const started = routes.clock.monotonic()
  const traceparent = request.headers.traceparent
  const span = routes.startSpan?.(typeof traceparent === 'string' ? traceparent : undefined)
  const place = PLACES.get(request)
  place?.begin()
  metrics.requestsInFlight.inc()
  let interaction: Interaction | undefined
  let status = 500
  try {
    const exchange = fhirRequestOf(request, routes.basePath, routes.fhirBase)
    if (request.method !== 'OPTIONS') interaction = interactionOf(exchange.method, exchange.path)
    const format = wantedFormat(request, exchange.query)
    const response = await run(routes, handle, request, exchange)
    status = response.status
    const { fhirBase, clock } = routes
    return await send(request, reply, response, { fhirBase, clock, format, pretty: isPretty(exchange) })
  } catch (error) {
    const fault = faultOf(error, routes, request)
    status = statusOf(fault)
    return await sendFault(reply, fault, routes, CALLERS.get(request))
  } finally {
    place?.end()
    metrics.requestsInFlight.dec()
    const durationMs = routes.clock.monotonic() - started
    const done = { interaction: interaction ?? 'unknown', status }
    metrics.requestSeconds.observe(
      { interaction: done.interaction, status: `${Math.floor(status / 100)}xx` },
      durationMs / 1000,
    )
    span?.end(done)
    logAnswer(routes, request, { ...done, durationMs })
  }
}

/** Every answer at level debug; refusals and failures are seen at the default level. */
function logAnswer(
  routes: FhirRoutes,
  request: FastifyRequest,
  done: { interaction: string; status: number; durationMs: number },
): void {
  const level =
    done.status >= 500 ? 'error' : done.status === 401 || done.status === 403 || done.status === 429 ? 'warn' : 'debug'
  if (level === 'debug' && !routes.log.debugs) return
  const caller = CALLERS.get(request)
  const { traceparent } = request.headers
  routes.log[level]('request answered', {
    requestId: request.id,
    method: request.method,
    interaction: done.interaction,
    status: done.status,
    durationMs: Math.round(done.durationMs * 10) / 10,
    ...(caller ? { client: caller.client, tenant: caller.tenant } : {}),
    ...(typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? { traceparent } : {}),
  })
}

/** W3C Trace Context; anything else in that header does not reach the log. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

async function run(
  routes: FhirRoutes,
  handle: Handler,
  request: FastifyRequest,
  exchange: FhirRequest,
): Promise<FhirResponse> {
  if (request.method === 'OPTIONS') return optionsResponse(exchange.path)
  const interaction = interactionOf(exchange.method, exchange.path)
  if (interaction === 'capabilities')
    return {
      status: 200,
      body: isTerminologyMode(exchange) ? await routes.terminologyCapabilities() : routes.capabilityStatement,
    }
  const caller = CALLERS.get(request)
  assert(caller, 'each request but that for the CapabilityStatement is authenticated')
  if (exchange.query.length > LIMITS.urlBytesMax) raise(URL_TOO_LONG)
  let bytes = request.body as Buffer | undefined
  if (exchange.method === 'POST' && exchange.path.at(-1) === '_search')
    return handle(caller, withForm(request, exchange, bytes))
  if (bytes && hasXmlBody(request)) bytes = await fromXml(routes, interaction, bytes)
  if (interaction === 'batch')
    return bundle(
      { ...routes, handle, faultAnswer: (error, by) => faultAnswer(routes, faultOf(error, routes, request), by) },
      caller,
      jsonOf(request, bytes),
      exchange.prefer,
    )
  if (interaction === 'operation' && exchange.method === 'POST') addParameters(request, exchange, bytes)
  if (interaction === 'create' || interaction === 'update' || interaction === 'patch') addBody(request, exchange, bytes)
  return handle(caller, exchange)
}

/** What is stored, checked and indexed is JSON; only a Bundle may be larger than a resource. */
function fromXml(routes: FhirRoutes, interaction: Interaction | undefined, bytes: Buffer): Promise<Buffer> {
  if (interaction !== 'batch' && bytes.length > LIMITS.resourceBytesMax) raise(TOO_LARGE)
  return jsonOfXml(bytes, routes.clock)
}

/** POST _search: the form's parameters come after those of the address. */
function withForm(request: FastifyRequest, exchange: FhirRequest, bytes: Buffer | undefined): FhirRequest {
  const type = mediaType(request.headers['content-type'] ?? '')
  if (bytes && bytes.length > 0 && type !== 'application/x-www-form-urlencoded') raise(FORM_EXPECTED)
  if (bytes && bytes.length > LIMITS.urlBytesMax * 16) raise(URL_TOO_LONG)
  return { ...exchange, query: [exchange.query, bytes?.toString() ?? ''].filter((part) => part !== '').join('&') }
}

function addBody(request: FastifyRequest, exchange: FhirRequest, bytes: Buffer | undefined): void {
  if (
    exchange.method === 'PATCH' &&
    mediaType(request.headers['content-type'] ?? '') === 'application/json-patch+json'
  ) {
    const patch = parseJsonPatch(bytes ?? Buffer.alloc(0))
    exchange.patch = patch.ok ? patch.value : raise(patch.fault)
    return
  }
  const body = jsonOf(request, bytes)
  if (body.bytes.length > LIMITS.resourceBytesMax) raise(TOO_LARGE)
  checkResource(body.value, body.scan.members)
  exchange.resource = body.value
  if (body.scan.lossyNumbers) exchange.exact = parseExactly(body.bytes) as Resource
}

/** The operation reads its parameters itself; what it does not understand it refuses. */
function addParameters(request: FastifyRequest, exchange: FhirRequest, bytes: Buffer | undefined): void {
  if (!bytes || bytes.length === 0) return
  if (exchange.path.at(-1) === '$import' && isNdjson(mediaType(request.headers['content-type'] ?? ''))) {
    exchange.ndjson = bytes
    return
  }
  const body = jsonOf(request, bytes)
  if (body.bytes.length > LIMITS.resourceBytesMax) raise(TOO_LARGE)
  if (countMembers(body.value) !== body.scan.members) raise(DOUBLE_KEY)
  exchange.resource = body.value as Resource
  if (body.scan.lossyNumbers) exchange.exact = parseExactly(body.bytes) as Resource
}

/** http://hl7.org/fhir/R4/http.html#capabilities Fault `fhir.http.mode-unknown`. */
function isTerminologyMode({ query }: FhirRequest): boolean {
  const mode = query.includes('mode=') ? new URLSearchParams(query).get('mode') : null
  return mode === null || MODES.includes(mode) ? mode === 'terminology' : raise(MODE_UNKNOWN)
}

/** `normative` is `full`: parts of a CapabilityStatement that are not normative are not told apart. */
const MODES = ['full', 'normative', 'terminology']

function jsonOf(request: FastifyRequest, bytes: Buffer | undefined): JsonBody {
  const type = mediaType(request.headers['content-type'] ?? '')
  if (type === 'application/xml-patch+xml') raise(XML_PATCH)
  if (!isJson(type) && !hasXmlBody(request)) raise(MEDIA_TYPE)
  const body = parseJsonBody(bytes ?? Buffer.alloc(0))
  if (body.ok && body.value.bytes.length > LIMITS.bundleBytesMax) raise(TOO_LARGE)
  return body.ok ? body.value : raise(body.fault)
}

function isPretty(exchange: FhirRequest): boolean {
  return exchange.query.includes('_pretty=true')
}

function faultOf(error: unknown, routes: FhirRoutes, request: FastifyRequest): Fault {
  if (error instanceof FaultError) {
    if (error.fault.category === 'bug')
      routes.log.error('request failed', {
        requestId: request.id,
        code: error.fault.code,
        ...errorFields(error.cause ?? error),
      })
    return error.fault
  }
  const code = (error as { code?: unknown }).code
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return TOO_LARGE
  if (typeof code === 'string' && code.startsWith('FST_ERR_CTP')) return MEDIA_TYPE
  routes.log.error('request failed', { requestId: request.id, ...errorFields(error) })
  return {
    category: 'bug',
    code: 'fhir.http.unexpected',
    message: `The server failed. Nothing was written. Tell your administrator the request id ${request.id}.`,
  }
}

async function sendFault(
  reply: FastifyReply,
  fault: Fault,
  routes: FhirRoutes,
  caller?: Caller,
): Promise<FastifyReply> {
  const answer = await faultAnswer(routes, fault, caller)
  if (answer.status === 429 || answer.status === 503) reply.header('retry-after', RETRY_AFTER_OF[fault.code] ?? '1')
  const { body } = answer
  const isXml = body !== undefined && faultFormat(reply.request) === 'xml'
  // A place in it may be named by a key that XML cannot carry.
  const xml = isXml ? await xmlIfPossible(body, { pretty: false, clock: routes.clock }) : undefined
  return reply
    .status(answer.status)
    .header('content-type', CONTENT_TYPES[xml ? 'xml' : 'json'])
    .header('cache-control', 'no-store')
    .send(xml ?? body)
}

/** Who asks for a format we do not have, or in a way we cannot read, is told so in JSON. */
function faultFormat(request: FastifyRequest): Format {
  try {
    return wantedFormat(request, (request.raw.url ?? '').split('?')[1] ?? '')
  } catch {
    return 'json'
  }
}

/** Seconds after which it is worth asking again; a second for what is not named. */
const RETRY_AFTER_OF: Readonly<Record<string, string>> = {
  'fhir.bulk.client-busy': '10',
  'fhir.bulk.tenant-busy': '10',
}

/** What tells the caller about the record although nothing was done: a condition met twice, a version, a patch's `test`. */
const TELLING = new Set<Fault['category']>(['precondition', 'conflict', 'gone'])

/** A refusal is an access too, and so is a failure that tells something: it is audited before it is answered. */
async function faultAnswer(routes: FhirRoutes, fault: Fault, caller: Caller | undefined): Promise<FhirResponse> {
  let answered = fault
  if (caller && (fault.category === 'forbidden' || TELLING.has(fault.category))) {
    const what =
      fault.category === 'forbidden'
        ? ({ action: 'refusal', outcome: 'refused' } as const)
        : ({ action: 'operation', outcome: 'failed' } as const)
    try {
      await routes.store.ledger.record(auditRecord(routes.store, caller, what))
    } catch (error) {
      if (error instanceof FaultError) answered = error.fault
    }
  }
  return jsonResponse(statusOf(answered), outcomeOf(answered))
}

const MODE_UNKNOWN: Fault = {
  category: 'invalid',
  code: 'fhir.http.mode-unknown',
  message: `The parameter mode of /metadata is one of ${MODES.join(', ')}, or is left out.`,
}
const MEDIA_TYPE: Fault = {
  category: 'invalid',
  code: 'fhir.http.media-type',
  message: 'Send JSON or XML with Content-Type application/fhir+json or application/fhir+xml.',
}
const XML_PATCH: Fault = {
  category: 'invalid',
  code: 'fhir.http.media-type',
  message:
    'XML Patch is not supported. Send a JSON Patch (application/json-patch+json) or a FHIRPath Patch (Parameters).',
}
const FORM_EXPECTED: Fault = {
  category: 'invalid',
  code: 'fhir.http.media-type',
  message: 'POST _search takes a form with Content-Type application/x-www-form-urlencoded.',
}
const TOO_LARGE: Fault = {
  category: 'too-large',
  code: 'fhir.http.body-too-large',
  message: `A resource has at most ${LIMITS.resourceBytesMax / 1_048_576} MB, a Bundle ${LIMITS.bundleBytesMax / 1_048_576} MB. Send large content as several requests.`,
}
const URL_TOO_LONG: Fault = {
  category: 'too-large',
  code: 'fhir.http.query-too-long',
  message: `A query has at most ${LIMITS.urlBytesMax / 1024} kB in the address. Use POST _search.`,
}
