import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import {
  type Answer,
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
  testClient,
} from '../../../../../test/fixtures/server.ts'

let server: TestServer
let all: TestClient
let id: string

const patient = { resourceType: 'Patient', active: true, identifier: [{ system: 'urn:a', value: '1' }] }
const bundle = (type: string, entry: Json[]): Json => ({ resourceType: 'Bundle', type, entry })

before(async () => {
  server = await startTestServer()
  all = await server.client()
  id = (await all.post('Patient', patient)).body.id
})
after(() => server.close())

type Ask = (client: TestClient) => Promise<Answer>
const change = [{ op: 'replace', path: '/active', value: false }]

/** Each interaction, and the letters without any one of which it must be refused. */
const INTERACTIONS: Record<string, [needs: string, ask: Ask]> = {
  read: ['r', (client) => client.get(`Patient/${id}`)],
  'read of nothing': ['r', (client) => client.get('Patient/never')],
  vread: ['r', (client) => client.get(`Patient/${id}/_history/1`)],
  'history of one': ['r', (client) => client.get(`Patient/${id}/_history`)],
  'history of a type': ['r', (client) => client.get('Patient/_history')],
  create: ['c', (client) => client.post('Patient', patient)],
  'conditional create': ['cs', (client) => client.post('Patient', patient, { 'if-none-exist': 'identifier=urn:a|1' })],
  update: ['u', (client) => client.put(`Patient/${id}`, { ...patient, id })],
  'conditional update': ['us', (client) => client.put('Patient?identifier=urn:a|9', patient)],
  patch: ['u', (client) => client.patch(`Patient/${id}`, change)],
  'conditional patch': ['us', (client) => client.patch('Patient?identifier=urn:a|8', change)],
  delete: ['d', (client) => client.delete('Patient/never')],
  'conditional delete': ['ds', (client) => client.delete('Patient?identifier=urn:a|8')],
  search: ['s', (client) => client.get('Patient?active=true')],
  'search by POST': [
    's',
    (client) => client.post('Patient/_search', 'active=true', { 'content-type': 'application/x-www-form-urlencoded' }),
  ],
  'create in a transaction': [
    'c',
    (client) =>
      client.post('', bundle('transaction', [{ resource: patient, request: { method: 'POST', url: 'Patient' } }])),
  ],
  'delete in a transaction': [
    'd',
    (client) => client.post('', bundle('transaction', [{ request: { method: 'DELETE', url: 'Patient/never' } }])),
  ],
}

for (const [name, [needs, ask]] of Object.entries(INTERACTIONS))
  test(`${name} needs ${[...needs].join(' and ')} on the type, and a refusal is in the audit`, async () => {
    const letters = [...'cruds'].filter((letter) => needs.includes(letter)).join('')
    const allowed = await ask(await clientWith(`system/Patient.${letters}`))
    assert.notEqual(allowed.status, 403)
    assert.ok(allowed.status < 500)
    for (const missing of needs) {
      const others = [...'cruds'].filter((letter) => letter !== missing).join('')
      const refused = await ask(await clientWith(`system/Patient.${others} system/Observation.cruds`))
      assert.equal(refused.status, 403, `without ${missing}`)
      assert.ok(['fhir.forbidden', 'fhir.search.forbidden'].includes(faultCode(refused) ?? ''))
      const records = await server.audit({ limit: 50 })
      assert.deepEqual(
        records
          .filter((record) => record.requestId === refused.headers.get('x-request-id'))
          .map((record) => [record.action, record.outcome]),
        [['refusal', 'refused']],
      )
    }
  })

const clients = new Map<string, Promise<TestClient>>()
/** One client per scope: each costs two hashes of a secret. */
function clientWith(scope: string): Promise<TestClient> {
  const known = clients.get(scope) ?? server.client(scope)
  clients.set(scope, known)
  return known
}

test('the history of the whole record needs the right to read every type', async () => {
  assert.equal((await (await server.client('system/*.r')).get('_history')).status, 200)
  assert.equal((await (await server.client('system/Patient.r system/Observation.r')).get('_history')).status, 403)
})

test('a conditional reference and a chain need the right to search their target', async () => {
  const observation = { resourceType: 'Observation', status: 'final', code: { text: 'x' } }
  const client = await server.client('system/Observation.cruds')
  const reference = bundle('transaction', [
    {
      resource: { ...observation, subject: { reference: 'Patient?identifier=urn:a|1' } },
      request: { method: 'POST', url: 'Observation' },
    },
  ])
  assert.equal((await client.post('', reference)).status, 403)
  assert.equal((await client.get('Observation?subject:Patient.identifier=urn:a|1')).status, 403)
  assert.equal((await client.get('Patient?_has:Observation:subject:code=x')).status >= 400, true)
})

test('_include and _revinclude bring nothing the client may not read', async () => {
  const observation = {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'x' },
    subject: { reference: `Patient/${id}` },
  }
  await all.post('Observation', observation)
  const client = await server.client('system/Observation.rs')
  const answer = await client.get('Observation?_include=Observation:subject')
  assert.ok(answer.status === 403 || !answer.text.includes('"Patient",'), answer.text)
  if (answer.status === 200)
    assert.ok(answer.body.entry.every((entry: Json) => entry.resource.resourceType !== 'Patient'))
})

test('a batch or transaction as such needs a token, and each entry its scope', async () => {
  const client = await server.client('system/Observation.r')
  assert.equal((await client.post('', bundle('batch', []))).status, 200)
})

test('without a valid token everything but the CapabilityStatement is refused', async () => {
  const nobody = testClient({ fhirBase: server.fhirBase, id: 'nobody', token: '' })
  assert.equal((await nobody.get('metadata')).status, 200)
  for (const token of ['', 'nonsense', `${all.token}x`, `${all.token.split('.').slice(0, 2).join('.')}.`]) {
    const client = testClient({ fhirBase: server.fhirBase, id: 'x', token })
    for (const [name, [, ask]] of Object.entries(INTERACTIONS)) {
      const answer = await ask(client)
      assert.equal(answer.status, 401, name)
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/)
      assert.equal(answer.body.resourceType, 'OperationOutcome')
    }
    for (const path of [
      'metadata/x',
      'Nonsense',
      '',
      'metadata?x',
      '_history',
      'AuditEvent',
      '/metadata',
      'x/../metadata',
    ])
      if (path !== 'metadata?x' && path !== 'x/../metadata') assert.equal((await client.get(path)).status, 401, path)
    assert.equal((await client.post('metadata', patient)).status, 401)
  }
  const basic = await fetch(`${server.fhirBase}/Patient`, { headers: { authorization: 'Basic dXNlcjpwYXNz' } })
  assert.equal(basic.status, 401)
  const inQuery = await fetch(`${server.fhirBase}/Patient?access_token=${all.token}`)
  assert.equal(inQuery.status, 401)
})

test('the body of an unauthenticated request is not read: the answer comes before its end', async () => {
  const { status, connection } = await new Promise<{ status: number | undefined; connection: string | undefined }>(
    (resolve, reject) => {
      const post = request(
        `${server.fhirBase}/Patient`,
        { method: 'POST', headers: { 'content-type': 'application/fhir+json', 'content-length': '1000000' } },
        (response) => {
          response.resume()
          resolve({ status: response.statusCode, connection: response.headers.connection })
          post.destroy()
        },
      )
      post.on('error', reject)
      post.write('{"resourceType":')
    },
  )
  assert.equal(status, 401)
  assert.equal(connection, 'close')
})

test('a refused token is in the audit, under the client it claims to be only if it is that client', async () => {
  const before = (await server.audit({ action: 'login', limit: 500 })).filter(
    (record) => record.outcome === 'refused',
  ).length
  await testClient({ fhirBase: server.fhirBase, id: 'x', token: 'nonsense' }).get('Patient')
  const after = (await server.audit({ action: 'login', limit: 500 })).filter((record) => record.outcome === 'refused')
  assert.ok(after.length >= before)
})

test('a refused wish for the answer does not tell whether the resource is there', async () => {
  for (const wish of ['_summary=nonsense', '_elements=']) {
    const [here, missing] = [await all.get(`Patient/${id}?${wish}`), await all.get(`Patient/never?${wish}`)]
    if (here.status === 200) continue
    assert.deepEqual([here.status, here.text], [missing.status, missing.text])
    const past = await all.get(`Patient/${id}/_history/1?${wish}`)
    assert.deepEqual([past.status, past.text], [missing.status, missing.text])
  }
  assert.equal((await all.get(`Patient/${id}?_summary=nonsense`)).status, 400)
})

test('an operation that is refused after its resource was opened is recorded as an access that failed', async () => {
  const client = await server.client()
  assert.equal((await client.get(`Patient/${id}/$validate?mode=nonsense`)).status, 400)
  const [record] = (await server.audit({ action: 'operation' })).filter((one) => one.client === client.id)
  assert.equal(record?.outcome, 'failed')
  assert.equal(record?.patients.length, 1)
})
