import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { SIGNING_KEY_FILE } from '#audit'
import type { Finding } from '#db'
import type { Clock, Config, SETTINGS } from '#kernel'

const OTHERS = 0o077

/** Files that only their owner may read, as far as they exist. */
export function secretFindings(config: Config): Finding[] {
  const settings = [
    'SALUS_ROOT_KEY_FILE',
    'SALUS_TLS_KEY',
    'SALUS_VAULT_TOKEN_FILE',
    'SALUS_AWS_CREDENTIALS_FILE',
  ] as const
  const named = (settings satisfies readonly (keyof typeof SETTINGS)[]).map((name) => config.get(name))
  const own = [
    ['keys', 'root.key'],
    ['keys', SIGNING_KEY_FILE],
    ['keys', 'shredded.ndjson'],
    ['client.json'],
    ['postgres', 'password'],
  ].map((parts) => config.dataPath(...parts))
  const present = [...named.filter((path) => path !== undefined), ...own].filter((path) => existsSync(path))
  const exposed = present.filter((path) => (statSync(path).mode & OTHERS) !== 0)
  if (exposed.length === 0)
    return [
      { check: 'secrets', ok: true, advice: `Only their owner can read the ${present.length} files with secrets.` },
    ]
  return exposed.map((path) => ({
    check: 'secrets',
    ok: false,
    advice: `Others can read ${path}. Run "chmod 600" on it, and replace the secret if anyone may have copied it.`,
  }))
}

/**
 * In production, a root key file beside the embedded database: whoever takes that disk, or a copy of it, has both the record and
 * what opens it. Nothing to say of other providers, of a database elsewhere, and before the first start.
 */
export function rootKeyPlaceFindings(
  config: Config,
  deviceOf: (path: string) => number = (path) => statSync(path).dev,
): Finding[] {
  const isFile = config.required('SALUS_ROOT_KEY') === 'file'
  if (!config.production || !isFile || config.get('SALUS_DATABASE_URL') !== undefined) return []
  const key = config.get('SALUS_ROOT_KEY_FILE') ?? config.dataPath('keys', 'root.key')
  if (!existsSync(key)) return []
  const ok = deviceOf(dirname(key)) !== deviceOf(config.dataPath())
  const advice = ok
    ? 'The root key file lies on another file system than the database.'
    : `${key} lies on the file system of the database: who takes that disk has both. Set SALUS_ROOT_KEY to vault-transit or aws-kms, or move the file to other storage and set SALUS_ROOT_KEY_FILE.`
  return [{ check: 'root key place', ok, advice }]
}

/** Two weeks: time to renew by hand. */
const CERTIFICATE_MS_MIN = 14 * 24 * 60 * 60 * 1000

export function certificateFindings(config: Config, clock: Clock): Finding[] {
  const path = config.get('SALUS_TLS_CERT')
  if (path === undefined) return []
  const check = 'TLS certificate'
  try {
    const { validTo } = new X509Certificate(readFileSync(path))
    const ok = Date.parse(validTo) - clock.now() > CERTIFICATE_MS_MIN
    return [{ check, ok, advice: `${path} is valid until ${validTo}.${ok ? '' : ' Renew it and restart the server.'}` }]
  } catch {
    return [{ check, ok: false, advice: `${path} holds no certificate in PEM.` }]
  }
}

/** PostgreSQL keeps up to a gigabyte of WAL between two checkpoints; with less than twice that free it can run full unseen. */
const FREE_BYTES_MIN = 2 * 1024 ** 3

export async function diskFindings(config: Config, anchors: string): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const path of [config.dataPath(), anchors]) {
    if (!existsSync(path)) continue
    const { bavail, bsize } = await statfs(path)
    const free = bavail * bsize
    const ok = free >= FREE_BYTES_MIN
    const advice = `${(free / 1024 ** 3).toFixed(1)} GB are free for ${path}.${ok ? '' : ' Free some: when the disk is full nothing can be stored or read.'}`
    findings.push({ check: 'disk space', ok, advice })
  }
  return findings
}

/** How long a server that listens gets to say what it is. */
const ANSWER_MS = 2_000

/** Whether the port is free, or ours already. */
export async function portFinding(config: Config): Promise<Finding> {
  const check = 'port'
  const host = config.required('SALUS_HTTP_HOST')
  const port = config.integer('SALUS_HTTP_PORT')
  const problem = await tryListen(host, port)
  if (problem === undefined) return { check, ok: true, advice: `Port ${port} is free: no server is running here.` }
  if (problem !== 'EADDRINUSE')
    return {
      check,
      ok: false,
      advice: `Port ${port} on ${host} cannot be used (${problem}). Set SALUS_HTTP_PORT or SALUS_HTTP_HOST.`,
    }
  const scheme = config.get('SALUS_TLS_CERT') === undefined ? 'http' : 'https'
  const base = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
  const alive = await isAlive(base)
  if (!alive)
    return { check, ok: false, advice: `Another program listens on port ${port}. Stop it, or set SALUS_HTTP_PORT.` }
  return { check, ok: true, advice: `A Salus server listens on port ${port}.` }
}

function tryListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name))
    server.listen({ host, port }, () => server.close(() => resolve(undefined)))
  })
}

/** A certificate this process does not trust still tells that something speaks TLS where our server should. */
async function isAlive(base: string): Promise<boolean> {
  try {
    const response = await fetch(`${base}/livez`, { signal: AbortSignal.timeout(ANSWER_MS) })
    return ((await response.json()) as { status?: unknown }).status === 'alive'
  } catch (error) {
    const code = (error as { cause?: { code?: string } }).cause?.code ?? ''
    return /CERT|SELF_SIGNED|ALTNAME/.test(code)
  }
}
