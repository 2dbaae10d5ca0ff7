import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ROOT } from '../../tools/testing/files.ts'

/** A server in processes of its own, with its database, on real files. */
export interface BenchServer {
  host: string
  port: number
  /** Root of its processes. */
  pid: number
  workers: number
  dataDir: string
  /** From its start until it answered that it is ready. */
  readySeconds: number
  /** A request below the FHIR base with an access token, ready for the socket. */
  request(method: 'GET' | 'POST', path: string, body?: string): Buffer
  /** Stop it; `keep` leaves its data for another start. */
  stop(options?: { keep?: boolean }): Promise<void>
}

export interface BenchServerOptions {
  workers?: number
  /** Switched off for comparison; the product has no setting for it. */
  without?: { sealing?: boolean; audit?: boolean }
  /** Data of an earlier start. Default: a new directory. */
  dataDir?: string
}

const HOST = '127.0.0.1'
const CLIENT = { id: 'bench', secret: 'bench-secret-of-a-throw-away-server' }
const START_MS_MAX = 120_000
const STOP_MS_MAX = 30_000

/** A directory for one server's data, on a real disk unless TMPDIR lies in memory. The database's account must pass through when root starts it. */
export function benchDataDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'salus-bench-'))
  chmodSync(dataDir, 0o711)
  return dataDir
}

/** Start a server as `salus start` does and wait until it is ready. */
export async function startBenchServer(options: BenchServerOptions = {}): Promise<BenchServer> {
  const { workers = 1, without, dataDir = benchDataDir() } = options
  const port = await freePort()
  const began = performance.now()
  const child = launch({ workers, dataDir, port, ...(without ? { without } : {}) })
  try {
    await ready(child)
    const readySeconds = (performance.now() - began) / 1_000
    const token = await accessToken(`http://${HOST}:${port}`)
    const head = `Host: ${HOST}:${port}\r\nAuthorization: Bearer ${token}\r\nAccept: application/fhir+json\r\n`
    return {
      host: HOST,
      port,
      pid: child.pid as number,
      workers,
      dataDir,
      readySeconds,
      request: (method, path, body) => requestBytes(`${method} /fhir/R4${path} HTTP/1.1\r\n${head}`, body),
      stop: async ({ keep = false } = {}) => {
        await end(child)
        if (!keep) rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
      },
    }
  } catch (error) {
    await end(child)
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
    throw error
  }
}

function launch(options: {
  workers: number
  dataDir: string
  port: number
  without?: { sealing?: boolean; audit?: boolean }
}): ChildProcess {
  const { without } = options
  const args = without
    ? [
        join(import.meta.dirname, 'unsafe-server.ts'),
        ...(without.sealing ? ['--without-sealing'] : []),
        ...(without.audit ? ['--without-audit'] : []),
      ]
    : [join(ROOT, 'tools', 'salus.mjs'), 'start', '--json']
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SALUS_'))
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...Object.fromEntries(inherited),
      SALUS_DATA_DIR: options.dataDir,
      SALUS_HTTP_PORT: String(options.port),
      SALUS_WORKERS: String(options.workers),
      SALUS_BOOTSTRAP_CLIENT: `${CLIENT.id}:${CLIENT.secret}`,
      // One token lasts for all that is measured on a server.
      SALUS_TOKEN_TTL_SECONDS: '3600',
      SALUS_LOG_LEVEL: 'warn',
    },
  })
  // A benchmark that is broken off leaves no server behind.
  const kill = (): boolean => child.kill('SIGTERM')
  process.once('exit', kill)
  child.once('exit', () => process.removeListener('exit', kill))
  return child
}

/** The server says its address as one line of JSON when it is ready. */
function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the server did not become ready')), START_MS_MAX)
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
    lines.on('line', (line) => {
      if (!line.startsWith('{"url"')) {
        // Warnings and errors of the server explain a benchmark that fails.
        process.stderr.write(`${line}\n`)
        return
      }
      clearTimeout(late)
      resolve()
    })
    child.once('exit', (code) => {
      clearTimeout(late)
      reject(new Error(`the server ended with exit code ${code}`))
    })
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await new Promise<void>((resolve) => {
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
    child.once('exit', () => {
      clearTimeout(kill)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

async function accessToken(url: string): Promise<string> {
  const response = await fetch(`${url}/oauth2/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  const { access_token: token } = (await response.json()) as { access_token?: string }
  if (token === undefined) throw new Error(`the token endpoint answered ${response.status}`)
  return token
}

function requestBytes(head: string, body: string | undefined): Buffer {
  if (body === undefined) return Buffer.from(`${head}\r\n`)
  const length = Buffer.byteLength(body)
  return Buffer.from(`${head}Content-Type: application/fhir+json\r\nContent-Length: ${length}\r\n\r\n${body}`)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, HOST, listening))
  const address = server.address()
  await new Promise((closed) => server.close(closed))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
