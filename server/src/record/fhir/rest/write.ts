import { type Fault, raise } from '#kernel'
import { applyWrites, type WriteAction, type WriteDependencies } from '../store/apply-writes.ts'
import { canonicalQuery } from '../store/conditions.ts'
import type { Caller, Resource, WriteOutcome, WriteRequest } from '../store/write-request.ts'
import { type FhirRequest, type FhirResponse, type Prefer, parseEtag } from './exchange.ts'
import { parseJsonPatch } from './json-body.ts'
import { successOutcome } from './outcome.ts'
import { type Permission, requireScope, requireType } from './require.ts'

const ACTIONS = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const
const PERMISSIONS: Record<WriteRequest['action'], Permission> = { create: 'c', update: 'u', patch: 'u', delete: 'd' }

/** create, update, patch or delete, by id or by condition: http://hl7.org/fhir/R4/http.html#create and following. */
export async function write(
  dependencies: WriteDependencies,
  caller: Caller,
  request: FhirRequest,
): Promise<FhirResponse> {
  const one = writeRequestOf(caller, request)
  const [outcome] = await applyWrites(dependencies, caller, [one], one.action satisfies WriteAction)
  return writeResponse(outcome as WriteOutcome, allowedReturn(caller, one, request.prefer))
}

/** The write an HTTP request or a transaction entry asks for; scope and shape are checked here. */
export function writeRequestOf(caller: Caller, request: FhirRequest): WriteRequest {
  const [type = '', id] = request.path
  requireType(type)
  if (!(request.method in ACTIONS) || request.path.length > 2) raise(METHOD)
  // Inside a Bundle a write does not pass the AuditEvent handler; nothing but the server writes there.
  if (type === 'AuditEvent') raise(AUDIT_EVENT_READ_ONLY)
  const action = ACTIONS[request.method as keyof typeof ACTIONS]
  if (action === 'create' && id !== undefined) raise(METHOD)
  requireScope(caller, type, PERMISSIONS[action])
  const condition = action === 'create' ? request.ifNoneExist : id === undefined ? request.query : undefined
  // A condition tells whether a match exists, so it needs the right to search.
  if (condition !== undefined) requireScope(caller, type, 's')
  const one: WriteRequest = { action, type }
  if (id !== undefined) one.id = checkedId(id)
  if (condition !== undefined) one.condition = canonicalQuery(condition)
  if (request.ifMatch !== undefined) one.ifMatch = parseEtag(request.ifMatch) ?? raise(BAD_ETAG)
  if (request.ifNoneMatch === '*') one.onlyIfAbsent = true
  if (request.fullUrl !== undefined) one.fullUrl = request.fullUrl
  if (action === 'create' || action === 'update') addResource(one, request)
  if (action === 'patch') {
    one.patch = patchOf(request)
    // Whether a test or a filter holds tells a value, so it needs the right to read.
    if (asksForValues(one.patch)) requireScope(caller, type, 'r')
  }
  return one
}

function addResource(one: WriteRequest, request: FhirRequest): void {
  const { resource } = request
  if (!resource) raise(BODY_MISSING)
  if (resource.resourceType !== one.type) raise(TYPE_DIFFERS)
  if (one.action === 'update' && one.id !== undefined && resource.id !== one.id) raise(ID_DIFFERS)
  if (one.action === 'update' && isSubset(resource)) raise(SUBSET)
  one.resource = resource
  if (request.exact) one.exact = request.exact
}

/** What `_elements` and `_summary` answer: storing it as the whole would lose what was left out. */
function isSubset({ meta }: Resource): boolean {
  const tags: unknown = meta?.tag
  return Array.isArray(tags) && tags.some((tag: { code?: unknown }) => tag.code === 'SUBSETTED')
}

function patchOf(request: FhirRequest): NonNullable<WriteRequest['patch']> {
  if (request.patch !== undefined) return { format: 'json-patch', ...request.patch }
  if (request.resource?.resourceType === 'Parameters')
    return { format: 'fhirpath-patch', body: request.resource, ...(request.exact ? { exact: request.exact } : {}) }
  // Inside a Bundle a JSON Patch travels as a Binary: http://hl7.org/fhir/R4/http.html#jsonpatch.
  if (request.resource?.resourceType === 'Binary' && request.resource.contentType === 'application/json-patch+json') {
    const patch = parseJsonPatch(Buffer.from(String(request.resource.data), 'base64'))
    return patch.ok ? { format: 'json-patch', ...patch.value } : raise(patch.fault)
  }
  return raise(PATCH_BODY)
}

function asksForValues({ format, body }: NonNullable<WriteRequest['patch']>): boolean {
  if (format === 'json-patch')
    return Array.isArray(body) && body.some((operation: { op?: unknown } | null) => operation?.op === 'test')
  const { parameter } = body as { parameter?: { part?: { name?: string; valueString?: unknown }[] }[] }
  const parts = (Array.isArray(parameter) ? parameter : []).flatMap((one) => (Array.isArray(one?.part) ? one.part : []))
  return parts.some((part) => part?.name === 'path' && !PLAIN_PATH.test(String(part.valueString)))
}

/** Elements and positions only; where() and the like look at values. */
const PLAIN_PATH = /^\w+(\[\d+\])?(\.\w+(\[\d+\])?)*$/

function checkedId(id: string): string {
  return /^[A-Za-z0-9\-.]{1,64}$/.test(id) ? id : raise(BAD_ID)
}

/** What a patch made holds what was there before: who may not read gets none of it. */
export function allowedReturn(caller: Caller, { action, type }: WriteRequest, prefer: Prefer): Prefer {
  const mayShow = action !== 'patch' || prefer.return === 'OperationOutcome' || caller.scopes.allows(type, 'r')
  return mayShow ? prefer : { ...prefer, return: 'minimal' }
}

export function writeResponse(outcome: WriteOutcome, prefer: Prefer): FhirResponse {
  const response: FhirResponse = { status: outcome.status }
  if (outcome.version > 0) {
    response.version = outcome.version
    response.lastModified = outcome.updated
  }
  if (outcome.status === 201 || outcome.status === 200)
    response.location = `${outcome.type}/${outcome.id}/_history/${outcome.version}`
  if (prefer.return === 'OperationOutcome') {
    const text = outcome.status === 201 ? 'Created.' : outcome.status === 200 ? 'Stored.' : 'Deleted.'
    response.body = Buffer.from(JSON.stringify(successOutcome(text)))
    if (response.status === 204) response.status = 200
  } else if (prefer.return !== 'minimal' && outcome.body) response.body = outcome.body
  return response
}

export const AUDIT_EVENT_READ_ONLY: Fault = {
  category: 'unsupported',
  code: 'fhir.audit-event.read-only',
  message: 'AuditEvents are written by the server alone. Read or search them.',
}
const METHOD: Fault = {
  category: 'invalid',
  code: 'fhir.http.method',
  message: 'This address does not answer that method. See the CapabilityStatement.',
}
const BAD_ETAG: Fault = {
  category: 'invalid',
  code: 'fhir.write.if-match-malformed',
  message: 'If-Match must be an ETag of this server, e.g. W/"3".',
}
const BODY_MISSING: Fault = {
  category: 'invalid',
  code: 'fhir.write.body-missing',
  message: 'Send the resource as the body, with Content-Type application/fhir+json.',
}
const TYPE_DIFFERS: Fault = {
  category: 'invalid',
  code: 'fhir.write.type-differs',
  message: 'The resourceType of the body is not the type in the address.',
}
const ID_DIFFERS: Fault = {
  category: 'invalid',
  code: 'fhir.write.id-differs',
  message: 'The id in the body must be the id in the address.',
}
const BAD_ID: Fault = {
  category: 'invalid',
  code: 'fhir.write.id-malformed',
  message: 'An id is 1 to 64 letters, digits, dashes and dots.',
}
const SUBSET: Fault = {
  category: 'invalid',
  code: 'fhir.write.subsetted',
  message:
    'The body is tagged SUBSETTED: it is a part of a resource. Read the whole resource, change that and send it.',
}
const PATCH_BODY: Fault = {
  category: 'invalid',
  code: 'fhir.patch.body',
  message: 'Send a JSON Patch (application/json-patch+json) or a FHIRPath Patch (a Parameters resource).',
}
