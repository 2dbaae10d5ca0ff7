import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  faultCode,
  startTestServer,
  type TestClient,
  type TestServer,
  testClient,
} from '../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient
before(async () => {
  server = await startTestServer()
  client = await server.client('system/Observation.r')
})
after(() => server.close())

const ALL = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'
const INSTANCE = 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS'
const READ = 'GET, HEAD, OPTIONS'
const ALLOWED: Record<string, string> = {
  '': 'GET, HEAD, POST, OPTIONS',
  _search: 'POST, OPTIONS',
  metadata: READ,
  _history: READ,
  Patient: ALL,
  'Patient/_history': READ,
  'Patient/_search': 'POST, OPTIONS',
  'Patient/never': INSTANCE,
  'Patient/never/_history': READ,
  'Patient/never/_history/1': READ,
  'Patient/never/Observation': READ,
  'Patient/never/Observation/_search': 'POST, OPTIONS',
  'CodeSystem/$lookup': 'GET, HEAD, POST, OPTIONS',
  AuditEvent: 'GET, OPTIONS',
  'AuditEvent/log-0-0': 'GET, OPTIONS',
  'AuditEvent/_search': 'POST, OPTIONS',
}

for (const [path, allow] of Object.entries(ALLOWED))
  test(`OPTIONS /${path} names what the address takes, and tells nothing of the record`, async () => {
    const answer = await client.send('OPTIONS', path)
    assert.deepEqual([answer.status, answer.headers.get('allow'), answer.text], [204, allow, ''])
  })

test('OPTIONS of nothing is not found, and without a token it is refused', async () => {
  assert.equal(faultCode(await client.send('OPTIONS', 'Nonsense')), 'fhir.type-unknown')
  for (const path of ['metadata/x', 'Patient/1/2/3/4'])
    assert.equal(faultCode(await client.send('OPTIONS', path)), 'fhir.http.unknown-address', path)
  const nobody = testClient({ fhirBase: server.fhirBase, id: 'nobody', token: '' })
  for (const path of ['', 'metadata', 'Patient']) assert.equal((await nobody.send('OPTIONS', path)).status, 401, path)
})
