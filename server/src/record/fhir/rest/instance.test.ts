import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { faultCode, startTestServer, type TestClient, type TestServer } from '../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient

before(async () => {
  server = await startTestServer()
  client = await server.client()
})
after(() => server.close())

const NOWHERE = '0b1e8a6e-0000-8000-8000-000000000000'
const anna = { resourceType: 'Patient', name: [{ family: 'Lind', given: ['Anna'] }] }

test('a created resource is read back as it was sent, with id, version and time', async () => {
  const created = await client.post('Patient', { ...anna, id: 'mine', meta: { versionId: '9', tag: [{ code: 'a' }] } })
  assert.equal(created.status, 201)
  const { id, meta, ...rest } = created.body
  assert.notEqual(id, 'mine', 'the server chooses the id of a create')
  assert.deepEqual(rest, anna)
  assert.equal(meta.versionId, '1')
  assert.deepEqual(meta.tag, [{ code: 'a' }])
  assert.equal(created.headers.get('etag'), 'W/"1"')
  assert.equal(created.headers.get('location'), `${server.fhirBase}/Patient/${id}/_history/1`)
  assert.equal(created.headers.get('last-modified'), new Date(meta.lastUpdated).toUTCString())
  const read = await client.get(`Patient/${id}`)
  assert.equal(read.status, 200)
  assert.equal(read.text, created.text)
  assert.equal(read.headers.get('etag'), 'W/"1"')
  assert.equal(read.headers.get('cache-control'), 'no-store')
})

test('an id that nobody made is not found, whatever it looks like', async () => {
  const { body } = await client.post('Patient', anna)
  for (const path of [
    `Patient/${NOWHERE}`,
    'Patient/unheard-of',
    `Observation/${body.id}`,
    `Patient/${body.id}x`,
    `Patient/${'x'.repeat(200)}`,
    'Patient/%20',
  ]) {
    const answer = await client.get(path)
    assert.equal(answer.status, 404, path)
    assert.equal(faultCode(answer), 'fhir.store.not-found', path)
  }
})

test('each version stays readable under its own address, and no other version exists', async () => {
  const { id } = (await client.post('Patient', anna)).body
  await client.put(`Patient/${id}`, { ...anna, id, active: true })
  const first = await client.get(`Patient/${id}/_history/1`)
  const second = await client.get(`Patient/${id}/_history/2`)
  assert.equal(first.body.active, undefined)
  assert.equal(first.body.meta.versionId, '1')
  assert.equal(first.headers.get('etag'), 'W/"1"')
  assert.equal(second.body.active, true)
  for (const version of ['0', '3', '-1', 'x', '1.0', '99999999999999'])
    assert.equal((await client.get(`Patient/${id}/_history/${version}`)).status, 404, version)
})

test('an update replaces the whole resource and counts the version', async () => {
  const { id } = (await client.post('Patient', { ...anna, gender: 'female' })).body
  const updated = await client.put(`Patient/${id}`, { ...anna, id })
  assert.equal(updated.status, 200)
  assert.equal(updated.headers.get('etag'), 'W/"2"')
  assert.equal(updated.headers.get('location'), `${server.fhirBase}/Patient/${id}/_history/2`)
  assert.equal((await client.get(`Patient/${id}`)).body.gender, undefined)
})

test('a client may choose an id by update, and finds the resource under it', async () => {
  const created = await client.put('Patient/chosen-1', { ...anna, id: 'chosen-1' })
  assert.equal(created.status, 201)
  assert.equal(created.headers.get('location'), `${server.fhirBase}/Patient/chosen-1/_history/1`)
  assert.equal((await client.put('Patient/chosen-1', { ...anna, id: 'chosen-1' })).status, 200)
  assert.equal((await client.get('Patient/chosen-1')).body.meta.versionId, '2')
  assert.equal((await client.get('Observation/chosen-1')).status, 404)
  assert.equal((await client.get('Patient/CHOSEN-1')).status, 404, 'ids are case-sensitive')
})

test('an update whose body names another id, type or none is refused and changes nothing', async () => {
  const { id } = (await client.post('Patient', anna)).body
  for (const body of [{ ...anna, id: 'other' }, anna]) {
    const answer = await client.put(`Patient/${id}`, body)
    assert.equal(answer.status, 400)
    assert.equal(faultCode(answer), 'fhir.write.id-differs')
  }
  const other = await client.put(`Observation/${id}`, { ...anna, id })
  assert.equal(other.status, 400)
  assert.equal(faultCode(other), 'fhir.write.type-differs')
  assert.equal(faultCode(await client.post('Observation', anna)), 'fhir.write.type-differs')
  assert.equal((await client.get(`Patient/${id}`)).body.meta.versionId, '1')
  assert.equal((await client.get('Patient/other')).status, 404)
  assert.equal(faultCode(await client.delete('Patient/under_score')), 'fhir.write.id-malformed')
})

test('an id that FHIR does not allow is refused', async () => {
  for (const id of ['under_score', 'a'.repeat(65), 'sp%20ace', 'å']) {
    const answer = await client.put(`Patient/${id}`, { ...anna, id: decodeURIComponent(id) })
    assert.ok([400, 422].includes(answer.status), `${id}: ${answer.status}`)
    // The body's own id is judged first.
    assert.ok(['fhir.write.id-malformed', 'fhir.validate.value'].includes(faultCode(answer) ?? ''), faultCode(answer))
  }
  const malformed = await client.get('Patient/%E0%A4%A')
  assert.equal(malformed.status, 400)
})

test('a deleted resource is gone, its versions remain, and an update brings it back as the next version', async () => {
  const { id } = (await client.post('Patient', anna)).body
  const deleted = await client.delete(`Patient/${id}`)
  assert.equal(deleted.status, 204)
  assert.equal(deleted.text, '')
  const read = await client.get(`Patient/${id}`)
  assert.equal(read.status, 410)
  assert.equal(faultCode(read), 'fhir.store.deleted')
  assert.equal((await client.get(`Patient/${id}/_history/1`)).status, 200)
  assert.equal((await client.get(`Patient/${id}/_history/2`)).status, 410)
  assert.equal((await client.delete(`Patient/${id}`)).status, 204, 'deleting again changes nothing')
  assert.equal((await client.get(`Patient/${id}/_history`)).body.entry.length, 2)
  const back = await client.put(`Patient/${id}`, { ...anna, id, active: true })
  assert.equal(back.status, 201)
  assert.equal(back.headers.get('etag'), 'W/"3"')
  assert.equal((await client.get(`Patient/${id}`)).body.active, true)
})

test('deleting what never was changes nothing, also under an id of the client', async () => {
  assert.equal((await client.delete('Patient/never')).status, 204)
  assert.equal((await client.delete(`Patient/${NOWHERE}`)).status, 204)
  assert.equal((await client.get('Patient/never')).status, 404)
  assert.equal((await client.put('Patient/never', { ...anna, id: 'never' })).status, 201)
})

test('a client-assigned id is deleted and comes back as the next version', async () => {
  await client.put('Patient/back', { ...anna, id: 'back' })
  assert.equal((await client.delete('Patient/back')).status, 204)
  assert.equal((await client.get('Patient/back')).status, 410)
  const back = await client.put('Patient/back', { ...anna, id: 'back' })
  assert.equal(back.status, 201)
  assert.equal(back.body.meta.versionId, '3')
})

test('a reference may name a resource that does not exist yet, which then can be made under that id', async () => {
  const observation = {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'pulse' },
    subject: { reference: 'Patient/later' },
    encounter: { reference: 'Encounter/never-made' },
  }
  const { id } = (await client.post('Observation', observation)).body
  assert.equal((await client.get('Patient/later')).status, 404, 'a mention makes no patient')
  const patient = await client.put('Patient/later', { ...anna, id: 'later' })
  assert.equal(patient.status, 201)
  assert.equal(patient.body.meta.versionId, '1')
  const found = await client.get('Observation?subject=Patient/later')
  assert.deepEqual(
    found.body.entry.map((entry: { resource: { id: string } }) => entry.resource.id),
    [id],
  )
})

test('unknown types, addresses and methods are refused with an OperationOutcome', async () => {
  const cases: [string, string, string][] = [
    ['GET', 'Nonsense/1', 'fhir.type-unknown'],
    ['GET', 'Nonsense', 'fhir.type-unknown'],
    ['POST', 'Nonsense', 'fhir.type-unknown'],
    ['PUT', 'Nonsense/1', 'fhir.type-unknown'],
    ['DELETE', 'Nonsense/1', 'fhir.type-unknown'],
    ['GET', 'patient/1', 'fhir.type-unknown'],
    ['GET', 'constructor/1', 'fhir.type-unknown'],
    ['GET', '__proto__', 'fhir.type-unknown'],
    ['GET', 'Patient/1/2/3/4', 'fhir.http.unknown-address'],
    ['GET', 'Patient/1/$unheard', 'fhir.operation.unknown'],
    ['GET', 'Patient/$unheard', 'fhir.operation.unknown'],
    ['POST', 'Patient/1', 'fhir.http.unknown-address'],
    ['PUT', 'Patient/1/_history/1', 'fhir.http.unknown-address'],
    ['DELETE', '', 'fhir.http.unknown-address'],
  ]
  for (const [method, path, code] of cases) {
    const body = method === 'POST' || method === 'PUT' ? { resourceType: 'Patient', id: '1' } : undefined
    const answer = await client.send(method, path, body)
    assert.equal(answer.status, 404, `${method} ${path}`)
    assert.equal(faultCode(answer), code, `${method} ${path}`)
  }
  const typeless = await client.post('Patient', { resourceType: 'Nonsense' })
  assert.equal(typeless.status, 400)
  assert.equal(faultCode(typeless), 'fhir.validate.type-unknown')
})

test('an invalid resource is refused with the place of each issue and none of its content', async () => {
  const answer = await client.post('Patient', {
    resourceType: 'Patient',
    gender: 'Secretname',
    birthDate: 'Secretname',
    unheard: 'Secretname',
  })
  assert.equal(answer.status, 422)
  assert.doesNotMatch(answer.text, /Secretname/)
  const places = answer.body.issue.flatMap((issue: { expression?: string[] }) => issue.expression ?? [])
  assert.ok(places.includes('Patient.gender') && places.includes('Patient.birthDate'), places.join())
  assert.ok(answer.body.issue.every((issue: { severity: string }) => issue.severity === 'error'))
})
