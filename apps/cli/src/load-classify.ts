import { fail, LIMITS, ok, type Result } from '@salus/server/kernel'
import { type Origin, type Piece, type PieceEntry, parseExactly, textOf, withoutMark } from './load-piece.ts'

/** One resource on its way into a pack. */
export interface Loose {
  entry: PieceEntry
  part: Buffer
}

/** A Bundle to send as it is or as one, or resources to pack. */
export type Found = { kind: 'piece'; piece: Omit<Piece, 'keys'> } | { kind: 'loose'; loose: Loose[] }

export type ClassifyFault =
  | 'load.json-broken'
  | 'load.not-a-resource'
  | 'load.bundle-type'
  | 'load.bundle-malformed'
  | 'load.too-large'
  | 'load.too-many-entries'

interface Json {
  [key: string]: unknown
}

/** What a JSON text holds and how it is stored. `origin` is that of the text. */
export function classify(bytes: Buffer, origin: Origin): Result<Found, ClassifyFault> {
  let value: unknown
  try {
    value = JSON.parse(textOf(bytes))
  } catch {
    return fail('load.json-broken')
  }
  if (!isObject(value) || typeof value['resourceType'] !== 'string') return fail('load.not-a-resource')
  const { type } = value
  if (value['resourceType'] !== 'Bundle' || type === 'document' || type === 'message') {
    if (bytes.length > LIMITS.resourceBytesMax) return fail('load.too-large')
    return ok({ kind: 'loose', loose: [looseOf(value, withoutMark(bytes), origin)] })
  }
  const entries = value['entry'] ?? []
  if (!Array.isArray(entries) || !entries.every(isObject)) return fail('load.bundle-malformed')
  if (type === 'transaction' || type === 'batch') return asFound(bytes, type, entries, origin)
  if (type === 'collection' || type === 'searchset') return unpacked(bytes, entries, origin)
  return fail('load.bundle-type')
}

function asFound(
  bytes: Buffer,
  type: 'transaction' | 'batch',
  entries: Json[],
  origin: Origin,
): Result<Found, ClassifyFault> {
  if (bytes.length > LIMITS.bundleBytesMax) return fail('load.too-large')
  if (entries.length > LIMITS.bundleEntriesMax) return fail('load.too-many-entries')
  const described = entries.map((entry, index): PieceEntry => {
    const request = isObject(entry['request']) ? entry['request'] : {}
    return { type: typeOf(entry, request), method: stringOf(request['method']), origin: within(origin, index) }
  })
  const repeatable = entries.every(({ request }) => isObject(request) && isRepeatable(request))
  return ok({ kind: 'piece', piece: { type, entries: described, bytes, parts: [], repeatable, divisible: false } })
}

/** Sent twice these do what they do once; a PUT then only leaves one more version. */
function isRepeatable({ method, ifNoneExist }: Json): boolean {
  return (
    method === 'PUT' || method === 'GET' || method === 'HEAD' || method === 'DELETE' || typeof ifNoneExist === 'string'
  )
}

/** Entries of a collection that name each other by `urn:` are linked by the server, which needs them in one transaction. */
function unpacked(bytes: Buffer, entries: Json[], origin: Origin): Result<Found, ClassifyFault> {
  const exact = entries.length === 0 ? [] : (parseExactly(bytes) as { entry: Json[] }).entry
  const isLinked = entries.some(({ fullUrl }) => typeof fullUrl === 'string' && fullUrl.startsWith('urn:'))
  const loose: Loose[] = []
  for (const [index, entry] of entries.entries()) {
    const { resource } = entry
    if (isObject(entry['search']) && entry['search']['mode'] === 'outcome') continue
    if (!isObject(resource) || typeof resource['resourceType'] !== 'string') return fail('load.bundle-malformed')
    const text = Buffer.from(JSON.stringify(exact[index]?.['resource']))
    loose.push(looseOf(resource, text, within(origin, index), isLinked ? entry['fullUrl'] : undefined))
  }
  if (!isLinked) return ok({ kind: 'loose', loose })
  if (loose.length > LIMITS.bundleEntriesMax) return fail('load.too-many-entries')
  if (loose.reduce((sum, { part }) => sum + part.length + 1, 0) > LIMITS.bundleBytesMax) return fail('load.too-large')
  return ok({ kind: 'piece', piece: { ...packOf(loose), divisible: false } })
}

/** A resource with an id keeps it. */
function looseOf(resource: Json, text: Buffer, origin: Origin, fullUrl?: unknown): Loose {
  const type = String(resource['resourceType'])
  const { id } = resource
  const method = typeof id === 'string' ? 'PUT' : 'POST'
  const request = JSON.stringify({ method, url: typeof id === 'string' ? `${type}/${id}` : type })
  const url = typeof fullUrl === 'string' ? `"fullUrl":${JSON.stringify(fullUrl)},` : ''
  return {
    entry: { type, method, origin },
    part: Buffer.concat([Buffer.from(`{${url}"resource":`), text, Buffer.from(`,"request":${request}}`)]),
  }
}

export function packOf(loose: readonly Loose[]): Omit<Piece, 'keys'> {
  return {
    type: 'transaction',
    entries: loose.map(({ entry }) => entry),
    parts: loose.map(({ part }) => part),
    repeatable: loose.every(({ entry }) => entry.method === 'PUT'),
    divisible: true,
  }
}

function typeOf(entry: Json, request: Json): string {
  const resource = isObject(entry['resource']) ? entry['resource']['resourceType'] : undefined
  const named = typeof resource === 'string' ? resource : stringOf(request['url']).split(/[/?]/)[0]
  return /^[A-Za-z]{1,64}$/.test(named ?? '') ? (named as string) : ''
}

function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function within({ file, place }: Origin, index: number): Origin {
  return { file, place: `${place === '' ? '' : `${place}, `}entry ${index}` }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
