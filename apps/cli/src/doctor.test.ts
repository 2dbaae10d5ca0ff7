import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadConfig } from '../../../server/src/kernel/index.ts'
import { rootKeyPlaceFindings } from '../../../server/src/roles/admin-doctor-host.ts'
import { type CliAnswer, type CliPlace, salus } from '../../../test/fixtures/cli.ts'
import { startTestServer, type TestServer } from '../../../test/fixtures/server.ts'

let server: TestServer
let place: CliPlace
before(async () => {
  server = await startTestServer()
  const port = new URL(server.url).port
  place = { dataDir: server.dataDir, databaseUrl: server.databaseUrl, environment: { SALUS_HTTP_PORT: port } }
  await server.client()
  await server.platform.checkpointer.checkpoint()
})
after(() => server.close())

interface Finding {
  check: string
  ok: boolean
  advice: string
}

function badOf(answer: CliAnswer): string[] {
  return (answer.json.findings as Finding[]).filter(({ ok }) => !ok).map(({ check }) => check)
}

/** The cluster of the tests runs without fsync, which doctor finds and says. */
const OF_THE_TEST_CLUSTER = ['commits are durable', 'enough connections']

test('every part of a sound installation is looked at, and only what is wrong is bad', async () => {
  const answer = await salus(place, 'doctor', '--json')
  const bad = badOf(answer).filter((check) => !OF_THE_TEST_CLUSTER.includes(check))
  assert.deepEqual(bad, [], answer.stdout)
  const checks = (answer.json.findings as Finding[]).map(({ check }) => check)
  for (const check of [
    'configuration',
    'secrets',
    'disk space',
    'port',
    'database reachable',
    'schema up to date',
    'keys',
    'audit signing key',
    'audit anchors',
    'audit lag',
    'clock',
  ])
    assert.ok(checks.includes(check), check)
  const port = (answer.json.findings as Finding[]).find(({ check }) => check === 'port')
  assert.match(port?.advice ?? '', /A Salus server listens/)
})

test('a secret that others can read is named', async () => {
  const path = join(server.dataDir, 'keys', 'audit-signing.key')
  chmodSync(path, 0o644)
  try {
    const answer = await salus(place, 'doctor', '--json')
    assert.equal(answer.code, 8)
    assert.deepEqual(
      badOf(answer).filter((check) => !OF_THE_TEST_CLUSTER.includes(check)),
      ['secrets', 'audit signing key'],
    )
    const text = await salus(place, 'doctor')
    assert.match(text.stdout, /BAD {2}secrets: Others can read .*audit-signing\.key/)
  } finally {
    chmodSync(path, 0o600)
  }
})

test('in production a root key file beside the database is bad, and nothing else about its place is', () => {
  const dataDir = mkdtempSync('/tmp/salus-doctor-')
  const key = join(dataDir, 'root.key')
  writeFileSync(key, 'key', { mode: 0o600 })
  const settings = { SALUS_DATA_DIR: dataDir, SALUS_ROOT_KEY_FILE: key, SALUS_PROFILE: 'production' }
  const found = (environment: Record<string, string>, deviceOf?: (path: string) => number): boolean[] =>
    rootKeyPlaceFindings(loadConfig(environment), deviceOf).map(({ ok }) => ok)
  try {
    assert.deepEqual(found(settings), [false])
    let device = 0
    assert.deepEqual(
      found(settings, () => device++),
      [true],
    )
    assert.deepEqual(found({ ...settings, SALUS_PROFILE: 'development' }), [])
    assert.deepEqual(found({ ...settings, SALUS_DATABASE_URL: 'postgres://salus@elsewhere/salus' }), [])
    assert.deepEqual(found({ ...settings, SALUS_ROOT_KEY: 'vault-transit' }), [])
    assert.deepEqual(found({ ...settings, SALUS_ROOT_KEY_FILE: join(dataDir, 'not-yet') }), [])
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})

test('a setting nobody knows, a foreign port, a missing certificate and a missing database are findings', async () => {
  const unknown = await salus({ ...place, environment: { SALUS_HTTP_PROT: '1' } }, 'doctor', '--json')
  assert.deepEqual([unknown.code, badOf(unknown)], [8, ['configuration']])

  const foreign = createServer((socket) => socket.end('hello\n'))
  await new Promise<void>((listening) => foreign.listen(0, '127.0.0.1', listening))
  const { port } = foreign.address() as { port: number }
  const dir = mkdtempSync('/tmp/salus-doctor-')
  try {
    const certificate = join(dir, 'tls.pem')
    writeFileSync(certificate, 'no certificate', { mode: 0o600 })
    const environment = { SALUS_HTTP_PORT: String(port), SALUS_TLS_CERT: certificate, SALUS_TLS_KEY: certificate }
    const answer = await salus({ dataDir: join(dir, 'data'), environment }, 'doctor', '--json')
    assert.equal(answer.code, 8)
    assert.deepEqual(badOf(answer), ['TLS certificate', 'port', 'database'])
    const away = await salus({ dataDir: dir, databaseUrl: 'postgres://nobody@127.0.0.1:1/none' }, 'doctor', '--json')
    assert.ok(badOf(away).includes('database reachable'))
  } finally {
    foreign.close()
    rmSync(dir, { recursive: true, force: true })
  }
})
