import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, mock, test } from 'node:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import {
  type Answer,
  asserting,
  basic,
  clientKey,
  type IdentityServer,
  type OpenTestDatabase,
  openTestDatabase,
  startIdentity,
} from '../../../../test/fixtures/identity.ts'

const GRANT = { grant_type: 'client_credentials' }
const SECRET = 'a secret with spaces'
let database: OpenTestDatabase
let server: IdentityServer

const spoken = (['debug', 'info', 'log', 'warn', 'error'] as const).map((level) => mock.method(console, level))

before(async () => {
  database = await openTestDatabase()
  server = await startIdentity(database.database)
  await server.identity.createClient({ id: 'reader', tenant: 1, scope: 'system/*.rs', secret: SECRET })
})
after(async () => {
  await server.close()
  await database.close()
})

const asReader = (): Record<string, string> => basic('reader', encodeURIComponent(SECRET))

test('client_secret_basic gets a token of the registered scope, for the FHIR API and this tenant', async () => {
  const answer = await server.ask(GRANT, asReader())
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  assert.deepEqual(
    { ...answer.body, access_token: '' },
    {
      access_token: '',
      expires_in: 900,
      scope: 'system/*.rs',
      token_type: 'Bearer',
    },
  )
  const token = String(answer.body['access_token'])
  assert.equal(decodeProtectedHeader(token).alg, 'ES256')
  const { iat = 0, exp = 0, jti, ...claims } = decodeJwt(token)
  assert.equal(exp - iat, 900)
  assert.ok(jti)
  assert.deepEqual(claims, {
    iss: server.url,
    aud: `${server.url}/fhir/R4`,
    sub: 'reader',
    client_id: 'reader',
    client_version: 1,
    tenant: 1,
    scope: 'system/*.rs',
  })
  const principal = await server.identity.authenticate(`Bearer ${token}`)
  assert.equal(principal.client, 'reader')
  assert.equal(principal.tenant, 1)
  assert.equal(principal.expires, exp * 1_000)
  assert.equal(principal.scopes.allows('Patient', 'r'), true)
  assert.equal(principal.scopes.allows('Patient', 'c'), false)
})

test('client_secret_post works as well', async () => {
  const answer = await server.ask({ ...GRANT, client_id: 'reader', client_secret: SECRET })
  assert.equal(answer.status, 200)
})

test('the granted scope is what is both asked for and registered', async () => {
  const scopeOf = async (scope: string): Promise<unknown> =>
    (await server.ask({ ...GRANT, scope }, asReader())).body['scope']
  assert.equal(await scopeOf('system/Patient.rs'), 'system/Patient.rs')
  assert.equal(await scopeOf('system/Patient.cruds openid user/*.rs'), 'system/Patient.rs')
  assert.equal(await scopeOf('system/*.read'), 'system/*.rs')
  assert.equal(await scopeOf('system/*.*'), 'system/*.rs')
})

test('asking only for what is not registered is invalid_scope', async () => {
  for (const scope of ['system/*.c', 'system/Patient.write', 'openid', 'nonsense', 'system/Observation.rs?code=x']) {
    const answer = await server.ask({ ...GRANT, scope }, asReader())
    assert.equal(answer.status, 400, scope)
    assert.equal(answer.body['error'], 'invalid_scope', scope)
    assert.equal(answer.body['access_token'], undefined)
  }
})

test('an unknown client, a wrong secret and a disabled client are answered alike', async () => {
  await server.identity.createClient({ id: 'retired', tenant: 1, scope: 'system/*.rs', secret: SECRET })
  await server.identity.disableClient('retired')
  const seen = (answer: Answer): unknown => {
    const headers = Object.fromEntries(answer.headers)
    return { status: answer.status, body: answer.body, headers: { ...headers, date: '' } }
  }
  const wrong = seen(await server.ask(GRANT, basic('reader', 'not the secret')))
  assert.equal((wrong as Answer).status, 401)
  assert.deepEqual(seen(await server.ask(GRANT, basic('nobody-here', 'not the secret'))), wrong)
  assert.deepEqual(seen(await server.ask(GRANT, basic('retired', encodeURIComponent(SECRET)))), wrong)
  assert.deepEqual(seen(await server.ask(GRANT, basic('no such/../client', 'not the secret'))), wrong)
})

test('only the client credentials grant exists', async () => {
  for (const grant of ['authorization_code', 'refresh_token', 'password', 'implicit', '']) {
    const answer = await server.ask({ grant_type: grant, code: 'x' }, asReader())
    assert.equal(answer.status, 400, grant)
    assert.match(String(answer.body['error']), /^(unsupported_grant_type|invalid_request)$/)
  }
  assert.equal(
    (await server.ask({ ...GRANT, resource: 'https://other.example/fhir' }, asReader())).body['error'],
    'invalid_target',
  )
})

test('a request without credentials, with two kinds of them, or given twice is refused', async () => {
  assert.equal((await server.ask(GRANT)).status, 400)
  assert.equal((await server.ask({ ...GRANT, client_id: 'reader' })).status, 401)
  assert.equal((await server.ask({ ...GRANT, client_id: 'reader', client_secret: SECRET }, asReader())).status, 400)
  const twice = await fetch(`${server.url}/oauth2/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `grant_type=client_credentials&client_id=reader&client_id=other&client_secret=${SECRET}`,
  })
  assert.equal(twice.status, 400)
  const json = await fetch(`${server.url}/oauth2/token`, {
    method: 'POST',
    headers: { ...asReader(), 'content-type': 'application/json' },
    body: JSON.stringify(GRANT),
  })
  assert.equal(json.status, 400)
})

test('a body above 8 kB is refused, also when its length is not announced', async () => {
  const body = `grant_type=client_credentials&scope=${'x'.repeat(9_000)}`
  const headers = { ...asReader(), 'content-type': 'application/x-www-form-urlencoded' }
  const announced = await fetch(`${server.url}/oauth2/token`, { method: 'POST', headers, body })
  assert.equal(announced.status, 413)
  const stream = new Blob([body]).stream()
  const chunked = await fetch(`${server.url}/oauth2/token`, { method: 'POST', headers, body: stream, duplex: 'half' })
  assert.equal(chunked.status, 413)
  const small = new Blob(['grant_type=client_credentials']).stream()
  const fine = await fetch(`${server.url}/oauth2/token`, { method: 'POST', headers, body: small, duplex: 'half' })
  assert.equal(fine.status, 200)
})

test('nothing of oidc-provider answers but the token endpoint and the key set', async () => {
  const get = await fetch(`${server.url}/oauth2/token`)
  assert.equal(get.status, 405)
  assert.equal(get.headers.get('allow'), 'POST')
  for (const path of [
    '/auth',
    '/me',
    '/request',
    '/reg',
    '/session/end',
    '/interaction/x',
    '/token',
    '/jwks',
    '/.well-known/openid-configuration',
    '/oauth2/token/introspection',
  ])
    for (const method of ['GET', 'POST']) {
      const answer = await fetch(server.url + path, { method })
      assert.equal(answer.status, 404, `${method} ${path}`)
    }
})

test('the key set publishes public keys only', async () => {
  const answer = await fetch(`${server.url}/oauth2/jwks`)
  assert.equal(answer.status, 200)
  const { keys } = (await answer.json()) as { keys: Record<string, unknown>[] }
  assert.equal(keys.length, 1)
  assert.deepEqual(Object.keys(keys[0] ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
})

test('the discovery documents claim what is there', async () => {
  const smart = server.identity.wellKnown('/.well-known/smart-configuration') as Record<string, unknown>
  assert.equal(smart['token_endpoint'], `${server.url}/oauth2/token`)
  assert.deepEqual(smart['grant_types_supported'], ['client_credentials'])
  assert.equal(smart['authorization_endpoint'], undefined)
  assert.equal(server.identity.wellKnown('/fhir/R4/.well-known/smart-configuration'), smart)
  const oauth = server.identity.wellKnown('/.well-known/oauth-authorization-server') as Record<string, unknown>
  assert.equal(oauth['issuer'], server.url)
  assert.equal(oauth['jwks_uri'], `${server.url}/oauth2/jwks`)
  assert.equal(server.identity.wellKnown('/.well-known/openid-configuration'), undefined)
})

test('a key set at a private address is not fetched', async () => {
  const jwksUri = 'https://127.0.0.1:9/jwks.json'
  await server.identity.createClient({ id: 'inward', tenant: 1, scope: 'system/*.rs', jwksUri })
  const key = await clientKey('ES384', 'k')
  const claims = { iss: 'inward', sub: 'inward', aud: server.identity.tokenEndpoint }
  assert.equal((await server.ask(asserting(await key.assertion(claims)))).status, 401)
})

test('a client that hangs up while sending leaves no trace in the log', async () => {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  const closed = once(socket, 'close')
  socket.write('POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ngrant')
  socket.end()
  socket.resume()
  await closed
  assert.equal((await server.ask(GRANT, asReader())).status, 200)
  assert.deepEqual(
    server.logLines.filter((line) => line.includes('"level":50')),
    [],
  )
})

test('oidc-provider wrote nothing to the console in all of this', () => {
  for (const { mock: heard } of spoken)
    assert.deepEqual(
      heard.calls.map((call) => call.arguments),
      [],
    )
})
