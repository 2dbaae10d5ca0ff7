import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type Answer,
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient

before(async () => {
  server = await startTestServer()
  client = await server.client()
})
after(() => server.close())

const patient = (more: Json = {}): Json => ({ resourceType: 'Patient', name: [{ family: 'Lind' }], ...more })
const batch = (entry: Json[], who = client): Promise<Answer> =>
  who.post('', { resourceType: 'Bundle', type: 'batch', entry })
const entry = (method: string, url: string, resource?: Json, more: Json = {}): Json => ({
  ...(resource ? { resource } : {}),
  request: { method, url, ...more },
})

test('each entry stands alone: some fail, the others are done', async () => {
  const { id } = (await client.post('Patient', patient())).body
  const answer = await batch([
    entry('POST', 'Patient', patient()),
    entry('POST', 'Patient', { resourceType: 'Patient', gender: 'Secretname' }),
    entry('GET', `Patient/${id}`),
    entry('GET', 'Patient/never'),
    entry('PUT', 'Patient/batch-put', patient({ id: 'batch-put' })),
    entry('PUT', `Patient/${id}`, patient({ id }), { ifMatch: 'W/"9"' }),
    entry('DELETE', 'Patient/never'),
    entry('GET', 'Patient?name=Lind&_summary=count'),
    entry('GET', `Patient/${id}`, undefined, { ifNoneMatch: 'W/"1"' }),
    entry('POST', '', { resourceType: 'Bundle', type: 'batch' }),
    entry('GET', `Patient/${id}/_history`),
    entry('GET', 'metadata'),
  ])
  assert.equal(answer.status, 200)
  assert.equal(answer.body.type, 'batch-response')
  const statuses = answer.body.entry.map((one: Json) => one.response.status)
  assert.deepEqual(statuses.slice(0, 11), ['201', '422', '200', '404', '201', '412', '204', '200', '304', '404', '200'])
  assert.doesNotMatch(answer.text, /Secretname/)
  assert.equal(answer.body.entry[1].response.outcome.resourceType, 'OperationOutcome')
  assert.equal(answer.body.entry[2].resource.id, id)
  assert.equal((await client.get('Patient/batch-put')).status, 200)
  assert.equal((await client.get(`Patient/${id}`)).body.meta.versionId, '1')
})

test('a batch of several hundred entries is answered in order', async () => {
  const entries = Array.from({ length: 300 }, (_, i) =>
    entry('POST', 'Basic', { resourceType: 'Basic', code: { text: `n${i}` } }),
  )
  const answer = await batch(entries)
  const stored: Answer[] = await Promise.all(answer.body.entry.map((one: Json) => client.get(one.response.location)))
  assert.deepEqual(
    stored.map((one) => one.body.code.text),
    entries.map((_, i) => `n${i}`),
  )
})

test('ifNoneExist many times in one batch makes one resource', async () => {
  const resource = patient({ identifier: [{ system: 'urn:b', value: '1' }] })
  const answer = await batch(
    Array.from({ length: 20 }, () => entry('POST', 'Patient', resource, { ifNoneExist: 'identifier=urn:b|1' })),
  )
  const locations = answer.body.entry.map((one: Json) => one.response.location)
  assert.equal(new Set(locations).size, 1)
  assert.equal((await client.get('Patient?identifier=urn:b|1&_summary=count')).body.total, 1)
})

test('each entry needs its own scope, and a refused one is in the audit', async () => {
  const reader = await server.client('system/Patient.rs')
  const { id } = (await client.post('Patient', patient())).body
  const answer = await batch(
    [entry('GET', `Patient/${id}`), entry('POST', 'Patient', patient()), entry('GET', 'Observation?status=final')],
    reader,
  )
  assert.deepEqual(
    answer.body.entry.map((one: Json) => one.response.status),
    ['200', '403', '403'],
  )
  const refusals = (await server.audit({ action: 'refusal' })).filter((record) => record.client === reader.id)
  assert.equal(refusals.length, 2)
})

test('the Bundle itself must be sound', async () => {
  const malformed = await batch([{ request: { url: 'Patient' } }])
  assert.equal(malformed.status, 400)
  assert.equal(faultCode(malformed), 'fhir.bundle.entry-malformed')
})
