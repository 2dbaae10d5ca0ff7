import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FaultError } from '#kernel'
import {
  basic,
  type IdentityServer,
  type OpenTestDatabase,
  openTestDatabase,
  startIdentity,
} from '../../../../test/fixtures/identity.ts'
import type { NewClient } from './register-client.ts'

let database: OpenTestDatabase
let server: IdentityServer

before(async () => {
  database = await openTestDatabase()
  server = await startIdentity(database.database)
})
after(async () => {
  await server.close()
  await database.close()
})

async function refused(client: NewClient): Promise<string> {
  try {
    await server.identity.createClient(client)
  } catch (error) {
    if (error instanceof FaultError) return error.fault.code
    throw error
  }
  return 'registered'
}

test('without an id and a secret Salus chooses both', async () => {
  const { id, secret } = await server.identity.createClient({ tenant: 1, scope: 'system/*.read' })
  assert.equal((await server.ask({ grant_type: 'client_credentials' }, basic(id, secret ?? ''))).status, 200)
})

test('a given secret is not told back, and no list shows one', async () => {
  const answer = await server.identity.createClient({ id: 'a', tenant: 1, scope: 'system/*.rs', secret: 'top-secret' })
  assert.deepEqual(answer, { id: 'a' })
  const listed = (await server.identity.listClients()).find((client) => client.id === 'a')
  assert.deepEqual(Object.keys(listed ?? {}).sort(), ['authMethod', 'created', 'disabled', 'id', 'scope', 'tenant'])
})

test('what is stored of a secret is a salted hash', async () => {
  await server.identity.createClient({ id: 'b', tenant: 1, scope: 'system/*.rs', secret: 'top-secret' })
  const rows = await database.database.query({ text: 'select client::text from identity.client' })
  assert.doesNotMatch(JSON.stringify(rows), /top-secret/)
})

test('registrations that cannot work are refused', async () => {
  const sound = { tenant: 1, scope: 'system/*.rs' }
  assert.equal(await refused({ ...sound, id: 'taken' }), 'registered')
  assert.equal(await refused({ ...sound, id: 'taken' }), 'identity.client-exists')
  assert.equal(await refused({ ...sound, tenant: 99 }), 'identity.tenant-unknown')
  for (const id of ['', 'with space', 'x'.repeat(65), 'né', 'a/b'])
    assert.equal(await refused({ ...sound, id }), 'identity.client-id-invalid')
  for (const secret of ['', 'short', 'né-accented', 'x'.repeat(257)])
    assert.equal(await refused({ ...sound, secret }), 'identity.credential-invalid')
  assert.equal(await refused({ ...sound, secret: 'long-enough', jwks: { keys: [] } }), 'identity.credential-invalid')
  assert.equal(await refused({ ...sound, scope: 'everything' }), 'identity.scope-invalid')
  assert.equal(await refused({ ...sound, scope: 'system/Patinet.rs' }), 'identity.scope-type-unknown')
})

test('a client that does not exist cannot be disabled', async () => {
  await assert.rejects(
    server.identity.disableClient('nobody'),
    (error) => error instanceof FaultError && error.fault.code === 'identity.client-unknown',
  )
})

test('two tenants cannot have one name', async () => {
  assert.equal(await server.identity.createTenant('north'), 2)
  await assert.rejects(
    server.identity.createTenant('north'),
    (error) => error instanceof FaultError && error.fault.code === 'identity.tenant-exists',
  )
  assert.equal(await server.identity.createTenant('south'), 3)
})
