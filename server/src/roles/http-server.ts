import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import type { Fhir } from '#fhir'
import type { Identity } from '#identity'
import { type Config, LIMITS, raise, registry } from '#kernel'
import { refuseStrangers } from './refuse-strangers.ts'

/** Time a client may take to send its headers and its whole request; slower ones are cut off (slow loris). */
const HEADERS_MS = 10_000
const REQUEST_MS = 120_000
/** Idle keep-alive: above the 60 s that load balancers keep, so that they close first. */
const KEEP_ALIVE_MS = 65_000

export interface HttpParts {
  config: Config
  fhir: Fhir
  identity: Identity
  /** Whether requests can be served right now. */
  ready(): Promise<boolean>
}

/** All HTTP routes of one process. Not listening yet. */
export async function httpServer(parts: HttpParts): Promise<FastifyInstance> {
  const { config, fhir, identity } = parts
  const server = fastify({
    logger: false,
    genReqId: () => randomUUID(),
    bodyLimit: LIMITS.bundleBytesMax,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    trustProxy: config.get('SALUS_TRUSTED_PROXY') ?? false,
    routerOptions: { maxParamLength: 200 },
    // The router's own answer would repeat the address, which may hold what was searched for.
    frameworkErrors: (_error, _request, reply: unknown) =>
      void (reply as FastifyReply)
        .status(400)
        .send({ error: 'malformed address', help: 'Percent-encode what is not a letter, digit, dash or dot.' }),
    https: config.get('SALUS_TLS_CERT') ? tls(config) : null,
  }) as FastifyInstance
  server.server.headersTimeout = HEADERS_MS
  const proxy = config.get('SALUS_TRUSTED_PROXY')
  if (proxy !== undefined && config.get('SALUS_TLS_CERT') === undefined) refuseStrangers(server.server, proxy)
  server.get('/livez', async () => ({ status: 'alive' }))
  server.get('/readyz', async (_request, reply) =>
    (await parts.ready()) ? { status: 'ready' } : reply.status(503).send({ status: 'not ready' }),
  )
  server.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()))
  for (const path of [
    '/.well-known/smart-configuration',
    '/.well-known/oauth-authorization-server',
    '/fhir/R4/.well-known/smart-configuration',
  ])
    server.get(path, async () => identity.wellKnown(path))
  oauthRoutes(server, identity)
  await server.register(async (scope) => fhir.routes(scope), { prefix: fhir.basePath })
  server.setNotFoundHandler((_request, reply) =>
    reply.status(404).send({ error: 'not found', help: 'The FHIR API is at /fhir/R4.' }),
  )
  return server
}

/** The OAuth routes read their own bodies: nothing of ours parses a credential. */
function oauthRoutes(server: FastifyInstance, identity: Identity): void {
  void server.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.all('/oauth2/*', async (request, reply) => {
      reply.hijack()
      await identity.handle(request.raw, reply.raw, { address: request.ip, requestId: request.id })
    })
  })
}

function tls(config: Config): object {
  const files = {
    cert: readFileSync(config.required('SALUS_TLS_CERT')),
    key: readFileSync(config.required('SALUS_TLS_KEY')),
    minVersion: 'TLSv1.2' as const,
  }
  try {
    createSecureContext(files)
  } catch (error) {
    raise(
      {
        category: 'invalid',
        code: 'http.tls-unusable',
        message: 'SALUS_TLS_CERT and SALUS_TLS_KEY are not a certificate in PEM and its key. Check both files.',
      },
      error,
    )
  }
  return files
}
