import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { KoaContext, Provider } from 'oidc-provider'
import { errorFields, FaultError, type Log } from '#kernel'
import type { FailureLimiter } from './failure-limiter.ts'
import { JWKS_PATH, TOKEN_PATH } from './provider.ts'
import { type ReceivedRequest, receive } from './receive-request.ts'
import type { SigningKeys } from './signing-keys.ts'
import { type TokenRequest, tokenRequest } from './token-request.ts'

/** One attempt to get an access token. Unknown clients are reported as tenant 0 and '', since what they sent may be anything. */
export interface Login {
  tenant: number
  client: string
  outcome: 'success' | 'refused' | 'failed'
  requestId: string
}

/** What the caller knows of a request beyond its bytes, e.g. the address behind a trusted proxy. */
export interface Arrival {
  requestId?: string
  address?: string
}

export interface TokenEndpointOptions {
  issuer: string
  limiter: FailureLimiter
  log: Log
  /** Makes the login durable; the answer waits for it. */
  onLogin(login: Login): Promise<void>
  currentKeys(): Promise<SigningKeys>
  providerFor(keys: SigningKeys): Provider
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** Answers `POST /oauth2/token` and `GET /oauth2/jwks`, and nothing else that oidc-provider could. */
export function createTokenEndpoint(
  options: TokenEndpointOptions,
): (request: IncomingMessage, response: ServerResponse, arrival?: Arrival) => Promise<void> {
  const built: { keys?: SigningKeys; handler?: Handler } = {}
  const arrivals = new WeakMap<IncomingMessage, TokenRequest>()
  const handlerFor = async (): Promise<Handler> => {
    const keys = await options.currentKeys()
    if (built.keys !== keys || !built.handler) {
      built.handler = options.providerFor(keys).use(recordLogin(options, arrivals)).callback()
      built.keys = keys
    }
    return built.handler
  }
  return async (request, response, arrival = {}) => {
    const about: TokenRequest = {
      requestId: arrival.requestId ?? randomUUID(),
      address: arrival.address ?? request.socket.remoteAddress ?? '',
    }
    const route = `${request.method} ${request.url?.split('?', 1)[0]}`
    if (route !== `POST ${TOKEN_PATH}` && route !== `GET ${JWKS_PATH}`) return answerOther(request, response)
    try {
      const received: ReceivedRequest = await receive(request, options.issuer)
      if (!received.ok) {
        await options.onLogin({ tenant: 0, client: '', outcome: 'refused', requestId: about.requestId })
        return answer(response, received.status, { error: 'invalid_request', error_description: received.reason })
      }
      arrivals.set(received.request, about)
      await (await handlerFor())(received.request, response)
    } catch (error) {
      // The client went away while sending: there is nobody to answer and nothing was decided.
      if (!request.complete && request.destroyed) return
      options.log.error('token endpoint failed', { requestId: about.requestId, ...errorFields(error) })
      if (!response.headersSent) answer(response, 503, UNAVAILABLE, { 'Retry-After': '1' })
    }
  }
}

/** Around oidc-provider's work: counts failures and makes the login durable before Koa sends the answer. */
function recordLogin(
  { limiter, log, onLogin }: TokenEndpointOptions,
  arrivals: WeakMap<IncomingMessage, TokenRequest>,
): (ctx: KoaContext, next: () => Promise<void>) => Promise<void> {
  return async (ctx, next) => {
    ctx.state['tokenRequest'] = arrivals.get(ctx.req)
    await next()
    if (ctx.path !== TOKEN_PATH) return
    const { requestId, address, guessing, client, failure } = tokenRequest(ctx)
    // The token endpoint is for servers; no browser script of any origin reads its answer.
    for (const name of ['Access-Control-Allow-Origin', 'Access-Control-Expose-Headers', 'Vary']) ctx.remove(name)
    ctx.set('Pragma', 'no-cache')
    if (failure !== undefined) log.error('token request failed', { requestId, ...errorFields(failure) })
    if (failure instanceof FaultError) unavailable(ctx)
    if (guessing !== undefined) {
      if (ctx.status === 401) limiter.failed(guessing, address)
      if (ctx.status === 200) limiter.succeeded(guessing, address)
      if (ctx.status === 429) ctx.set('Retry-After', String(Math.ceil(limiter.waitMs(guessing, address) / 1_000)))
    }
    const outcome = ctx.status === 200 ? 'success' : ctx.status >= 500 ? 'failed' : 'refused'
    try {
      await onLogin({ tenant: client?.tenant ?? 0, client: client?.id ?? '', outcome, requestId })
    } catch (error) {
      // A login nobody could later prove does not happen: the token made for it is dropped.
      log.error('token request could not be audited', { requestId, ...errorFields(error) })
      unavailable(ctx)
    }
  }
}

function unavailable(ctx: KoaContext): void {
  ctx.status = 503
  ctx.body = UNAVAILABLE
  ctx.set('Retry-After', '1')
}

const UNAVAILABLE = { error: 'temporarily_unavailable', error_description: 'the server cannot issue tokens now, retry' }

function answerOther(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url?.split('?', 1)[0]
  const allowed = path === TOKEN_PATH ? 'POST' : path === JWKS_PATH ? 'GET' : undefined
  const description = allowed ? `use ${allowed} for this address` : 'no such address'
  answer(
    response,
    allowed ? 405 : 404,
    { error: 'invalid_request', error_description: description },
    allowed ? { Allow: allowed } : {},
  )
}

function answer(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  // The rest of a refused body is not read: the connection cannot be used again.
  const close = status === 413 ? { Connection: 'close' } : {}
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...close, ...headers })
  response.end(JSON.stringify(body))
}
