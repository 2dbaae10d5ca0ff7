import type { FastifyInstance } from 'fastify'
import { bootstrapClient } from '#identity'
import { type Config, errorFields, type Log, raise, startDefaultMetrics, systemClock } from '#kernel'
import { httpServer } from './http-server.ts'
import { openPlatform, type Platform, type Unsafe } from './platform.ts'

export interface ServerProcess {
  platform: Platform
  /** Address the process listens on, e.g. `http://127.0.0.1:8420`. */
  url: string
  /** What a first start has to tell the operator. */
  notice: string | undefined
  /** Stop listening, answer what is under way, close. */
  close(): Promise<void>
}

/** Requests under way at shutdown get this long before their connections are cut. */
const DRAIN_MS = 10_000
const CLOSE_IDLE_MS = 50

/** Open the platform on a migrated database and serve HTTP. `sharePort`: several processes listen on one port. */
export async function startServerProcess(options: {
  config: Config
  databaseUrl: string
  log: Log
  sharePort?: boolean
  unsafe?: Unsafe
}): Promise<ServerProcess> {
  const { config, log } = options
  startDefaultMetrics()
  const port = config.integer('SALUS_HTTP_PORT')
  const host = config.required('SALUS_HTTP_HOST')
  const origin = publicOrigin(config)
  const platform = await openPlatform({
    config,
    databaseUrl: options.databaseUrl,
    origin,
    clock: systemClock,
    log,
    ...(options.unsafe ? { unsafe: options.unsafe } : {}),
  })
  let draining = false
  try {
    const bootstrap = config.get('SALUS_BOOTSTRAP_CLIENT')
    const notice = await bootstrapClient(platform.identity, {
      bootstrap,
      dataDir: config.dataPath(),
      production: config.production,
    })
    const server = await httpServer({
      config,
      fhir: platform.fhir,
      identity: platform.identity,
      ready: async () => !draining && platform.vault.keysValidForMs() > 0 && (await platform.database.healthy()),
    })
    await listen(server, { port, host, reusePort: options.sharePort === true })
    return {
      platform,
      url: origin,
      notice,
      async close() {
        draining = true
        const cut = setTimeout(() => server.server.closeAllConnections(), DRAIN_MS)
        // A connection whose last answer leaves after the close began would stay open for its keep-alive time.
        const idle = setInterval(() => server.server.closeIdleConnections(), CLOSE_IDLE_MS)
        await server.close()
        clearInterval(idle)
        clearTimeout(cut)
        await platform.close()
      },
    }
  } catch (error) {
    await platform.close().catch((closing: unknown) => log.error('closing failed', errorFields(closing)))
    throw error
  }
}

function publicOrigin(config: Config): string {
  const given = config.get('SALUS_PUBLIC_URL')
  if (given !== undefined) return given.replace(/\/+$/, '')
  const scheme = config.get('SALUS_TLS_CERT') ? 'https' : 'http'
  const host = config.required('SALUS_HTTP_HOST')
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${config.integer('SALUS_HTTP_PORT')}`
}

async function listen(
  server: FastifyInstance,
  address: { port: number; host: string; reusePort: boolean },
): Promise<void> {
  try {
    await server.listen(address)
  } catch (error) {
    await server.close()
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EADDRINUSE')
      raise(
        {
          category: 'conflict',
          code: 'http.port-in-use',
          message: `Port ${address.port} is in use. Stop what listens there, or set SALUS_HTTP_PORT.`,
        },
        error,
      )
    if (code === 'EACCES')
      raise(
        {
          category: 'forbidden',
          code: 'http.port-forbidden',
          message: `Port ${address.port} needs more rights. Set SALUS_HTTP_PORT to 1024 or above.`,
        },
        error,
      )
    if (code === 'EADDRNOTAVAIL')
      raise(
        {
          category: 'invalid',
          code: 'http.host-unknown',
          message: `This machine has no address ${address.host}. Set SALUS_HTTP_HOST.`,
        },
        error,
      )
    throw error
  }
}
