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

const TAG = { system: 'urn:tag', code: 'a' }
const SECRET = { system: 'urn:security', code: 'R', display: 'restricted' }
const PROFILE = 'http://example.org/StructureDefinition/p'

before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  await client.put('Patient/anna', { resourceType: 'Patient', id: 'anna', meta: { tag: [TAG] } })
  await client.put('Patient/berta', { resourceType: 'Patient', id: 'berta', meta: { security: [SECRET] } })
  const subject = { reference: 'Patient/anna' }
  const quantity = '{"value":1.50,"unit":"kg"}'
  await client.put(
    'Observation/o',
    `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":${JSON.stringify(subject)},"valueQuantity":${quantity}}`,
  )
})
after(() => server.close())

const labels = (meta: Json): Json => ({ resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: meta }] })

function metaOf(answer: Answer): Json {
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.body.parameter[0].name, 'return')
  return answer.body.parameter[0].valueMeta
}

test('labels of a resource are added and taken away, each in a new version that changes nothing else', async () => {
  const added = metaOf(
    await client.post('Observation/o/$meta-add', labels({ tag: [TAG, TAG], security: [SECRET], profile: [PROFILE] })),
  )
  assert.deepEqual([added.tag, added.security, added.profile, added.versionId], [[TAG], [SECRET], [PROFILE], '2'])
  const { text } = await client.get('Observation/o')
  assert.ok(text.includes('"value":1.50'), 'numbers keep their written form')
  const again = metaOf(
    await client.post('Observation/o/$meta-add', labels({ tag: [{ ...TAG, display: 'other words' }] })),
  )
  assert.equal(again.versionId, '2', 'what is there already makes no version')
  const removed = metaOf(
    await client.post(
      'Observation/o/$meta-delete',
      labels({ tag: [{ system: 'urn:tag', code: 'a' }], profile: [PROFILE] }),
    ),
  )
  assert.deepEqual(
    [removed.tag, removed.security, removed.profile, removed.versionId],
    [undefined, [SECRET], undefined, '3'],
  )
  assert.deepEqual(metaOf(await client.get('Observation/o/$meta')).security, [SECRET])
  const found = await client.get('Observation?_security=urn:security|R')
  assert.equal(found.body.entry.length, 1, 'a search finds it by the new label')
  assert.deepEqual((await client.get('Observation/o/_history/2')).body.meta.tag, [TAG], 'earlier versions stay')
})

test('labels of a type and of the record are those of its resources', async () => {
  const ofType = metaOf(await client.get('Patient/$meta'))
  assert.deepEqual(ofType, { security: [SECRET], tag: [TAG] })
  assert.deepEqual(metaOf(await client.get('$meta')).security, [SECRET])
  const neighbour = await server.client('system/*.cruds', server.tenants[1])
  assert.deepEqual(metaOf(await neighbour.get('Patient/$meta')), {})
  const [record] = await server.audit({ action: 'operation' })
  assert.equal(record?.patients.length, 2)
})

test('the right scope is needed', async () => {
  const reader = await server.client('system/Patient.rs')
  for (const answer of [
    await reader.post('Patient/anna/$meta-add', labels({ tag: [TAG] })),
    await reader.get('$meta'),
    await (await server.client('system/Patient.r')).get('Patient/$meta'),
    await (await server.client('system/Patient.cud')).post('Patient/anna/$meta-add', labels({ tag: [TAG] })),
  ])
    assert.deepEqual([answer.status, faultCode(answer)], [403, 'fhir.forbidden'])
  const neighbour = await server.client('system/*.cruds', server.tenants[1])
  assert.equal((await neighbour.post('Patient/anna/$meta-add', labels({ tag: [TAG] }))).status, 404)
  assert.equal((await client.get('Patient/anna')).body.meta.versionId, '1')
})

test('what is no set of labels is refused', async () => {
  for (const body of [
    { resourceType: 'Parameters' },
    labels('x'),
    labels({ tag: 'x' }),
    labels({ tag: [1] }),
    labels({ profile: [{}] }),
    labels({ tag: Array.from({ length: 1_001 }, (_, index) => ({ code: `${index}` })) }),
  ])
    assert.equal(faultCode(await client.post('Patient/anna/$meta-add', body)), 'fhir.meta.meta-missing')
  assert.equal(faultCode(await client.get('Patient/anna/$meta-add')), 'fhir.http.method')
  const answer = await client.post('Patient/anna/$meta-add', labels({ tag: [{ system: 5 }] }))
  assert.equal(answer.status, 422)
})

test('two who add at once both have their label', async () => {
  const codes = ['p', 'q', 'r', 's', 't']
  const answers = await Promise.all(
    codes.map((code) => client.post('Patient/berta/$meta-add', labels({ tag: [{ system: 'urn:at-once', code }] }))),
  )
  assert.ok(answers.every(({ status }) => status === 200))
  const { tag } = (await client.get('Patient/berta')).body.meta
  assert.deepEqual(tag.map(({ code }: Json) => code).toSorted(), codes)
})

test('more resources than may be opened are refused', async () => {
  const entry = Array.from({ length: 5_001 }, () => ({
    resource: { resourceType: 'Basic', code: { text: 'x' } },
    request: { method: 'POST', url: 'Basic' },
  }))
  assert.equal((await client.post('', { resourceType: 'Bundle', type: 'transaction', entry })).status, 200)
  const answer = await client.get('Basic/$meta')
  assert.deepEqual([answer.status, faultCode(answer)], [422, 'fhir.meta.too-many'])
})
