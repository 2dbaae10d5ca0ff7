import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { typeNumber } from '@salus/fhir-model'
import {
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient
let id: string

before(async () => {
  server = await startTestServer()
  client = await server.client()
  id = (await client.post('Patient', { resourceType: 'Patient', name: [{ family: 'Lind' }] })).body.id
})
after(() => server.close())

const events = (answer: { body: Json }): Json[] => (answer.body.entry ?? []).map((entry: Json) => entry.resource)

test('an access is found as an AuditEvent: who, what, whose, when and how it ended', async () => {
  await client.get(`Patient/${id}`)
  const [event] = events(await client.get(`AuditEvent?patient=Patient/${id}&subtype=read`))
  assert.equal(event.resourceType, 'AuditEvent')
  assert.equal(event.action, 'R')
  assert.equal(event.outcome, '0')
  assert.ok(event.recorded)
  assert.match(JSON.stringify(event.agent), new RegExp(client.id))
  assert.match(JSON.stringify(event.entity), new RegExp(`Patient/${id}`))
  const read = await client.get(`AuditEvent/${event.id}`)
  assert.equal(read.status, 200)
  assert.deepEqual(read.body, event)
})

test('a search is in the audit with the patients it disclosed and, sealed at rest, its text', async () => {
  await client.get('Patient?family=lind')
  const [event] = events(await client.get(`AuditEvent?patient=${id}&subtype=search`))
  assert.match(JSON.stringify(event), new RegExp(Buffer.from('family=lind').toString('base64')))
  const [record] = (await server.audit({ action: 'search' })).filter((one) => one.detail !== undefined)
  assert.ok(record?.detail)
  assert.doesNotMatch(record.detail.toString('latin1'), /lind/)
})

test('a search for the accesses of a patient is an access of that patient; one for nobody is of nobody', async () => {
  const other = await server.client()
  await other.get(`AuditEvent?patient=Patient/${id}`)
  await other.get('AuditEvent?patient=Patient/unknown')
  await other.get('AuditEvent')
  const rid = server.platform.vault.ridOf(1, typeNumber('Patient') as number, id)
  const searches = (await server.audit({ action: 'search' })).filter((record) => record.client === other.id)
  assert.deepEqual(
    searches.map(({ patients }) => patients),
    [[], [], [rid]],
  )
})

test('searches by agent and date find what fits and nothing else', async () => {
  const other = await server.client()
  await other.get(`Patient/${id}`)
  const today = new Date().toISOString().slice(0, 10)
  const agents = (found: Json[]) =>
    new Set(found.map((event) => /test-client-\d+/.exec(JSON.stringify(event.agent))?.[0]))
  assert.deepEqual([...agents(events(await client.get(`AuditEvent?agent=${other.id}`)))], [other.id])
  assert.ok(events(await client.get(`AuditEvent?date=ge${today}`)).length > 0)
  assert.equal(events(await client.get(`AuditEvent?date=lt${today}&date=ge2000-01-01`)).length, 0)
  assert.equal(events(await client.get('AuditEvent?date=2000-01-01')).length, 0)
  assert.equal(events(await client.get('AuditEvent?patient=Patient/unknown')).length, 0)
})

test('paging visits each event once', async () => {
  const isolated = await server.client()
  for (let i = 0; i < 7; i++) await isolated.get(`Patient/${id}`)
  const seen: string[] = []
  let next: string | undefined = `AuditEvent?agent=${isolated.id}&subtype=read&_count=3`
  for (let pages = 0; next !== undefined && pages < 20; pages++) {
    const { body } = await client.get(next)
    seen.push(...(body.entry ?? []).map((entry: Json) => entry.resource.id))
    next = body.link.find((link: Json) => link.relation === 'next')?.url
  }
  assert.equal(seen.length, 7)
  assert.equal(new Set(seen).size, 7)
})

test('nobody writes or changes an AuditEvent', async () => {
  const event = { resourceType: 'AuditEvent', id: 'x' }
  const valid = {
    resourceType: 'AuditEvent',
    type: { code: 'rest' },
    recorded: '2026-01-01T00:00:00Z',
    agent: [{ requestor: true }],
    source: { observer: { display: 'x' } },
  }
  const [{ id: own }] = events(await client.get('AuditEvent?_count=1')) as [Json]
  for (const answer of [
    await client.post('AuditEvent', valid),
    await client.put(`AuditEvent/${own}`, { ...valid, id: own }),
    await client.delete(`AuditEvent/${own}`),
    await client.patch(`AuditEvent/${own}`, [{ op: 'remove', path: '/outcome' }]),
    await client.delete('AuditEvent?agent=x'),
    await client.get(`AuditEvent/${own}/_history/1`),
  ])
    assert.equal(faultCode(answer), 'fhir.audit-event.read-only', answer.text)
  assert.equal((await client.put('AuditEvent/x', event)).status, 422)
  for (const [method, url] of [
    ['POST', 'AuditEvent'],
    ['PUT', `AuditEvent/${own}`],
    ['DELETE', `AuditEvent/${own}`],
  ]) {
    const resource = method === 'DELETE' ? {} : { resource: method === 'PUT' ? { ...valid, id: own } : valid }
    for (const type of ['batch', 'transaction']) {
      const answer = await client.post('', {
        resourceType: 'Bundle',
        type,
        entry: [{ ...resource, request: { method, url } }],
      })
      const status = answer.body.entry?.[0].response.status ?? String(answer.status)
      assert.match(status, /^40\d/, `${method} in a ${type}: ${answer.text}`)
    }
  }
})

test('what AuditEvent is not searched by is refused', async () => {
  for (const query of ['unheard=1', 'subtype=nonsense', '_count=0', '_sort=date', 'outcome=0'])
    assert.equal(faultCode(await client.get(`AuditEvent?${query}`)), 'fhir.audit-event.parameter-unknown', query)
  for (const date of ['yesterday', '2026', 'ne2026-01-01', ''])
    assert.equal(faultCode(await client.get(`AuditEvent?date=${date}`)), 'fhir.audit-event.date-malformed', date)
  assert.equal(faultCode(await client.get('AuditEvent?_page=x')), 'fhir.page-invalid')
  assert.equal((await client.get('AuditEvent/nonsense')).status, 404)
  assert.equal((await client.get('AuditEvent/999-999')).status, 404)
})

test('the audit is audited, and needs its own scope', async () => {
  const nosy = await server.client('system/Patient.cruds')
  assert.equal((await nosy.get('AuditEvent')).status, 403)
  assert.equal((await nosy.get('AuditEvent/1-1')).status, 403)
  const reader = await server.client('system/AuditEvent.rs')
  await reader.get('AuditEvent')
  const records = (await server.audit()).filter((record) => record.client === reader.id && record.action === 'search')
  assert.equal(records.length, 1)
})
