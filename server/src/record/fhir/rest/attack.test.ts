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

before(async () => {
  server = await startTestServer()
  client = await server.client()
})
after(() => server.close())

const transaction = (entry: Json[]): Json => ({ resourceType: 'Bundle', type: 'transaction', entry })

test('nobody plants an AuditEvent, in a transaction neither', async () => {
  const forged = {
    resourceType: 'AuditEvent',
    type: { code: 'rest' },
    recorded: '2020-01-01T00:00:00Z',
    agent: [{ requestor: true, who: { reference: 'Patient/forged' } }],
    source: { observer: { display: 'forged' } },
  }
  for (const [method, url] of [
    ['POST', 'AuditEvent'],
    ['PUT', 'AuditEvent/forged'],
    ['DELETE', 'AuditEvent/log-0-1'],
  ]) {
    const resource =
      method === 'DELETE' ? {} : { resource: { ...forged, ...(method === 'PUT' ? { id: 'forged' } : {}) } }
    const answer = await client.post('', transaction([{ ...resource, request: { method, url } }]))
    assert.equal(faultCode(answer), 'fhir.audit-event.read-only', method)
  }
  assert.doesNotMatch((await client.get('Patient/forged/AuditEvent')).text, /"forged"/)
})

test('a few copies of a list into itself do not fill the memory', async () => {
  const { id } = (await client.post('Patient', { resourceType: 'Patient', name: [{ family: 'Lind' }] })).body
  const copies = Array.from({ length: 60 }, () => ({ op: 'copy', from: '/name', path: '/name/-' }))
  const answer = await client.patch(`Patient/${id}`, copies)
  assert.equal(answer.status, 413)
  assert.equal(faultCode(answer), 'fhir.patch.result-too-large')
  assert.equal((await client.get(`Patient/${id}`)).body.meta.versionId, '1')
})

test('patches upon patches do not nest a resource deeper than a body may be', async () => {
  const { id } = (await client.post('Basic', { resourceType: 'Basic', code: { text: 'k' } })).body
  let deepest: Json = { url: 'urn:x', valueString: 'y' }
  for (let depth = 0; depth < 60; depth++) deepest = { url: 'urn:x', extension: [deepest] }
  const answer = await client.patch(`Basic/${id}`, [{ op: 'add', path: '/extension', value: [deepest] }])
  assert.notEqual(answer.status, 200)
  assert.ok(answer.status < 500, answer.text)
})

test('a patch shows its result only to who may read', async () => {
  const { id } = (await client.post('Patient', { resourceType: 'Patient', name: [{ family: 'Geheim' }] })).body
  const writer = await server.client('system/Patient.u')
  const change = [{ op: 'add', path: '/active', value: true }]
  const alone = await writer.patch(`Patient/${id}`, change, { prefer: 'return=representation' })
  assert.equal(alone.status, 200)
  assert.equal(alone.text, '')
  const data = Buffer.from(JSON.stringify(change)).toString('base64')
  const patch = { resourceType: 'Binary', contentType: 'application/json-patch+json', data }
  const inside = await writer.post(
    '',
    transaction([{ resource: patch, request: { method: 'PATCH', url: `Patient/${id}` } }]),
    { prefer: 'return=representation' },
  )
  assert.equal(inside.status, 200)
  assert.doesNotMatch(inside.text, /Geheim/)
  const reader = await server.client('system/Patient.ru')
  assert.match((await reader.patch(`Patient/${id}`, change)).text, /Geheim/)
})

test('a conditional create that finds its resource is recorded with the patient it discloses', async () => {
  const resource = { resourceType: 'Patient', identifier: [{ system: 'urn:found', value: '1' }] }
  await client.post('Patient', resource)
  const [made] = await server.audit({ action: 'create', limit: 1 })
  const found = await client.post('Patient', resource, { 'if-none-exist': 'identifier=urn:found|1' })
  assert.equal(found.status, 200)
  const [record] = await server.audit({ action: 'create', limit: 1 })
  assert.deepEqual([record?.rid, record?.patients, record?.count], [made?.rid, made?.patients, 1])
  const both = transaction([
    { resource, request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=urn:found|1' } },
    { resource: { resourceType: 'Basic', code: { text: 'k' } }, request: { method: 'POST', url: 'Basic' } },
  ])
  assert.equal((await client.post('', both)).status, 200)
  const [mixed] = await server.audit({ action: 'transaction', limit: 1 })
  assert.deepEqual([mixed?.patients, mixed?.count], [made?.patients, 2])
})

test('failures that tell something of the record are in the audit', async () => {
  const { id } = (await client.post('Patient', { resourceType: 'Patient', active: true })).body
  const prober = await server.client()
  await prober.delete(`Patient?_id=${id}`, { 'if-match': 'W/"9"' })
  await prober.patch(`Patient/${id}`, [{ op: 'test', path: '/active', value: false }])
  const batch = { resourceType: 'Bundle', type: 'batch' }
  const request = { method: 'DELETE', url: `Patient/${id}`, ifMatch: 'W/"9"' }
  await prober.post('', { ...batch, entry: [{ request }] })
  const failed = (await server.audit({ limit: 20 })).filter(
    (record) => record.client === prober.id && record.outcome === 'failed',
  )
  assert.equal(failed.length, 3)
})

test('names of built-in properties are no modifiers', async () => {
  for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty', 'valueOf'])
    assert.equal((await client.get(`Patient?name:${name}=x`)).status, 400, name)
})

test('a condition that only opening many bodies could decide is refused: other writes would wait for it', async () => {
  const resource = { resourceType: 'Patient', name: [{ family: 'Lindqvistlongfamilya' }] }
  const entry = Array.from({ length: 250 }, () => ({ resource, request: { method: 'POST', url: 'Patient' } }))
  assert.equal((await client.post('', transaction(entry))).status, 200)
  const answer = await client.post('Patient', resource, { 'if-none-exist': 'family=Lindqvistlongfamilyb' })
  assert.equal(answer.status, 422)
  assert.equal(faultCode(answer), 'fhir.search.condition-too-costly')
})

test('a resource of countless search values and an entry with an endless address are refused', async () => {
  const given = Array.from({ length: 20_000 }, (_, i) => `${i.toString(36)}abcdefghij`)
  const named = await client.post('Patient', { resourceType: 'Patient', name: [{ given }] })
  assert.equal(named.status, 413)
  assert.equal(faultCode(named), 'fhir.search.values-to-index-too-many')
  const entry = [{ request: { method: 'GET', url: `Patient?name=${'a'.repeat(300_000)}` } }]
  const long = await client.post('', { resourceType: 'Bundle', type: 'batch', entry })
  assert.equal(long.status, 413)
  assert.equal(faultCode(long), 'fhir.http.query-too-long')
})

test('moving a resource from one patient to another is recorded for both', async () => {
  for (const id of ['move-a', 'move-b']) await client.put(`Patient/${id}`, { resourceType: 'Patient', id })
  const [b, a] = (await server.audit({ action: 'update', limit: 2 })).map(({ rid }) => rid)
  const observation = { resourceType: 'Observation', id: 'moved', status: 'final', code: { text: 'k' } }
  const of = (patient: string): Json => ({ ...observation, subject: { reference: `Patient/${patient}` } })
  await client.put('Observation/moved', of('move-a'))
  await client.put('Observation/moved', of('move-b'))
  const [record] = await server.audit({ action: 'update', limit: 1 })
  assert.deepEqual(new Set(record?.patients), new Set([a, b]))
})

test('odd names are told to be wrong and do not fail the server', async () => {
  const { id } = (await client.post('Basic', { resourceType: 'Basic', code: { text: 'k' } })).body
  for (const op of ['constructor', '_get', '__proto__', 'toString', undefined])
    assert.equal(faultCode(await client.patch(`Basic/${id}`, [{ op, path: '/code' }])), 'fhir.patch.not-applicable', op)
  assert.equal((await client.get('AuditEvent?agent=%00')).status, 400)
})
