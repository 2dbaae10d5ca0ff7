import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  CompactSign,
  decodeJwt,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose'
import { FaultError } from '#kernel'
import {
  basic,
  type IdentityServer,
  markingSealer,
  type OpenTestDatabase,
  openTestDatabase,
  startIdentity,
} from '../../../../test/fixtures/identity.ts'
import { createIdentityStore } from './store.ts'

let database: OpenTestDatabase
let server: IdentityServer

before(async () => {
  database = await openTestDatabase()
  server = await startIdentity(database.database)
  await server.identity.createClient({ id: 'app', tenant: 1, scope: 'system/*.rs', secret: 'app-secret' })
})
after(async () => {
  await server.close()
  await database.close()
})

async function tokenOf(id: string, at = server): Promise<string> {
  const answer = await at.ask({ grant_type: 'client_credentials' }, basic(id, `${id}-secret`))
  assert.equal(answer.status, 200)
  return String(answer.body['access_token'])
}

async function refusal(authorization: string | undefined, at = server): Promise<string> {
  try {
    await at.identity.authenticate(authorization)
  } catch (error) {
    if (error instanceof FaultError) return `${error.fault.category} ${error.fault.code}`
    throw error
  }
  return 'accepted'
}

const INVALID = 'unauthenticated identity.token-invalid'
const MISSING = 'unauthenticated identity.token-missing'

/** The key this server signs with, to make tokens it would not make. */
async function signed(claims: JWTPayload, header: object = {}): Promise<string> {
  const [row] = await createIdentityStore(database.database).signingKeys(0)
  assert.ok(row)
  const text = await markingSealer.openText('signing-key', 1, row.sealed, row.kid)
  const jwk = JSON.parse(text ?? '') as JWK
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: row.kid, ...header })
    .sign(await importJWK(jwk, 'ES256'))
}

test('no header, another scheme and an empty token are refused', async () => {
  assert.equal(await refusal(undefined), MISSING)
  assert.equal(await refusal(''), MISSING)
  assert.equal(await refusal(basic('app', 'app-secret').authorization), MISSING)
  assert.equal(await refusal('Bearer'), MISSING)
  assert.equal(await refusal('Bearer '), INVALID)
  assert.equal(await refusal(`Bearer ${'x'.repeat(9_000)}`), INVALID)
})

test('the scheme is not case-sensitive, and a token may be used again and again', async () => {
  const token = await tokenOf('app')
  for (const scheme of ['Bearer', 'bearer', 'BEARER'])
    assert.equal((await server.identity.authenticate(`${scheme} ${token}`)).client, 'app')
})

test('a tampered token is refused, and so is each of its parts in another', async () => {
  const token = await tokenOf('app')
  const [header = '', payload = '', signature = ''] = token.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as JWTPayload
  const more = Buffer.from(JSON.stringify({ ...claims, scope: 'system/*.cruds' })).toString('base64url')
  const elsewhere = Buffer.from(JSON.stringify({ ...claims, tenant: 2 })).toString('base64url')
  assert.equal(await refusal(`Bearer ${header}.${more}.${signature}`), INVALID)
  assert.equal(await refusal(`Bearer ${header}.${elsewhere}.${signature}`), INVALID)
  assert.equal(await refusal(`Bearer ${header}.${payload}.${signature.slice(0, -2)}AA`), INVALID)
  assert.equal(await refusal(`Bearer ${header}.${payload}.`), INVALID)
  assert.equal(await refusal(`Bearer ${token}.x`), INVALID)
})

test('alg none and symmetric algorithms are refused', async () => {
  const claims = decodeJwt(await tokenOf('app'))
  assert.equal(await refusal(`Bearer ${new UnsecuredJWT(claims).encode()}`), INVALID)
  const [row] = await createIdentityStore(database.database).signingKeys(0)
  const jwks = (await (await fetch(`${server.url}/oauth2/jwks`)).json()) as { keys: object[] }
  const hmac = await new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: row?.kid ?? '' })
    .sign(Buffer.from(JSON.stringify(jwks.keys[0])))
  assert.equal(await refusal(`Bearer ${hmac}`), INVALID)
})

test('a stranger’s key is refused under our key id, under its own, and inside the header', async () => {
  const claims = decodeJwt(await tokenOf('app'))
  const stranger = await generateKeyPair('ES256', { extractable: true })
  const [row] = await createIdentityStore(database.database).signingKeys(0)
  const jwk = await exportJWK(stranger.publicKey)
  for (const header of [{ kid: row?.kid ?? '' }, { kid: 'other' }, {}, { kid: row?.kid ?? '', jwk }]) {
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', ...header })
      .sign(stranger.privateKey)
    assert.equal(await refusal(`Bearer ${token}`), INVALID)
  }
})

test('our own signature on other claims is refused', async () => {
  const sound = decodeJwt(await tokenOf('app'))
  assert.equal(await refusal(`Bearer ${await signed(sound)}`), 'accepted')
  const wrong: JWTPayload[] = [
    { ...sound, aud: 'https://other.example/fhir' },
    { ...sound, aud: `${server.url}/oauth2/token` },
    { ...sound, iss: 'https://other.example' },
    { ...sound, client_version: 2 },
    { ...sound, client_version: '1' },
    { ...sound, tenant: 2 },
    { ...sound, tenant: '1' },
    { ...sound, tenant: undefined },
    { ...sound, client_id: 'unknown' },
    { ...sound, client_id: 5 },
    { ...sound, scope: undefined },
    { ...sound, exp: undefined as unknown as number },
    { ...sound, nbf: (sound.exp ?? 0) - 10 },
  ]
  for (const claims of wrong)
    assert.equal(await refusal(`Bearer ${await signed(claims)}`), INVALID, JSON.stringify(claims))
  assert.equal(await refusal(`Bearer ${await signed(sound, { typ: 'JWT' })}`), INVALID)
})

test('a token of another Salus is refused', async () => {
  const other = await openTestDatabase()
  const elsewhere = await startIdentity(other.database)
  try {
    await elsewhere.identity.createClient({ id: 'app', tenant: 1, scope: 'system/*.rs', secret: 'app-secret' })
    assert.equal(await refusal(`Bearer ${await tokenOf('app', elsewhere)}`), INVALID)
  } finally {
    await elsewhere.close()
    await other.close()
  }
})

test('another process on the same database accepts the token', async () => {
  const sibling = await startIdentity(database.database, { issuer: server.url, fhirBase: `${server.url}/fhir/R4` })
  try {
    assert.equal(await refusal(`Bearer ${await tokenOf('app')}`, sibling), 'accepted')
  } finally {
    await sibling.close()
  }
})

test('an expired token is refused, seen before or not', async () => {
  const own = await startIdentity(database.database)
  try {
    const [seen, unseen] = [await tokenOf('app', own), await tokenOf('app', own)]
    assert.equal(await refusal(`Bearer ${seen}`, own), 'accepted')
    own.clock.forward(901_000)
    for (const token of [seen, unseen])
      assert.equal(await refusal(`Bearer ${token}`, own), 'unauthenticated identity.token-expired')
  } finally {
    await own.close()
  }
})

test('a disabled client’s token dies at once where it was disabled and within 5 s elsewhere', async () => {
  await server.identity.createClient({ id: 'doomed', tenant: 1, scope: 'system/*.rs', secret: 'doomed-secret' })
  const sibling = await startIdentity(database.database, { issuer: server.url, fhirBase: `${server.url}/fhir/R4` })
  try {
    const token = `Bearer ${await tokenOf('doomed')}`
    assert.equal(await refusal(token), 'accepted')
    assert.equal(await refusal(token, sibling), 'accepted')
    await server.identity.disableClient('doomed')
    assert.equal(await refusal(token), INVALID)
    sibling.clock.forward(5_001)
    assert.equal(await refusal(token, sibling), INVALID)
    assert.equal(await refusal(token, sibling), INVALID)
  } finally {
    await sibling.close()
  }
})

test('the tenant comes from the client’s registration and nothing the client sends', async () => {
  const tenant = await server.identity.createTenant('second')
  assert.equal(tenant, 2)
  await server.identity.createClient({ id: 'tenant2', tenant, scope: 'system/*.rs', secret: 'tenant2-secret' })
  const answer = await server.ask(
    { grant_type: 'client_credentials', tenant: '1', client_version: '9' },
    { ...basic('tenant2', 'tenant2-secret'), 'x-tenant': '1' },
  )
  const principal = await server.identity.authenticate(`Bearer ${String(answer.body['access_token'])}`)
  assert.equal(principal.tenant, 2)
})

test('each refused token is reported, by name only when the signature is ours', async () => {
  await server.identity.createClient({ id: 'leaver', tenant: 1, scope: 'system/*.rs', secret: 'leaver-secret' })
  const token = await tokenOf('leaver')
  await server.identity.disableClient('leaver')
  server.refusals.length = 0
  await refusal(undefined)
  await refusal('Bearer rubbish')
  await refusal(`Bearer ${token}`)
  assert.deepEqual(server.refusals, [
    { tenant: 0, client: '', code: 'identity.token-missing' },
    { tenant: 0, client: '', code: 'identity.token-invalid' },
    { tenant: 1, client: 'leaver', code: 'identity.token-invalid' },
  ])
})
