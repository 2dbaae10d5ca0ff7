import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import { UnsecuredJWT } from 'jose'
import { FaultError } from '#kernel'
import {
  type Answer,
  asserting,
  clientKey,
  type IdentityServer,
  type KeyPair,
  type OpenTestDatabase,
  openTestDatabase,
  startIdentity,
} from '../../../../test/fixtures/identity.ts'

let database: OpenTestDatabase
let server: IdentityServer
let rsa: KeyPair
let ec: KeyPair

before(async () => {
  database = await openTestDatabase()
  server = await startIdentity(database.database)
  rsa = await clientKey('RS384', 'key-1')
  ec = await clientKey('ES384', 'key-1')
  await server.identity.createClient({ id: 'lab', tenant: 1, scope: 'system/*.cud', jwks: { keys: [rsa.publicJwk] } })
  await server.identity.createClient({ id: 'ward', tenant: 1, scope: 'system/*.rs', jwks: { keys: [ec.publicJwk] } })
})
after(async () => {
  await server.close()
  await database.close()
})

const lab = (): { iss: string; sub: string; aud: string } => ({
  iss: 'lab',
  sub: 'lab',
  aud: server.identity.tokenEndpoint,
})
const ask = (form: Record<string, string>): Promise<Answer> => server.ask(form)
const inSeconds = (seconds: number): number => Math.floor(server.clock.now() / 1_000) + seconds

test('RS384 and ES384 assertions get a token of their own client', async () => {
  const first = await ask(asserting(await rsa.assertion(lab())))
  assert.equal(first.status, 200)
  assert.equal(first.body['scope'], 'system/*.cud')
  const second = await ask(
    asserting(await ec.assertion({ iss: 'ward', sub: 'ward', aud: server.identity.tokenEndpoint })),
  )
  assert.equal(second.status, 200)
  assert.equal((await server.identity.authenticate(`Bearer ${String(second.body['access_token'])}`)).client, 'ward')
})

test('an assertion works once, also when it arrives twice at the same moment or at another process', async () => {
  const form = asserting(await rsa.assertion(lab()))
  const together = await Promise.all([ask(form), ask(form), ask(form)])
  assert.deepEqual(together.map((answer) => answer.status).sort(), [200, 401, 401])
  const other = await startIdentity(database.database, { issuer: server.url, fhirBase: `${server.url}/fhir/R4` })
  try {
    assert.equal((await other.ask(form)).status, 401)
  } finally {
    await other.close()
  }
})

test('two clients may use the same assertion id', async () => {
  const jti = 'same-id'
  assert.equal((await ask(asserting(await rsa.assertion({ ...lab(), jti })))).status, 200)
  const ward = { iss: 'ward', sub: 'ward', aud: server.identity.tokenEndpoint, jti }
  assert.equal((await ask(asserting(await ec.assertion(ward)))).status, 200)
})

test('assertions with unsound claims are refused', async () => {
  const unsound: Record<string, object> = {
    expired: { exp: inSeconds(-30) },
    'living longer than five minutes': { exp: inSeconds(900) },
    'for another server': { aud: 'https://elsewhere.example/oauth2/token' },
    'for the FHIR base': { aud: `${server.url}/fhir/R4` },
    'of another issuer': { iss: 'ward' },
    'without an id': { jti: undefined },
    'without an expiry': { exp: undefined },
    'not valid yet': { nbf: inSeconds(200) },
  }
  for (const [name, claims] of Object.entries(unsound)) {
    const answer = await ask(asserting(await rsa.assertion({ ...lab(), ...claims })))
    assert.equal(answer.status, 401, name)
    assert.deepEqual(answer.body, { error: 'invalid_client', error_description: 'client authentication failed' }, name)
  }
})

test('an address the client was lured to is no audience, even if the Host header says so', async () => {
  const form = new URLSearchParams(
    asserting(await rsa.assertion({ ...lab(), aud: 'http://evil.example/oauth2/token' })),
  ).toString()
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const headers = {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      'content-type': 'application/x-www-form-urlencoded',
    }
    request(`${server.url}/oauth2/token`, { method: 'POST', headers }, (response) =>
      resolve(response.resume().statusCode),
    )
      .on('error', reject)
      .end(form)
  })
  assert.equal(status, 401)
})

test('a signature by another key, client or algorithm is refused', async () => {
  const stranger = await clientKey('RS384', 'key-1')
  assert.equal((await ask(asserting(await stranger.assertion(lab())))).status, 401)
  // The key id of one client with the key of another: key ids are looked up within the client.
  const ward = { iss: 'ward', sub: 'ward', aud: server.identity.tokenEndpoint }
  assert.equal((await ask(asserting(await rsa.assertion(ward)))).status, 401)
  assert.equal((await ask(asserting(await rsa.assertion(lab(), { kid: 'key-2' })))).status, 401)
  const es256 = await clientKey('ES256', 'key-1')
  assert.equal((await ask(asserting(await es256.assertion(ward)))).status, 401)
  const none = new UnsecuredJWT({ ...lab(), jti: 'x', exp: inSeconds(60) }).encode()
  assert.equal((await ask(asserting(none))).status, 401)
})

test('assertions that fail never make the client wait, since they cannot be guessed', async () => {
  const stranger = await clientKey('RS384', 'key-1')
  for (let i = 0; i < 8; i++) assert.equal((await ask(asserting(await stranger.assertion(lab())))).status, 401)
  assert.equal((await ask(asserting(await rsa.assertion(lab())))).status, 200)
})

test('what cannot be read as an assertion is refused', async () => {
  for (const assertion of ['x', 'a.b.c', 'e30.e30.', `${'x'.repeat(4_000)}.y.z`]) {
    const answer = await ask(asserting(assertion))
    assert.ok(answer.status === 400 || answer.status === 401)
  }
  const wrongType = { ...asserting(await rsa.assertion(lab())), client_assertion_type: 'urn:other' }
  assert.equal((await ask(wrongType)).status, 400)
})

test('a client with a key cannot use a secret', async () => {
  const answer = await ask({ grant_type: 'client_credentials', client_id: 'lab', client_secret: 'anything' })
  assert.equal(answer.status, 401)
})

test('a key set behind an address is fetched once and kept for a while', async () => {
  let keys = [rsa.publicJwk]
  let fetched = 0
  const own = await startIdentity(database.database, {
    fetch: () => {
      fetched++
      return Promise.resolve(Response.json({ keys }))
    },
  })
  try {
    const jwksUri = 'https://client.example/jwks.json'
    await own.identity.createClient({ id: 'remote', tenant: 1, scope: 'system/*.rs', jwksUri })
    const claims = { iss: 'remote', sub: 'remote', aud: own.identity.tokenEndpoint }
    assert.equal((await own.ask(asserting(await rsa.assertion(claims)))).status, 200)
    assert.equal((await own.ask(asserting(await rsa.assertion(claims)))).status, 200)
    assert.equal(fetched, 1)
    keys = []
    assert.equal((await own.ask(asserting(await ec.assertion(claims)))).status, 401)
  } finally {
    await own.close()
  }
})

test('key sets that could not verify, or give a private key away, are refused at registration', async () => {
  const { publicJwk } = rsa
  const bad: object[] = [
    { keys: [] },
    { keys: [null] },
    { keys: [{ ...publicJwk, kid: undefined }] },
    { keys: [{ ...publicJwk, d: 'AQAB' }] },
    { keys: [{ ...publicJwk, alg: 'RS256' }] },
    { keys: [{ ...publicJwk, n: 'AQAB' }] },
    { keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'x' }] },
    { keys: [(await clientKey('ES256', 'x')).publicJwk] },
    { keys: Array.from({ length: 11 }, () => publicJwk) },
    {},
  ]
  for (const jwks of bad)
    await assert.rejects(
      server.identity.createClient({ tenant: 1, scope: 'system/*.rs', jwks: jwks as { keys: [] } }),
      (error) => error instanceof FaultError && error.fault.code === 'identity.jwks-invalid',
      JSON.stringify(jwks),
    )
  await assert.rejects(
    server.identity.createClient({ tenant: 1, scope: 'system/*.rs', jwksUri: 'http://client.example/jwks.json' }),
    (error) => error instanceof FaultError && error.fault.code === 'identity.jwks-invalid',
  )
})
