import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FaultError } from '#kernel'
import {
  basic,
  markingSealer,
  movableClock,
  type OpenTestDatabase,
  openTestDatabase,
  startIdentity,
} from '../../../../test/fixtures/identity.ts'
import { openKeyring } from './signing-keys.ts'
import { createIdentityStore } from './store.ts'

const DAY_MS = 24 * 3_600_000
let database: OpenTestDatabase

before(async () => {
  database = await openTestDatabase()
})
after(() => database.close())

test('processes that start together sign with one key', async () => {
  const store = createIdentityStore(database.database)
  const open = { store, sealer: markingSealer, clock: movableClock() }
  const rings = await Promise.all([openKeyring(open), openKeyring(open), openKeyring(open)])
  const kids = await Promise.all(rings.map(async (ring) => (await ring.current()).private.map((key) => key.kid)))
  assert.equal(kids[0]?.length, 1)
  assert.deepEqual(kids[1], kids[0])
  assert.deepEqual(kids[2], kids[0])
})

test('what is stored of a key went through the sealer, bound to its id', async () => {
  const rows = await createIdentityStore(database.database).signingKeys(0)
  assert.equal(rows.length, 1)
  for (const { kid, sealed } of rows) {
    assert.doesNotMatch(sealed, /"d"/)
    assert.equal(await markingSealer.openText('signing-key', 1, sealed, 'other'), undefined)
    assert.match((await markingSealer.openText('signing-key', 1, sealed, kid)) ?? '', /"d"/)
  }
})

test('with another vault the start is refused instead of signing with a new key', async () => {
  const sealer = { ...markingSealer, openText: () => undefined }
  await assert.rejects(
    openKeyring({ store: createIdentityStore(database.database), sealer, clock: movableClock() }),
    (error) => error instanceof FaultError && error.fault.code === 'identity.signing-key-unreadable',
  )
})

test('a key signs for 90 days, the next one is accepted where it is not known yet, and the old one is dropped', async () => {
  const server = await startIdentity(database.database)
  const sibling = await startIdentity(database.database, { issuer: server.url, fhirBase: `${server.url}/fhir/R4` })
  try {
    await server.identity.createClient({ id: 'app', tenant: 1, scope: 'system/*.rs', secret: 'app-secret' })
    const token = async (): Promise<string> => {
      const answer = await server.ask({ grant_type: 'client_credentials' }, basic('app', 'app-secret'))
      return `Bearer ${String(answer.body['access_token'])}`
    }
    const kidsOf = async (): Promise<string[]> => {
      const { keys } = (await (await fetch(`${server.url}/oauth2/jwks`)).json()) as { keys: { kid: string }[] }
      return keys.map((key) => key.kid)
    }
    const [first] = await kidsOf()
    server.clock.forward(90 * DAY_MS + 1)
    const [second, ...retired] = await kidsOf()
    assert.notEqual(second, first)
    assert.deepEqual(retired, [first])
    const fresh = await token()
    sibling.clock.forward(6_000)
    assert.equal((await sibling.identity.authenticate(fresh)).client, 'app')
    server.clock.forward(3 * 3_600_000)
    assert.deepEqual(await kidsOf(), [second])
  } finally {
    await server.close()
    await sibling.close()
  }
})
