import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/** A token request with an RS384 assertion of an RSA-4096 key is 2 kB; nothing honest comes near this. */
const BODY_BYTES_MAX = 8 * 1024

/** All that oidc-provider gets to see: no cookies, no forwarding headers, no experiments of other specifications. */
const HEADERS = ['authorization', 'content-type', 'content-length', 'transfer-encoding'] as const

export type ReceivedRequest = { ok: true; request: IncomingMessage } | { ok: false; status: 413; reason: string }

/**
 * The request as oidc-provider may see it: its body read whole and bounded, its headers an allow-list, its host the issuer's.
 * A client that goes away midway rejects.
 */
export async function receive(original: IncomingMessage, issuer: string): Promise<ReceivedRequest> {
  const chunks: Buffer[] = []
  let bytes = 0
  if (Number(original.headers['content-length'] ?? 0) > BODY_BYTES_MAX) return TOO_LARGE
  for await (const chunk of original.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) return TOO_LARGE
    chunks.push(chunk)
  }
  const headers: IncomingHttpHeaders = { host: new URL(issuer).host, accept: 'application/json' }
  for (const name of HEADERS) {
    const value = original.headers[name]
    if (value !== undefined) headers[name] = value
  }
  const { method, url, httpVersion, httpVersionMajor, httpVersionMinor, socket } = original
  const body = Readable.from(chunks, { objectMode: false })
  const request = Object.assign(body, { method, url, headers, httpVersion, httpVersionMajor, httpVersionMinor, socket })
  return { ok: true, request: request as unknown as IncomingMessage }
}

const TOO_LARGE: ReceivedRequest = {
  ok: false,
  status: 413,
  reason: `a token request has at most ${BODY_BYTES_MAX} bytes`,
}
