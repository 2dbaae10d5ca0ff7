import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient
let stranger: TestClient

const TRIBE = 'http://example.org/tribe'
const READY_MS_MAX = 60_000

before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  stranger = await server.client('system/*.cruds', server.tenants[1])
})
after(() => server.close())

const patient = (id: string, tribe: string): Json => ({
  resourceType: 'Patient',
  id,
  name: [{ family: id }],
  extension: [{ url: TRIBE, valueCoding: { system: 'urn:tribes', code: tribe } }],
})
const parameter = (code: string, more: object = {}): Json => ({
  resourceType: 'SearchParameter',
  url: `http://example.org/SearchParameter/${code}`,
  name: code,
  status: 'active',
  description: code,
  code,
  base: ['Patient'],
  type: 'token',
  expression: `Patient.extension.where(url = '${TRIBE}').value`,
  ...more,
})
const ids = ({ body }: { body: Json }): string[] => (body.entry ?? []).map(({ resource }: Json) => resource.id).sort()

async function ready(by: TestClient, id: string): Promise<void> {
  for (const end = performance.now() + READY_MS_MAX; performance.now() < end; await sleep(200)) {
    const { body } = await by.get(`SearchParameter/${id}/$salus-reindex-state`)
    if (body.parameter?.[0]?.valueCode === 'ready') return
  }
  assert.fail('the search parameter did not become ready')
}

test('what was stored before and after is found by a parameter of the tenant, once it is ready and never half', async () => {
  for (const [id, tribe] of [
    ['a', 'east'],
    ['b', 'west'],
    ['c', 'east'],
  ] as const)
    await client.put(`Patient/${id}`, patient(id, tribe))
  await client.put('Patient/none', { resourceType: 'Patient', id: 'none' })
  await client.post('Observation', {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'x' },
    subject: { reference: 'Patient/a' },
  })
  assert.equal(faultCode(await client.get('Patient?tribe=east')), 'fhir.search.parameter-unknown')
  const created = await client.post('SearchParameter', parameter('tribe'))
  assert.equal(created.status, 201)
  const seen = new Set<string>()
  for (const end = performance.now() + READY_MS_MAX; performance.now() < end; await sleep(100)) {
    const answer = await client.get('Patient?tribe=east')
    if (answer.status === 200) {
      assert.deepEqual(ids(answer), ['a', 'c'])
      break
    }
    seen.add(faultCode(answer) ?? '')
  }
  assert.ok(seen.has('fhir.search.parameter-building'), [...seen].join())
  await ready(client, created.body.id)
  await client.put('Patient/d', patient('d', 'east'))
  await client.put('Patient/a', patient('a', 'north'))
  await client.delete('Patient/c')
  assert.deepEqual(ids(await client.get('Patient?tribe=urn:tribes|east')), ['d'])
  assert.deepEqual(ids(await client.get('Patient?tribe:not=east')), ['a', 'b', 'none'])
  assert.deepEqual(ids(await client.get('Patient?tribe:missing=true')), ['none'])
  assert.deepEqual(ids(await client.get('Patient?tribe:missing=false&name=b')), ['b'])
  const chained = await client.get('Observation?subject:Patient.tribe=north')
  assert.equal(chained.body.entry.length, 1)
  // Another process, another tenant.
  const other = client.at(await server.another())
  assert.deepEqual(ids(await other.get('Patient?tribe=west')), ['b'])
  assert.equal(faultCode(await stranger.get('Patient?tribe=west')), 'fhir.search.parameter-unknown')
})

test('a changed expression is built again, and a deleted parameter is unknown again', async () => {
  const created = await client.post(
    'SearchParameter',
    parameter('moniker', { type: 'string', expression: 'Patient.name.family' }),
  )
  await ready(client, created.body.id)
  assert.deepEqual(ids(await client.get('Patient?moniker=b')), ['b'])
  const changed = { ...created.body, expression: "Patient.name.select(family & '-x')" }
  assert.equal((await client.put(`SearchParameter/${created.body.id}`, changed)).status, 200)
  await ready(client, created.body.id)
  assert.deepEqual(ids(await client.get('Patient?moniker:exact=b-x')), ['b'])
  assert.deepEqual(ids(await client.get('Patient?moniker:exact=b')), [])
  const page = await client.get('Patient?moniker:missing=false&_count=1')
  const next = page.body.link.find(({ relation }: Json) => relation === 'next').url
  assert.equal((await client.get(next)).status, 200)
  await client.delete(`SearchParameter/${created.body.id}`)
  await sleep(2_500)
  assert.equal(faultCode(await client.get('Patient?moniker=b')), 'fhir.search.parameter-unknown')
  assert.equal(faultCode(await client.get(next)), 'fhir.search.parameter-unknown')
})

test('what cannot be indexed, is no active definition or says an official one again is stored and not searched by', async () => {
  const reasonOf = async (resource: Json): Promise<string> => {
    const { body, status } = await client.post('SearchParameter', resource)
    assert.equal(status, 201)
    const state = await client.get(`SearchParameter/${body.id}/$salus-reindex-state`)
    assert.equal(state.body.parameter[0].valueCode, 'unused')
    return state.body.parameter[1].valueString
  }
  assert.match(await reasonOf(parameter('draft', { status: 'draft' })), /not active/)
  assert.match(await reasonOf(parameter('bad', { expression: 'Patient.(' })), /^SearchParameter\.expression/)
  assert.match(await reasonOf(parameter('gender', { expression: 'Patient.gender' })), /official/)
  assert.deepEqual(ids(await client.get('Patient?gender=female')), [])
})

test('$reindex makes the rows of a type anew, for those who may change it', async () => {
  const reader = await server.client('system/*.rs')
  assert.equal((await reader.post('Patient/$reindex', { resourceType: 'Parameters' })).status, 403)
  const some = await server.client('system/SearchParameter.cruds')
  const all = { resourceType: 'Parameters', parameter: [{ name: 'type', valueCode: 'Patient' }] }
  assert.equal(faultCode(await some.post('$reindex', all)), 'fhir.reindex.forbidden')
  const unknown = { resourceType: 'Parameters', parameter: [{ name: 'type', valueCode: 'Nothing' }] }
  assert.equal(faultCode(await client.post('$reindex', unknown)), 'fhir.reindex.type-unknown')
  // As if an earlier Salus had written the rows.
  await server.platform.database.query({ text: `update record.resource set tokens = '{}' where tenant = 1` })
  assert.deepEqual(ids(await client.get('Patient?name=b')), [])
  const { body } = await client.post('Patient/$reindex', { resourceType: 'Parameters' })
  const id = body.parameter[0].part[0].valueString
  for (const end = performance.now() + READY_MS_MAX; performance.now() < end; await sleep(200)) {
    const state = await client.get('$salus-reindex-state')
    const job = state.body.parameter.find(({ part }: Json) => part[0].valueString === id)
    if (job.part[1].valueCode !== 'done') continue
    assert.equal(job.part[2].valueInteger, job.part[3].valueInteger)
    break
  }
  assert.deepEqual(ids(await client.get('Patient?name=b')), ['b'])
  assert.deepEqual(ids(await client.get('Patient?tribe=west')), ['b'])
  const records = await server.audit({ action: 'admin' })
  assert.ok(records.some(({ actor, count }) => actor === 'salus-reindex' && count > 0))
})
