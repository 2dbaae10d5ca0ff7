import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { FaultError } from '#kernel'
import {
  basic,
  type IdentityServer,
  type OpenTestDatabase,
  openTestDatabase,
  startIdentity,
} from '../../../../test/fixtures/identity.ts'
import type { Login } from './token-endpoint.ts'

const GRANT = { grant_type: 'client_credentials' }
let database: OpenTestDatabase
let server: IdentityServer
let audit: (login: Login) => Promise<void>
const logins: Login[] = []

before(async () => {
  database = await openTestDatabase()
  server = await startIdentity(database.database, { onLogin: (login) => audit(login) })
  await server.identity.createClient({ id: 'loader', tenant: 1, scope: 'system/*.cruds', secret: 'loader-secret' })
})
after(async () => {
  await server.close()
  await database.close()
})
const record = (login: Login): Promise<void> => {
  logins.push(login)
  return Promise.resolve()
}
audit = record
afterEach(() => {
  audit = record
  logins.length = 0
})

test('each token and each refusal is audited once, with the client only when it is registered', async () => {
  await server.ask(GRANT, basic('loader', 'loader-secret'))
  await server.ask(GRANT, basic('loader', 'wrong'))
  await server.ask(GRANT, basic('Mrs Jane Doe', 'wrong'))
  await server.ask({ ...GRANT, scope: 'openid' }, basic('loader', 'loader-secret'))
  await server.ask(GRANT)
  await fetch(`${server.url}/oauth2/token`, { method: 'POST', body: 'x'.repeat(9_000) })
  assert.deepEqual(
    logins.map(({ tenant, client, outcome }) => [tenant, client, outcome]),
    [
      [1, 'loader', 'success'],
      [1, 'loader', 'refused'],
      [0, '', 'refused'],
      [1, 'loader', 'refused'],
      [0, '', 'refused'],
      [0, '', 'refused'],
    ],
  )
  assert.equal(new Set(logins.map((login) => login.requestId)).size, 6)
})

test('the answer waits for the audit record', async () => {
  const order: string[] = []
  let release: (() => void) | undefined
  audit = () =>
    new Promise<void>((resolve) => {
      order.push('asked')
      release = () => {
        order.push('durable')
        resolve()
      }
      setImmediate(() => release?.())
    })
  await server.ask(GRANT, basic('loader', 'loader-secret'))
  order.push('answered')
  assert.deepEqual(order, ['asked', 'durable', 'answered'])
})

test('without an audit record there is no token: 503', async () => {
  audit = () =>
    Promise.reject(new FaultError({ category: 'unavailable', code: 'audit.unavailable', message: 'Retry later.' }))
  const answer = await server.ask(GRANT, basic('loader', 'loader-secret'))
  assert.equal(answer.status, 503)
  assert.equal(answer.body['error'], 'temporarily_unavailable')
  assert.equal(answer.body['access_token'], undefined)
  const large = await fetch(`${server.url}/oauth2/token`, { method: 'POST', body: 'x'.repeat(9_000) })
  assert.equal(large.status, 503)
})

test('a client that keeps failing waits, others do not, and the wait ends', async () => {
  for (let i = 0; i < 5; i++) assert.equal((await server.ask(GRANT, basic('loader', 'wrong'))).status, 401)
  const refused = await server.ask(GRANT, basic('loader', 'loader-secret'))
  assert.equal(refused.status, 429)
  assert.equal(refused.headers.get('retry-after'), '1')
  assert.equal(refused.body['error'], 'slow_down')
  const elsewhere = { ...basic('loader', 'loader-secret'), 'x-test-address': '10.0.0.9' }
  assert.equal((await server.ask(GRANT, elsewhere)).status, 200)
  await server.identity.createClient({ id: 'neighbour', tenant: 1, scope: 'system/*.rs', secret: 'neighbour-secret' })
  assert.equal((await server.ask(GRANT, basic('neighbour', 'neighbour-secret'))).status, 200)
  server.clock.forward(1_100)
  assert.equal((await server.ask(GRANT, basic('loader', 'loader-secret'))).status, 200)
  assert.equal((await server.ask(GRANT, basic('loader', 'wrong'))).status, 401)
})

test('no secret and no unregistered client id reaches the log', () => {
  const log = server.logLines.join('')
  assert.doesNotMatch(log, /loader-secret|wrong|Jane/)
})
