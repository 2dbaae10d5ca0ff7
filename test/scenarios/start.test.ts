import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { EXIT } from '../../apps/cli/src/exit-code.ts'
import { createLog } from '../../server/src/kernel/index.ts'
import { openConnection, startEmbeddedPostgres } from '../../server/src/platform/db/index.ts'
import { freePort, type ServerHome, serverHome } from '../fixtures/server-process.ts'

/** The one line a refused start leaves; log lines are JSON and come beside it. */
function lastWords(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'))
  assert.equal(lines.length, 1, `one line, not:\n${stderr}`)
  return lines[0] as string
}

interface Refusal {
  environment: Record<string, string>
  exit: number
  code: string
}

async function refuses(home: ServerHome, { environment, exit, code }: Refusal): Promise<void> {
  const end = await home.refused(environment)
  const said = lastWords(end.stderr)
  assert.match(said, /^salus: .+ \[[a-z.-]+\]$/)
  assert.ok(said.endsWith(`[${code}]`), said)
  assert.equal(end.code, exit, said)
}

test('each start that cannot work ends with one line and its own exit code, and damages nothing', async (t) => {
  const home = await serverHome()
  t.after(() => home.remove())
  const first = await home.start()
  const kept = await (await home.client()).post('Basic', { resourceType: 'Basic', code: { text: 'kept' } })
  assert.equal(kept.status, 201, kept.text)
  assert.deepEqual(await first.stop(), { code: EXIT.done, signal: null })

  const files = await keyFiles(home)
  const refusals = { ...configurationRefusals(files), ...keyRefusals(files) }
  for (const [name, refusal] of Object.entries(refusals)) await t.test(name, () => refuses(home, refusal))
  await t.test('a port in use', () => refusesPortInUse(home))
  await t.test('a data directory in use, whose owner serves on', () => refusesSecondOwner(home, kept.body.id))
  await t.test('a record that a newer Salus migrated', () => refusesNewerRecord(home))
  await t.test('a cluster of a newer PostgreSQL', () => refusesNewerCluster(home))
  await t.test('the next correct start works, and everything is still there', () => startsAgain(home, kept.body.id))
})

test('without a bootstrap client the first start writes one, for its owner alone, and later starts leave it', async (t) => {
  const home = await serverHome()
  t.after(() => home.remove())
  const path = join(home.dataDir, 'client.json')
  const first = await home.start({ environment: { SALUS_BOOTSTRAP_CLIENT: '' } })
  assert.match(first.stdout, /Its secret is in .*client\.json/)
  const text = readFileSync(path, 'utf8')
  const { id, secret } = JSON.parse(text) as { id: string; secret: string }
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.ok(!first.stdout.includes(secret) && !first.stderr.includes(secret))
  assert.equal((await (await home.client({ id, secret })).get('Patient')).status, 200)
  await first.stop()

  const second = await home.start({ environment: { SALUS_BOOTSTRAP_CLIENT: '' } })
  assert.ok(!second.stdout.includes('client.json'))
  assert.equal(readFileSync(path, 'utf8'), text)
  assert.equal((await (await home.client({ id, secret })).get('Patient')).status, 200)
  // A bootstrap client is for the first start: it cannot be slipped in later.
  await second.stop()
  await home.start()
  await assert.rejects(home.client(), /answered 401/)
})

test('a root key that was lost is not replaced by a new one', async (t) => {
  const home = await serverHome()
  t.after(() => home.remove())
  const first = await home.start()
  await first.stop()
  const key = join(home.dataDir, 'keys', 'root.key')
  renameSync(key, `${key}.kept`)
  await refuses(home, { environment: {}, exit: EXIT.keys, code: 'vault.root-key-missing' })
  renameSync(`${key}.kept`, key)
  const again = await home.start()
  await again.stop()
})

interface KeyFiles {
  missing: string
  /** Holds no key. */
  garbage: string
  /** The key of another record. */
  other: string
  /** The right key, readable by others. */
  exposed: string
  /** Cannot be read as a file, even by root. */
  directory: string
  /** A port where nobody listens. */
  nobody: number
}

async function keyFiles(home: ServerHome): Promise<KeyFiles> {
  const garbage = join(home.dataDir, 'garbage.key')
  writeFileSync(garbage, 'no key\n', { mode: 0o600 })
  const other = join(home.dataDir, 'other.key')
  writeFileSync(other, `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 })
  const exposed = join(home.dataDir, 'exposed.key')
  writeFileSync(exposed, readFileSync(join(home.dataDir, 'keys', 'root.key')))
  chmodSync(exposed, 0o644)
  const directory = join(home.dataDir, 'directory.key')
  mkdirSync(directory)
  const nobody = await freePort()
  const missing = join(home.dataDir, 'missing.key')
  return { missing, garbage, other, exposed, directory, nobody }
}

function configurationRefusals({ missing, garbage }: KeyFiles): Record<string, Refusal> {
  return {
    'an unknown setting': {
      environment: { SALUS_HTTP_PROT: '1' },
      exit: EXIT.configuration,
      code: 'config.unknown',
    },
    'a bad value': {
      environment: { SALUS_HTTP_PORT: 'eighty' },
      exit: EXIT.configuration,
      code: 'config.bad-value',
    },
    'a TLS key that is not there': {
      environment: { SALUS_TLS_CERT: missing, SALUS_TLS_KEY: missing },
      exit: EXIT.configuration,
      code: 'config.unreadable-file',
    },
    'a certificate without a key': {
      environment: { SALUS_TLS_CERT: garbage },
      exit: EXIT.configuration,
      code: 'config.tls-half',
    },
    'a certificate that is none': {
      environment: { SALUS_TLS_CERT: garbage, SALUS_TLS_KEY: garbage },
      exit: EXIT.configuration,
      code: 'http.tls-unusable',
    },
    'a bootstrap client in production': {
      environment: { SALUS_PROFILE: 'production' },
      exit: EXIT.configuration,
      code: 'config.bootstrap-in-production',
    },
    'plain HTTP beyond loopback': {
      environment: { SALUS_HTTP_HOST: '0.0.0.0' },
      exit: EXIT.configuration,
      code: 'config.plain-beyond-loopback',
    },
    'an address of another machine': {
      environment: { SALUS_HTTP_HOST: '192.0.2.1', SALUS_TRUSTED_PROXY: '127.0.0.1' },
      exit: EXIT.configuration,
      code: 'http.host-unknown',
    },
  }
}

function keyRefusals({ missing, garbage, other, exposed, directory, nobody }: KeyFiles): Record<string, Refusal> {
  return {
    'a database that does not answer': {
      environment: { SALUS_DATABASE_URL: `postgres://salus:secret@127.0.0.1:${nobody}/salus` },
      exit: EXIT.database,
      code: 'db.unavailable',
    },
    'a root key that is missing': {
      environment: { SALUS_ROOT_KEY_FILE: missing },
      exit: EXIT.keys,
      code: 'vault.root-key-missing',
    },
    'a root key that is none': {
      environment: { SALUS_ROOT_KEY_FILE: garbage },
      exit: EXIT.keys,
      code: 'vault.root-key-malformed',
    },
    'a root key that cannot be read': {
      environment: { SALUS_ROOT_KEY_FILE: directory },
      exit: EXIT.keys,
      code: 'vault.root-key-unreadable',
    },
    'a root key that others can read': {
      environment: { SALUS_ROOT_KEY_FILE: exposed },
      exit: EXIT.keys,
      code: 'vault.root-key-exposed',
    },
    'the root key of another record': {
      environment: { SALUS_ROOT_KEY_FILE: other },
      exit: EXIT.keys,
      code: 'vault.wrong-root-key',
    },
  }
}

async function refusesPortInUse(home: ServerHome): Promise<void> {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as { port: number }
  await refuses(home, {
    environment: { SALUS_HTTP_PORT: String(port) },
    exit: EXIT.inUse,
    code: 'http.port-in-use',
  })
  holder.close()
}

async function refusesSecondOwner(home: ServerHome, keptId: string): Promise<void> {
  const owner = await home.start()
  await refuses(home, {
    environment: { SALUS_HTTP_PORT: String(await freePort()) },
    exit: EXIT.inUse,
    code: 'db.data-dir-in-use',
  })
  const read = await (await home.client()).get(`Basic/${keptId}`)
  assert.equal(read.status, 200)
  await withOwner(home, (sql) => sql("insert into salus.migration values ('audit', 9999, 'of-tomorrow', '', 0)"))
  await owner.stop()
}

async function refusesNewerRecord(home: ServerHome): Promise<void> {
  await refuses(home, { environment: {}, exit: EXIT.database, code: 'db.newer-schema' })
  assert.deepEqual(home.databaseProcesses(), [])
}

async function refusesNewerCluster(home: ServerHome): Promise<void> {
  const file = join(home.dataDir, 'postgres', 'data', 'PG_VERSION')
  const version = readFileSync(file, 'utf8')
  const { uid, gid } = statSync(file)
  writeFileSync(file, '99\n')
  await refuses(home, { environment: {}, exit: EXIT.database, code: 'db.data-dir-newer' })
  writeFileSync(file, version)
  assert.deepEqual({ uid, gid }, { uid: statSync(file).uid, gid: statSync(file).gid })
}

async function startsAgain(home: ServerHome, keptId: string): Promise<void> {
  await withCluster(home, (sql) => sql('delete from salus.migration where number = 9999'))
  const again = await home.start()
  const read = await (await home.client()).get(`Basic/${keptId}`)
  assert.equal(read.status, 200)
  assert.equal(read.body.code.text, 'kept')
  assert.deepEqual(await again.stop('SIGTERM'), { code: EXIT.done, signal: null })
  assert.deepEqual(home.databaseProcesses(), [])
}

async function withOwner(home: ServerHome, work: (sql: (text: string) => Promise<unknown>) => Promise<unknown>) {
  const connection = await openConnection({ url: await home.databaseUrl() })
  try {
    await work((text) => connection.query({ text }))
  } finally {
    await connection.close()
  }
}

/** The same while no server runs. */
async function withCluster(home: ServerHome, work: (sql: (text: string) => Promise<unknown>) => Promise<unknown>) {
  const cluster = await startEmbeddedPostgres({ dataDir: home.dataDir, log: createLog({ level: 'error' }) })
  try {
    await withOwner(home, work)
  } finally {
    await cluster.stop()
  }
}
