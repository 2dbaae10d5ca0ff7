import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import { type CliPlace, salus } from '../../../test/fixtures/cli.ts'
import { accessToken, startTestServer, type TestServer, testClient } from '../../../test/fixtures/server.ts'

let server: TestServer
let place: CliPlace
let dir = ''
before(async () => {
  server = await startTestServer()
  place = { dataDir: server.dataDir, databaseUrl: server.databaseUrl }
  dir = mkdtempSync('/tmp/salus-clients-')
})
after(async () => {
  await server.close()
  rmSync(dir, { recursive: true, force: true })
})

test('a client made on the command line may do what its scope says, until it is disabled', async () => {
  const made = await salus(place, 'clients', 'create', 'reader', '--scope', 'system/Patient.rs', '--json')
  assert.equal(made.code, 0, made.stderr)
  const token = await accessToken(server.url, 'reader', made.json.secret)
  const client = testClient({ fhirBase: server.fhirBase, id: 'reader', token })
  assert.equal((await client.get('Patient')).status, 200)
  assert.equal((await client.get('Observation')).status, 403)
  const list = await salus(place, 'clients', 'list', '--json')
  assert.ok(
    list.json.clients.some(({ id, disabled }: { id: string; disabled: boolean }) => id === 'reader' && !disabled),
  )
  assert.equal((await salus(place, 'clients', 'disable', 'reader')).code, 0)
  await assert.rejects(accessToken(server.url, 'reader', made.json.secret))
  assert.match((await salus(place, 'clients', 'disable', 'nobody')).stderr, /identity\.client-unknown/)
  assert.ok((await server.audit({ action: 'admin' })).filter((record) => record.client === 'cli').length >= 6)
})

test('a secret goes to a file that only its owner reads, and is not shown', async () => {
  const file = join(dir, 'secret')
  const made = await salus(place, 'clients', 'create', '--scope', 'system/*.rs', '--secret-file', file)
  assert.equal(made.code, 0, made.stderr)
  const secret = readFileSync(file, 'utf8').trim()
  assert.equal(statSync(file).mode & 0o077, 0)
  assert.ok(secret.length > 20 && !made.stdout.includes(secret))
  assert.notEqual((await salus(place, 'clients', 'create', '--scope', 'system/*.rs', '--secret-file', file)).code, 0)
  assert.equal(readFileSync(file, 'utf8').trim(), secret)
})

test('a client with a key set has no secret, and a private key is refused', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES384', { extractable: true })
  const file = join(dir, 'keys.json')
  writeFileSync(file, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one' }] }))
  const made = await salus(place, 'clients', 'create', 'signer', '--scope', 'system/*.rs', '--jwks', file, '--json')
  assert.deepEqual([made.code, made.json], [0, { id: 'signer' }])
  writeFileSync(file, JSON.stringify({ keys: [{ ...(await exportJWK(privateKey)), kid: 'two' }] }))
  for (const content of [readFileSync(file, 'utf8'), 'no json']) {
    writeFileSync(file, content)
    const refused = await salus(place, 'clients', 'create', '--scope', 'system/*.rs', '--jwks', file)
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /identity\.jwks-invalid/)
  }
  assert.equal((await salus(place, 'clients', 'create', '--scope', 'nonsense')).code, 2)
  assert.equal((await salus(place, 'clients', 'create')).code, 2)
})
