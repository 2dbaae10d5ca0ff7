import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { FaultError } from '#kernel'
import {
  basic,
  type IdentityServer,
  type OpenTestDatabase,
  openTestDatabase,
  startIdentity,
} from '../../../../test/fixtures/identity.ts'
import { bootstrapClient } from './bootstrap-client.ts'

let database: OpenTestDatabase
let server: IdentityServer
let dataDir: string

beforeEach(async () => {
  database = await openTestDatabase()
  server = await startIdentity(database.database)
  dataDir = await mkdtemp(join(tmpdir(), 'salus-bootstrap-'))
})
afterEach(async () => {
  await server.close()
  await database.close()
  await rm(dataDir, { recursive: true })
})

const GRANT = { grant_type: 'client_credentials' }
const isFault = (code: string) => (error: unknown) => error instanceof FaultError && error.fault.code === code

test('the first start writes a client that works to a file only its owner can read, and prints no secret', async () => {
  const text = await bootstrapClient(server.identity, { dataDir, production: true })
  const path = join(dataDir, 'client.json')
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  const file = JSON.parse(await readFile(path, 'utf8')) as { id: string; secret: string; tokenUrl: string }
  assert.ok(text?.includes(path))
  assert.ok(!text?.includes(file.secret))
  assert.equal(file.tokenUrl, `${server.url}/oauth2/token`)
  const answer = await server.ask(GRANT, basic(file.id, file.secret))
  assert.equal(answer.body['scope'], 'system/*.cruds')
})

test('later starts do nothing', async () => {
  await bootstrapClient(server.identity, { dataDir, production: false })
  const before = await readFile(join(dataDir, 'client.json'), 'utf8')
  assert.equal(await bootstrapClient(server.identity, { dataDir, production: false }), undefined)
  assert.equal(
    await bootstrapClient(server.identity, { bootstrap: 'x:longsecret', dataDir, production: false }),
    undefined,
  )
  assert.equal(await readFile(join(dataDir, 'client.json'), 'utf8'), before)
  assert.equal((await server.identity.listClients()).length, 1)
})

test('processes that start together agree on one client', async () => {
  const texts = await Promise.all([1, 2, 3].map(() => bootstrapClient(server.identity, { dataDir, production: false })))
  assert.equal(texts.filter((text) => text !== undefined).length, 1)
  const { id, secret } = JSON.parse(await readFile(join(dataDir, 'client.json'), 'utf8')) as {
    id: string
    secret: string
  }
  assert.equal((await server.ask(GRANT, basic(id, secret))).status, 200)
})

test('a start that was cut short after the file is finished by the next', async () => {
  await writeFile(join(dataDir, 'client.json'), JSON.stringify({ id: 'first-client', secret: 'from-the-first-start' }))
  await chmod(join(dataDir, 'client.json'), 0o600)
  await bootstrapClient(server.identity, { dataDir, production: false })
  assert.equal((await server.ask(GRANT, basic('first-client', 'from-the-first-start'))).status, 200)
})

test('a file that is not ours stops the start and stays as it is', async () => {
  await writeFile(join(dataDir, 'client.json'), 'half')
  await assert.rejects(
    bootstrapClient(server.identity, { dataDir, production: false }),
    isFault('identity.client-file-unreadable'),
  )
  assert.equal(await readFile(join(dataDir, 'client.json'), 'utf8'), 'half')
  assert.deepEqual(await server.identity.listClients(), [])
})

test('SALUS_BOOTSTRAP_CLIENT registers its client and writes no file', async () => {
  const text = await bootstrapClient(server.identity, { bootstrap: 'dev:with:colons', dataDir, production: false })
  assert.ok(text && !text.includes('with:colons'))
  assert.equal((await server.ask(GRANT, basic('dev', 'with:colons'))).status, 200)
  await assert.rejects(stat(join(dataDir, 'client.json')))
})

test('SALUS_BOOTSTRAP_CLIENT is refused in production', async () => {
  await assert.rejects(
    bootstrapClient(server.identity, { bootstrap: 'dev:longsecret', dataDir, production: true }),
    isFault('identity.bootstrap-in-production'),
  )
  assert.deepEqual(await server.identity.listClients(), [])
})
