import { Agent, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { Agent as AgentTls, request as requestHttps } from 'node:https'

export interface Answer {
  status: number
  /** Of `Retry-After`, when the server named seconds. */
  retryAfterMs: number | undefined
  body: Buffer
}

/** No answer came. `sent` tells whether the server may have had the whole request: then it may have stored it. */
export class ConnectionLost extends Error {
  readonly sent: boolean

  constructor(sent: boolean, cause: unknown) {
    super('the connection was lost', { cause })
    this.name = 'ConnectionLost'
    this.sent = sent
  }
}

export interface Connection {
  /** POST of JSON. Throws ConnectionLost only. */
  post(path: string, body: Buffer, headers: Record<string, string>): Promise<Answer>
  close(): void
}

/** A transaction of 20,000 entries takes seconds; a server silent for this long has forgotten us. */
const SILENT_MS = 300_000
/** One status line for each entry of the largest Bundle is a few megabytes. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024

/** Keep-alive connections to one server, at most `parallel` at once. `url`: base address, may have a path. */
export function openConnection(options: { url: string; parallel: number; silentMs?: number }): Connection {
  const base = new URL(options.url)
  const isTls = base.protocol === 'https:'
  const agent = new (isTls ? AgentTls : Agent)({ keepAlive: true, maxSockets: options.parallel })
  const send = isTls ? requestHttps : requestHttp
  const root = base.pathname.replace(/\/+$/, '')
  return {
    post: (path, body, headers) =>
      new Promise((resolve, reject) => {
        const about: RequestOptions = {
          agent,
          method: 'POST',
          protocol: base.protocol,
          hostname: base.hostname.replace(/^\[|\]$/g, ''),
          port: base.port,
          path: `${root}${path}`,
          headers: { ...headers, 'content-length': body.length },
          timeout: options.silentMs ?? SILENT_MS,
        }
        const request = send(about, (response) => {
          gather(response).then(resolve, (error: unknown) => reject(new ConnectionLost(true, error)))
        })
        request.on('timeout', () => request.destroy(new Error('the server is silent')))
        // Until the last byte has gone to the system the server cannot have the whole body.
        request.on('error', (error) => reject(new ConnectionLost(request.writableFinished, error)))
        request.end(body)
      }),
    close: () => agent.destroy(),
  }
}

async function gather(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > ANSWER_BYTES_MAX) throw new Error('the answer is too large')
    chunks.push(chunk)
  }
  const seconds = response.headers['retry-after']
  return {
    status: response.statusCode ?? 0,
    retryAfterMs: seconds !== undefined && /^\d{1,5}$/.test(seconds) ? Number(seconds) * 1000 : undefined,
    body: Buffer.concat(chunks),
  }
}
