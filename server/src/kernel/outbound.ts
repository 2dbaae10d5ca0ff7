import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { type Fault, FaultError, raise } from './fault.ts'

/**
 * Fetches a file whose address somebody else chose: `GET` without credentials, over https, from a public address only. The name is
 * resolved once, every address it has is judged, and the connection goes to the one that was judged. Redirects, content
 * encodings and answers other than 200 are refused. The stream ends with a fault when nothing comes for 30 s.
 * Faults `kernel.outbound.address-refused`, `unreachable`, `answer-refused`; none repeats the address, which may name a patient.
 */
export type OutboundGet = (url: string, options: { signal: AbortSignal }) => Promise<AsyncIterable<Buffer>>

/** What `outboundGet` needs. */
export interface OutboundOptions {
  /**
   * `host` or `host:port` that may also be private, and `http:` for these: comma-separated. Empty: none.
   */
  allow: string
  /** How long a connection may say nothing, ms. */
  silentMs?: number
  /** Certificates to trust beside the usual ones (PEM), for servers of one's own organisation. */
  ca?: string
}

const SILENT_MS = 30_000
/** Names resolve to a handful; a longer list is no file server. */
const ADDRESSES_MAX = 32

/** Make a fetcher. See `OutboundGet`. */
export function outboundGet({ allow, silentMs = SILENT_MS, ca }: OutboundOptions): OutboundGet {
  const allowed = new Set(
    allow
      .split(',')
      .map((one) => one.trim().toLowerCase())
      .filter((one) => one !== ''),
  )
  return async (text, { signal }) => {
    const url = URL.canParse(text) ? new URL(text) : raise(REFUSED)
    const isAllowed = allowed.has(url.hostname) || allowed.has(`${url.hostname}:${portOf(url)}`)
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isAllowed)) raise(REFUSED)
    if (url.username !== '' || url.password !== '') raise(REFUSED)
    const addresses = await resolve(url.hostname)
    if (!isAllowed && !addresses.every(isPublic)) raise(REFUSED)
    const answer = await open(url, addresses[0] as LookupAddress, {
      signal,
      silentMs,
      ...(ca === undefined ? {} : { ca }),
    })
    return bodyOf(answer)
  }
}

function portOf(url: URL): string {
  return url.port !== '' ? url.port : url.protocol === 'https:' ? '443' : '80'
}

async function resolve(hostname: string): Promise<LookupAddress[]> {
  // The URL parser has written every form of an IPv4 address (decimal, octal, short) as four numbers.
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  const family = isIP(bare)
  if (family !== 0) return [{ address: bare, family }]
  try {
    const found = await lookup(bare, { all: true })
    return found.length > 0 && found.length <= ADDRESSES_MAX ? found : raise(UNREACHABLE)
  } catch (error) {
    return raise(UNREACHABLE, error)
  }
}

/** Special-purpose IPv4 ranges: https://www.iana.org/assignments/iana-ipv4-special-registry (2026-01). */
const SPECIAL_V4 = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  SPECIAL_V4.addSubnet(net, bits, 'ipv4')

/** Of IPv6 only global unicast is public, without what it sets apart: Teredo and protocols, documentation, 6to4. */
const GLOBAL_V6 = new BlockList()
GLOBAL_V6.addSubnet('2000::', 3, 'ipv6')
const SPECIAL_V6 = new BlockList()
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  SPECIAL_V6.addSubnet(net, bits, 'ipv6')

/** Whether an address is on the public Internet. */
export function isPublic({ address, family }: LookupAddress): boolean {
  if (family === 4) return !SPECIAL_V4.check(address, 'ipv4')
  return GLOBAL_V6.check(address, 'ipv6') && !SPECIAL_V6.check(address, 'ipv6')
}

function open(
  url: URL,
  to: LookupAddress,
  options: { signal: AbortSignal; silentMs: number; ca?: string },
): Promise<IncomingMessage> {
  // Whatever the name resolves to by now: the connection goes to the address that was judged.
  const pinned: LookupFunction = (_name, wanted, done) =>
    wanted.all ? done(null, [to]) : done(null, to.address, to.family)
  const { signal, silentMs, ca } = options
  return new Promise((settle, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    const request: ClientRequest = send(url, {
      method: 'GET',
      lookup: pinned,
      agent: false,
      signal,
      timeout: silentMs,
      headers: { accept: 'application/fhir+ndjson, */*;q=0.5', 'accept-encoding': 'identity' },
      ...(ca === undefined ? {} : { ca }),
    })
    request.on('timeout', () => request.destroy(new Error('silent')))
    request.on('error', (error) => reject(new FaultError(UNREACHABLE, { cause: error })))
    request.on('response', (answer) => {
      const encoding = answer.headers['content-encoding']
      if (answer.statusCode === 200 && (encoding === undefined || encoding === 'identity')) return settle(answer)
      answer.destroy()
      reject(new FaultError(ANSWER))
    })
    request.end()
  })
}

async function* bodyOf(answer: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const piece of answer) yield piece as Buffer
  } catch (error) {
    raise(UNREACHABLE, error)
  }
  // A body that ends before its length would be taken for the whole file.
  if (!answer.complete) raise(UNREACHABLE)
}

const REFUSED: Fault = {
  category: 'invalid',
  code: 'kernel.outbound.address-refused',
  message:
    'The address is not fetched: it must be https and lead to public addresses only. Ask your administrator to add its host to SALUS_IMPORT_ALLOW.',
}
const UNREACHABLE: Fault = {
  category: 'unavailable',
  code: 'kernel.outbound.unreachable',
  message: 'The address did not answer, or broke off. It is tried again.',
}
const ANSWER: Fault = {
  category: 'invalid',
  code: 'kernel.outbound.answer-refused',
  message: 'The address answered something other than 200 with a plain body. Redirects and encodings are not followed.',
}
