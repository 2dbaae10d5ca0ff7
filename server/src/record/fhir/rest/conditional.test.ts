import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient
let serial = 0

before(async () => {
  server = await startTestServer()
  client = await server.client()
})
after(() => server.close())

const SYSTEM = 'urn:test:mrn'
/** An identifier nobody else has, and how to ask for it. */
function identity(): { value: string; query: string; patient: Json } {
  const value = `n${++serial}`
  const patient = { resourceType: 'Patient', identifier: [{ system: SYSTEM, value }] }
  return { value, query: `identifier=${SYSTEM}|${value}`, patient }
}

async function count(query: string): Promise<number> {
  return (await client.get(`Patient?${query}&_total=accurate`)).body.total
}

test('a conditional create makes one resource and then finds it', async () => {
  const { patient, query } = identity()
  const first = await client.post('Patient', patient, { 'if-none-exist': query })
  assert.equal(first.status, 201)
  const again = await client.post('Patient', { ...patient, active: true }, { 'if-none-exist': query })
  assert.equal(again.status, 200)
  assert.equal(again.body.id, first.body.id)
  assert.equal(again.body.active, undefined, 'what is there is not changed')
  assert.equal(again.headers.get('location'), first.headers.get('location'))
  assert.equal(await count(query), 1)
})

test('a conditional create with several matches is refused', async () => {
  const { patient, query } = identity()
  await client.post('Patient', patient)
  await client.post('Patient', patient)
  const answer = await client.post('Patient', patient, { 'if-none-exist': query })
  assert.equal(answer.status, 412)
  assert.equal(faultCode(answer), 'fhir.condition.multiple')
  assert.equal(await count(query), 2)
})

test('a deleted match is none', async () => {
  const { patient, query } = identity()
  const { id } = (await client.post('Patient', patient)).body
  await client.delete(`Patient/${id}`)
  const answer = await client.post('Patient', patient, { 'if-none-exist': query })
  assert.equal(answer.status, 201)
  assert.notEqual(answer.body.id, id)
})

test('a conditional update creates, then updates; several matches or another id are refused', async () => {
  const { patient, query } = identity()
  const created = await client.put(`Patient?${query}`, patient)
  assert.equal(created.status, 201)
  const updated = await client.put(`Patient?${query}`, { ...patient, active: true })
  assert.equal(updated.status, 200)
  assert.equal(updated.body.id, created.body.id)
  assert.equal(updated.body.meta.versionId, '2')
  const withId = await client.put(`Patient?${query}`, { ...patient, id: created.body.id })
  assert.equal(withId.status, 200)
  const wrongId = await client.put(`Patient?${query}`, { ...patient, id: 'other' })
  assert.equal(wrongId.status, 400)
  assert.equal(faultCode(wrongId), 'fhir.write.id-differs')
  await client.post('Patient', patient)
  const many = await client.put(`Patient?${query}`, patient)
  assert.equal(many.status, 412)
  assert.equal((await client.get('Patient/other')).status, 404)
})

test('a conditional update without a match takes the id of the body', async () => {
  const { patient, query } = identity()
  const created = await client.put(`Patient?${query}`, { ...patient, id: 'cond-chosen' })
  assert.equal(created.status, 201)
  assert.equal(created.body.id, 'cond-chosen')
  assert.equal((await client.get('Patient/cond-chosen')).status, 200)
  const other = identity()
  const taken = await client.put(`Patient?${other.query}`, { ...other.patient, id: 'cond-chosen' })
  assert.equal(taken.status, 409)
  assert.equal(faultCode(taken), 'fhir.write.id-taken')
  assert.deepEqual((await client.get('Patient/cond-chosen')).body.identifier, patient.identifier)
})

test('a conditional patch changes the one match, and neither none nor several', async () => {
  const { patient, query } = identity()
  const change = [{ op: 'add', path: '/active', value: true }]
  assert.equal((await client.patch(`Patient?${query}`, change)).status, 404)
  const { id } = (await client.post('Patient', patient)).body
  const patched = await client.patch(`Patient?${query}`, change)
  assert.equal(patched.status, 200)
  assert.equal(patched.body.id, id)
  assert.equal(patched.body.active, true)
  await client.post('Patient', patient)
  assert.equal((await client.patch(`Patient?${query}`, change)).status, 412)
  assert.equal((await client.get(`Patient/${id}`)).body.meta.versionId, '2')
})

test('a conditional delete ends the one match, and never several', async () => {
  const { patient, query } = identity()
  assert.equal((await client.delete(`Patient?${query}`)).status, 204)
  const first = (await client.post('Patient', patient)).body.id
  assert.equal((await client.delete(`Patient?${query}`)).status, 204)
  assert.equal((await client.get(`Patient/${first}`)).status, 410)
  await client.post('Patient', patient)
  await client.post('Patient', patient)
  assert.equal((await client.delete(`Patient?${query}`)).status, 412)
  assert.equal(await count(query), 2)
})

test('what a condition finds keeps the id that a client chose', async () => {
  const { patient, query } = identity()
  assert.equal((await client.put('Patient/chosen', { ...patient, id: 'chosen' })).status, 201)
  const patched = await client.patch(`Patient?${query}`, [{ op: 'add', path: '/active', value: true }])
  assert.deepEqual([patched.status, patched.body.id], [200, 'chosen'])
  assert.equal((await client.get('Patient/chosen')).body.id, 'chosen')
  assert.equal((await client.delete(`Patient?${query}`)).status, 204)
  const [deleted] = (await client.get('Patient/chosen/_history')).body.entry
  assert.equal(deleted.request.url, 'Patient/chosen')
})

test('a condition that names nothing, or a parameter that does not exist, changes nothing', async () => {
  const { patient } = identity()
  const before = (await client.get('Patient?_summary=count')).body.total
  for (const query of ['', '_count=1', 'unheard=1', '_sort=name', 'identifier=']) {
    for (const answer of [
      await client.put(`Patient?${query}`, patient),
      await client.delete(`Patient?${query}`),
      await client.patch(`Patient?${query}`, [{ op: 'add', path: '/active', value: true }]),
      ...(query === '' ? [] : [await client.post('Patient', patient, { 'if-none-exist': query })]),
    ]) {
      assert.equal(answer.status, 400, `${query}: ${answer.text}`)
      assert.equal(answer.body.resourceType, 'OperationOutcome')
    }
  }
  assert.equal(faultCode(await client.delete('Patient')), 'fhir.condition.empty')
  assert.equal((await client.get('Patient?_summary=count')).body.total, before)
})

test('_format and _pretty are no part of a condition', async () => {
  const { patient, query } = identity()
  assert.equal((await client.put(`Patient?${query}&_format=json&_pretty=true`, patient)).status, 201)
  assert.equal((await client.put(`Patient?${query}`, patient)).status, 200)
})

test('If-Match lets one update through per version', async () => {
  const { patient } = identity()
  const { id } = (await client.post('Patient', patient)).body
  const update = (etag: string) => client.put(`Patient/${id}`, { ...patient, id }, { 'if-match': etag })
  assert.equal((await update('W/"1"')).status, 200)
  const stale = await update('W/"1"')
  assert.equal(stale.status, 412)
  assert.equal(faultCode(stale), 'fhir.write.version-differs')
  assert.equal((await update('W/"3"')).status, 412)
  assert.equal(faultCode(await update('nonsense')), 'fhir.write.if-match-malformed')
  assert.equal((await client.delete(`Patient/${id}`, { 'if-match': 'W/"1"' })).status, 412)
  assert.equal((await client.delete(`Patient/${id}`, { 'if-match': 'W/"2"' })).status, 204)
  assert.equal((await update('W/"2"')).status, 412, 'a deleted resource has no current version')
})

test('If-None-Match: * makes an update create only', async () => {
  const put = () => client.put('Patient/once', { resourceType: 'Patient', id: 'once' }, { 'if-none-match': '*' })
  assert.equal((await put()).status, 201)
  const again = await put()
  assert.equal(again.status, 412)
  assert.equal(faultCode(again), 'fhir.write.already-there')
  await client.delete('Patient/once')
  assert.equal((await put()).status, 201)
})

test('a conditional read answers 304 when the client has the current version, never when it has another', async () => {
  const { patient } = identity()
  const { id } = (await client.post('Patient', patient)).body
  const path = `Patient/${id}`
  const { headers } = await client.get(path)
  const unchanged = await client.get(path, { 'if-none-match': headers.get('etag') as string })
  assert.equal(unchanged.status, 304)
  assert.equal(unchanged.text, '')
  assert.equal(unchanged.headers.get('etag'), 'W/"1"')
  assert.equal((await client.get(path, { 'if-none-match': 'W/"2"' })).status, 200)
  assert.equal((await client.get(path, { 'if-none-match': 'W/"7", W/"1"' })).status, 304)
  const modified = headers.get('last-modified') as string
  assert.equal((await client.get(path, { 'if-modified-since': modified })).status, 304)
  assert.equal((await client.get(path, { 'if-modified-since': new Date(0).toUTCString() })).status, 200)
  assert.equal((await client.get(path, { 'if-modified-since': 'nonsense' })).status, 200)
  assert.equal(
    (await client.get(path, { 'if-none-match': 'W/"2"', 'if-modified-since': modified })).status,
    200,
    'If-None-Match decides alone (RFC 9110 13.1.3)',
  )
})
