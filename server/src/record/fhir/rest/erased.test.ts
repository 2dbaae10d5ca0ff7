import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { typeNumber } from '@salus/fhir-model'
import { startTestServer, type TestClient, type TestServer } from '../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient

before(async () => {
  server = await startTestServer()
  client = await server.client()
})
after(() => server.close())

test('a patient whose key is gone while the rows are still there was never there, and no access succeeded', async () => {
  const { id } = (await client.post('Patient', { resourceType: 'Patient', active: true })).body
  const deleted = (await client.post('Patient', { resourceType: 'Patient', active: true })).body.id
  await client.delete(`Patient/${deleted}`)
  assert.equal((await client.get(`Patient/${deleted}`)).status, 410)
  for (const each of [id, deleted])
    await server.platform.vault.shred(1, server.platform.vault.ridOf(1, typeNumber('Patient') as number, each) ?? 0)
  const reader = await server.client()
  for (const path of [`Patient/${id}`, `Patient/${id}/_history/1`, `Patient/${id}/_history`])
    assert.equal((await reader.get(path)).status, 404, path)
  assert.equal((await reader.get(`Patient/${id}`, { 'if-none-match': 'W/"1"' })).status, 404)
  for (const path of [`Patient/${deleted}`, `Patient/${deleted}/_history/2`, `Patient/${deleted}/_history`])
    assert.equal((await reader.get(path)).status, 404, path)
  const all = await reader.get('Patient/_history')
  assert.equal(all.body.entry, undefined)
  const records = (await server.audit()).filter((record) => record.client === reader.id && record.action !== 'login')
  assert.equal(records.length, 8)
  for (const { action, outcome, patients, count, rid } of records) {
    assert.deepEqual([patients, count], [[], 0])
    assert.equal(outcome, rid === 0 && action === 'history' ? 'success' : 'failed')
  }
})

test('with a key store of its own the record opens and closes in the same way', async () => {
  const apart = await startTestServer({ separateKeys: true })
  try {
    const own = await apart.client()
    const { id } = (await own.post('Patient', { resourceType: 'Patient', active: true })).body
    const organization = (await own.post('Organization', { resourceType: 'Organization', name: 'Ward 7' })).body.id
    assert.equal((await own.get(`Patient/${id}`)).body.active, true)
    assert.equal((await own.get(`Organization/${organization}`)).body.name, 'Ward 7')
    assert.equal((await own.get(`Patient/${id}`, { 'if-none-match': 'W/"1"' })).status, 304)
    assert.equal(apart.platform.vault.keyJoin(apart.platform.database), undefined)
    const { vault } = apart.platform
    await vault.shred(1, vault.ridOf(1, typeNumber('Patient') as number, id) ?? 0)
    assert.equal((await own.get(`Patient/${id}`)).status, 404)
  } finally {
    await apart.close()
  }
})
