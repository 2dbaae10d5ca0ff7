import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { allowExpunge } from '../../../../../test/fixtures/expunge.ts'
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
let neighbour: TestClient

before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  neighbour = await server.client('system/*.cruds', server.tenants[1])
})
after(() => server.close())

async function stored(id: string, versions: number, by = client): Promise<void> {
  for (let version = 1; version <= versions; version++) {
    const answer = await by.put(`Patient/${id}`, { resourceType: 'Patient', id, name: [{ family: `V${version}` }] })
    assert.equal(answer.body.meta.versionId, String(version))
  }
}

const expunge = (path: string, mode: string, more: Json[] = [], by = client): Promise<Answer> =>
  by.post(`${path}/$expunge`, { resourceType: 'Parameters', parameter: [{ name: mode, valueBoolean: true }, ...more] })

const history = async (path: string, by = client): Promise<string[]> =>
  ((await by.get(`${path}/_history`)).body.entry ?? []).map(({ response }: Json) => response.etag)

test('it is refused until the operator allows it, and then in that tenant only', async () => {
  await stored('a', 3)
  await stored('a', 2, neighbour)
  assert.equal(faultCode(await expunge('Patient/a', 'expungePreviousVersions')), 'fhir.expunge.not-allowed')
  assert.equal((await history('Patient/a')).length, 3)
  await allowExpunge(server)
  const answer = await expunge('Patient/a', 'expungePreviousVersions')
  assert.deepEqual([answer.status, answer.body.parameter], [200, [{ name: 'count', valueInteger: 2 }]])
  assert.deepEqual(await history('Patient/a'), ['W/"3"'])
  assert.equal((await client.get('Patient/a')).body.name[0].family, 'V3')
  assert.equal((await client.get('Patient/a/_history/1')).status, 404)
  assert.equal(
    faultCode(await expunge('Patient/a', 'expungePreviousVersions', [], neighbour)),
    'fhir.expunge.not-allowed',
  )
  assert.equal((await history('Patient/a', neighbour)).length, 2)
})

test('everything of a resource goes, and what is written after it counts on', async () => {
  await stored('b', 2)
  await stored('beside', 2)
  const answer = await expunge('Patient/b', 'expungeEverything')
  assert.deepEqual([answer.status, answer.body.parameter[0].valueInteger], [200, 3])
  for (const path of ['Patient/b', 'Patient/b/_history', 'Patient/b/_history/1', 'Patient/b/_history/3'])
    assert.equal((await client.get(path)).status, 404, path)
  const listed = (await client.get('Patient/_history')).text
  assert.ok(!listed.includes('Patient/b"') && listed.includes('Patient/beside'))
  assert.equal((await history('Patient/beside')).length, 2)
  const again = await client.put('Patient/b', { resourceType: 'Patient', id: 'b' })
  assert.equal(again.body.meta.versionId, '4')
})

test('what was deleted is removed by its id, and nothing that is there', async () => {
  await stored('c', 2)
  const named = [{ name: 'id', valueId: 'c' }]
  assert.equal(faultCode(await expunge('Patient', 'expungeDeletedResources', named)), 'fhir.expunge.not-deleted')
  await client.delete('Patient/c')
  assert.equal((await client.get('Patient/c')).status, 410)
  assert.equal((await expunge('Patient', 'expungeDeletedResources', named)).body.parameter[0].valueInteger, 3)
  assert.equal((await client.get('Patient/c')).status, 404)
  assert.equal(faultCode(await expunge('Patient', 'expungeDeletedResources', named)), 'fhir.store.not-found')
})

test('the scope to delete is needed, and what is meant must be clear', async () => {
  await stored('d', 2)
  const few = await server.client('system/Patient.cru system/Observation.d')
  assert.equal(faultCode(await expunge('Patient/d', 'expungeEverything', [], few)), 'fhir.forbidden')
  assert.equal(faultCode(await expunge('Patient/d', 'id', [])), 'fhir.operation.parameter-mistyped')
  const both = [{ name: 'expungeEverything', valueBoolean: true }]
  assert.equal(faultCode(await expunge('Patient/d', 'expungePreviousVersions', both)), 'fhir.expunge.mode')
  assert.equal(faultCode(await client.post('Patient/d/$expunge')), 'fhir.expunge.mode')
  assert.equal(faultCode(await expunge('Patient', 'expungeEverything')), 'fhir.expunge.id-needed')
  assert.equal(
    faultCode(await expunge('Patient', 'expungeEverything', [{ name: 'id', valueId: 'x' }])),
    'fhir.store.not-found',
  )
  assert.equal(faultCode(await client.get('Patient/d/$expunge?expungeEverything=true')), 'fhir.http.method')
  assert.equal((await history('Patient/d')).length, 2)
})

test('it is in the audit, with the patient and the number of versions', async () => {
  await stored('e', 3)
  const answer = await expunge('Patient/e', 'expungePreviousVersions')
  const id = answer.headers.get('x-request-id')
  const records = (await server.audit()).filter(({ requestId }) => requestId === id)
  const done = records.find(({ action }) => action === 'delete')
  assert.deepEqual([done?.count, done?.patients, done?.outcome], [2, [done?.rid], 'success'])
  assert.ok(records.some(({ action, outcome }) => action === 'operation' && outcome === 'success'))
})

test('two who expunge, and one who writes beside them, do not disturb each other', async () => {
  await stored('f', 5)
  const answers = await Promise.all([
    expunge('Patient/f', 'expungePreviousVersions'),
    expunge('Patient/f', 'expungePreviousVersions'),
    client.put('Patient/f', { resourceType: 'Patient', id: 'f', active: true }),
  ])
  assert.ok(answers.every(({ status }) => status === 200))
  assert.equal((await client.get('Patient/f')).body.active, true)
})
