import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type Answer,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'

let server: TestServer
let north: TestClient
let south: TestClient
let id: string

const patient = {
  resourceType: 'Patient',
  identifier: [{ system: 'urn:mrn', value: '1' }],
  name: [{ family: 'Northerly' }],
}

before(async () => {
  server = await startTestServer({ tenants: 2 })
  north = await server.client('system/*.cruds', server.tenants[0])
  south = await server.client('system/*.cruds', server.tenants[1])
  id = (await north.post('Patient', patient)).body.id
  await north.put('Patient/chosen', { ...patient, id: 'chosen' })
})
after(() => server.close())

/** The other tenant sees exactly what it would see of a resource that never was. */
function sameAsNothing(answer: Answer, nothing: Answer): void {
  assert.equal(answer.status, nothing.status)
  assert.deepEqual(answer.body, nothing.body)
  assert.deepEqual([...answer.headers.keys()].sort(), [...nothing.headers.keys()].sort())
}

test('ids of the other tenant are as unknown as ids nobody made', async () => {
  for (const own of [id, 'chosen']) {
    sameAsNothing(await south.get(`Patient/${own}`), await south.get('Patient/never'))
    sameAsNothing(await south.get(`Patient/${own}/_history/1`), await south.get('Patient/never/_history/1'))
    sameAsNothing(await south.get(`Patient/${own}/_history`), await south.get('Patient/never/_history'))
    const change = [{ op: 'add', path: '/active', value: true }]
    sameAsNothing(await south.patch(`Patient/${own}`, change), await south.patch('Patient/never', change))
    sameAsNothing(await south.delete(`Patient/${own}`), await south.delete('Patient/never'))
  }
  assert.equal((await north.get(`Patient/${id}`)).body.meta.versionId, '1')
  assert.equal((await north.get('Patient/chosen')).body.meta.versionId, '1')
})

test('both may choose the same id, and each has its own resource under it', async () => {
  const created = await south.put('Patient/chosen', { resourceType: 'Patient', id: 'chosen', active: true })
  assert.equal(created.status, 201)
  assert.equal(created.body.meta.versionId, '1')
  assert.equal((await north.get('Patient/chosen')).body.active, undefined)
  const taken = await south.put(`Patient/${id}`, { resourceType: 'Patient', id })
  assert.equal(taken.status, 201, 'to this tenant it is a new id')
  assert.deepEqual((await north.get(`Patient/${id}`)).body.name, patient.name)
})

test('searches, counts, histories and audit show only what is of the own tenant', async () => {
  for (const query of [
    'family=northerly',
    'identifier=urn:mrn|1',
    `_id=${id}&family=northerly`,
    'family=northerly&_total=accurate',
  ]) {
    const answer = await south.get(`Patient?${query}`)
    assert.equal(answer.status, 200)
    assert.equal(answer.body.entry, undefined, query)
    assert.ok(!answer.body.total)
  }
  const history = await south.get('_history?_count=1000')
  assert.doesNotMatch(history.text, /Northerly/)
  assert.doesNotMatch((await south.get('Patient/_history')).text, /Northerly/)
  const found = (await south.get('AuditEvent?_count=1000')).body.entry as Json[]
  assert.ok(found.length > 0)
  assert.ok(found.every((entry) => !JSON.stringify(entry).includes(north.id)))
  const audit = (await north.get('AuditEvent')).body.entry[0].resource.id
  assert.equal((await south.get(`AuditEvent/${audit}`)).status, 404)
  assert.equal((await north.get(`AuditEvent/${audit}`)).status, 200)
})

test('references, chains, includes and compartments do not cross', async () => {
  const observation = {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'x' },
    subject: { reference: `Patient/${id}` },
  }
  await north.post('Observation', observation)
  assert.equal((await south.get(`Observation?subject=Patient/${id}`)).body.entry, undefined)
  assert.equal((await south.get('Observation?subject:Patient.family=northerly')).body.entry, undefined)
  assert.equal((await south.get(`Patient/${id}/Observation`)).body.entry, undefined)
  const pointing = await south.post('Observation', { ...observation, subject: { reference: 'Patient/other-only' } })
  await north.put('Patient/other-only', { ...patient, id: 'other-only' })
  const included = await south.get(`Observation?_id=${pointing.body.id}&_include=Observation:subject`)
  assert.equal(included.body.entry.length, 1)
  const back = await north.get('Patient?_id=other-only&_revinclude=Observation:subject')
  assert.equal(back.body.entry.length, 1)
})

test('conditions do not match what the other tenant has', async () => {
  const resource = { ...patient, name: [{ family: 'Southerly' }] }
  const created = await south.post('Patient', resource, { 'if-none-exist': 'identifier=urn:mrn|1' })
  assert.equal(created.status, 201)
  const bundle = {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      {
        resource: {
          resourceType: 'Observation',
          status: 'final',
          code: { text: 'x' },
          subject: { reference: 'Patient?family=northerly' },
        },
        request: { method: 'POST', url: 'Observation' },
      },
    ],
  }
  assert.equal((await south.post('', bundle)).status, 412)
  assert.equal((await south.delete('Patient?family=northerly')).status, 204)
  assert.equal((await north.get(`Patient/${id}`)).status, 200)
})

test('another process of the same record keeps them apart too', async () => {
  const other = await server.another()
  assert.equal((await north.at(other).get(`Patient/${id}`)).status, 200)
  assert.equal((await south.at(other).get('Patient/chosen')).body.active, true)
  assert.equal((await south.at(other).get('Patient?family=northerly')).body.entry, undefined)
})

test('page links of the other tenant are refused', async () => {
  const search = (await north.get('Patient?_count=1')).body.link.find((link: Json) => link.relation === 'next').url
  const history = (await north.get('Patient/_history?_count=1')).body.link.find(
    (link: Json) => link.relation === 'next',
  ).url
  const audit = (await north.get('AuditEvent?_count=1')).body.link.find((link: Json) => link.relation === 'next').url
  for (const link of [search, history, audit]) {
    assert.equal((await north.get(link)).status, 200)
    assert.equal((await south.get(link)).status, 400)
  }
})
