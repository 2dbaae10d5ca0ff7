import { type Clock, eventLoopTurns, type Fault, LIMITS, raise } from '#kernel'
import type { Resource } from '../store/write-request.ts'
import { checkResource, DOUBLE_KEY } from '../validate/check-resource.ts'
import { type FhirRequest, parsePrefer } from './exchange.ts'
import { countMembers, type JsonBody, parseExactly } from './json-body.ts'

export interface BundleEntry {
  request: FhirRequest
  /** Checks the entry's resource; raises what a create of it would raise. */
  check(): void
}

/** The entries of a batch or transaction as requests. The Bundle itself must be sound; entries are checked by `check`. */
export async function bundleEntries(body: JsonBody, fhirBase: string, clock: Clock): Promise<BundleEntry[]> {
  const bundle = body.value
  const entries = bundle.entry ?? []
  if (!Array.isArray(entries)) raise(MALFORMED)
  if (entries.length > LIMITS.bundleEntriesMax) raise(TOO_MANY)
  const inside = body.scan.entries.reduce((sum, span) => sum + span.members, 0)
  if (wrapperMembers(bundle) !== body.scan.members - inside) raise(DOUBLE_KEY)
  const turn = eventLoopTurns(clock)
  const requests: BundleEntry[] = []
  for (const [index, entry] of entries.entries()) {
    requests.push(bundleEntry(body, fhirBase, entry, index))
    await turn()
  }
  return requests
}

function bundleEntry(body: JsonBody, fhirBase: string, entry: unknown, index: number): BundleEntry {
  const expression = `Bundle.entry[${index}]`
  const at = (fault: Fault): Fault => ({ ...fault, expression })
  if (!isObject(entry) || !isObject(entry.request)) raise(at(MALFORMED))
  const { method, url, ifMatch, ifNoneMatch, ifNoneExist, ifModifiedSince } = entry.request
  if (typeof method !== 'string' || !METHODS.has(method) || typeof url !== 'string') raise(at(MALFORMED))
  // The address becomes part of the audit record when the entry searches.
  if (url.length > LIMITS.urlBytesMax * 16) raise(at(URL_TOO_LONG))
  const span = body.scan.entries[index]
  const relative = url.startsWith(`${fhirBase}/`) ? url.slice(fhirBase.length + 1) : url.replace(/^\//, '')
  const mark = relative.indexOf('?')
  const path = (mark < 0 ? relative : relative.slice(0, mark)).split('/').filter((segment) => segment !== '')
  const request: FhirRequest = {
    method: method as FhirRequest['method'],
    path,
    query: mark < 0 ? '' : relative.slice(mark + 1),
    prefer: parsePrefer(undefined),
  }
  for (const [name, value] of Object.entries({ ifMatch, ifNoneMatch, ifNoneExist, ifModifiedSince }))
    if (typeof value === 'string') request[name as 'ifMatch'] = value
  if (typeof entry.fullUrl === 'string') request.fullUrl = entry.fullUrl
  if (entry.resource !== undefined) {
    request.resource = entry.resource as Resource
    if (span?.lossyNumbers) request.exact = parseExactly(body.bytes.subarray(span.start, span.end)) as Resource
  }
  return {
    request,
    check: () => {
      const { resource } = request
      if (resource === undefined) return
      // What an operation is given it judges itself: $validate is asked about what is not sound.
      if (!path.at(-1)?.startsWith('$') || !isObject(resource)) checkResource(resource, span?.members)
      else if (span && countMembers(resource) !== span.members) raise(DOUBLE_KEY)
    },
  }
}

/** Members of the Bundle without those of its entries' resources. */
function wrapperMembers(node: unknown, depth = 0): number {
  if (Array.isArray(node)) return node.reduce((sum: number, child) => sum + wrapperMembers(child, depth + 1), 0)
  if (typeof node !== 'object' || node === null) return 0
  let members = 0
  for (const [key, child] of Object.entries(node)) {
    members++
    // Depth 2: Bundle -> entry array -> entry object.
    if (!(depth === 2 && key === 'resource')) members += wrapperMembers(child, depth + 1)
  }
  return members
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])
const MALFORMED: Fault = {
  category: 'invalid',
  code: 'fhir.bundle.entry-malformed',
  message: 'Each entry of a batch or transaction needs request.method and request.url.',
}
const URL_TOO_LONG: Fault = {
  category: 'too-large',
  code: 'fhir.http.query-too-long',
  message: `The address of an entry has at most ${(LIMITS.urlBytesMax * 16) / 1024} kB.`,
}
const TOO_MANY: Fault = {
  category: 'too-large',
  code: 'fhir.bundle.too-many-entries',
  message: `A batch or transaction has at most ${LIMITS.bundleEntriesMax} entries. Split it.`,
}
