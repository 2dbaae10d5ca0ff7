import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { typeNumber } from '@salus/fhir-model'
import { openDatabase } from '#db'
import { createLog } from '#kernel'
import {
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'

const URL = 'http://example.org/animals'
const animals: Json = {
  resourceType: 'CodeSystem',
  id: 'animals',
  url: URL,
  status: 'active',
  content: 'complete',
  concept: [{ code: 'animal', concept: [{ code: 'dog', concept: [{ code: 'poodle' }] }, { code: 'cat' }] }],
}

let server: TestServer
let client: TestClient
before(async () => {
  server = await startTestServer()
  client = await server.client()
  assert.equal((await client.put('CodeSystem/animals', animals)).status, 201)
})
after(() => server.close())

const call = (by: TestClient, name: string, codes: readonly string[] = [], version?: string): Promise<Json> =>
  by.post('$closure', {
    resourceType: 'Parameters',
    parameter: [
      { name: 'name', valueString: name },
      ...(version === undefined ? [] : [{ name: 'version', valueString: version }]),
      ...codes.map((code) => ({ name: 'concept', valueCoding: { system: URL, code } })),
    ],
  })
const tables = () =>
  server.platform.database.query({ text: 'select name, version from terminology.closure order by name, version' })

test('who may only read starts no table, and a table is its client’s alone', async () => {
  const reader = await server.client('system/*.rs')
  const refused = await call(reader, 'mine')
  assert.equal(refused.status, 403)
  assert.equal(faultCode(refused), 'fhir.forbidden')
  assert.deepEqual(await tables(), [])
  assert.equal((await call(client, 'mine')).status, 200)
  const other = await server.client('system/ConceptMap.u system/CodeSystem.r')
  assert.equal((await call(other, 'mine', ['dog'])).status, 404)
  assert.equal((await call(other, 'mine')).status, 200)
  assert.equal((await call(client, 'mine', ['dog'])).body.version, '1')
  assert.equal((await call(other, 'mine', [], '0')).body.version, '0')
})

test('names and versions that can be none are refused', async () => {
  for (const name of ['a\u0000b', 'a'.repeat(201)]) assert.equal((await call(client, name)).status, 400)
  assert.equal((await call(client, 'mine', [], 'x')).status, 400)
  assert.equal((await call(client, 'mine', ['dog\u0000'])).status, 404)
})

test('calls at the same moment each add their own, and start anew without what was there', async () => {
  await call(client, 'together')
  const answers = await Promise.all(['animal', 'dog', 'poodle', 'cat'].map((code) => call(client, 'together', [code])))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 200],
  )
  assert.deepEqual(answers.map(({ body }) => body.version).sort(), ['1', '2', '3', '4'])
  const all = await call(client, 'together', [], '0')
  const pairs = all.body.group[0].element.flatMap(({ code, target }: Json) =>
    target.map((one: Json) => `${code}<${one.code}`),
  )
  assert.deepEqual(pairs.sort(), ['cat<animal', 'dog<animal', 'poodle<animal', 'poodle<dog'])
  assert.equal((await call(client, 'together')).body.version, '0')
  assert.equal((await call(client, 'together', ['dog'])).body.group, undefined)
})

test('a change and its audit record are stored together, or neither is', async () => {
  const type = typeNumber('ConceptMap')
  const changes = async (): Promise<number> =>
    (await server.audit({ action: 'update' })).filter((one) => one.type === type && one.client === client.id).length
  const written = await changes()
  await call(client, 'audited')
  await call(client, 'audited', ['dog'])
  assert.equal(await changes(), written + 2)
  await call(client, 'audited', ['dog'])
  assert.equal(await changes(), written + 2)
  const kept = await tables()
  const log = createLog({ level: 'error', destination: { write: () => undefined } })
  const url = server.databaseUrl
  const owner = await openDatabase({ url, role: 'owner', connections: 1, statementTimeoutMs: 20_000, log })
  try {
    await owner.query({ text: 'revoke insert on all tables in schema audit from salus_app' })
    assert.ok((await call(client, 'unaudited')).status >= 500)
    assert.ok((await call(client, 'audited', ['cat'])).status >= 500)
    assert.deepEqual(await tables(), kept)
  } finally {
    await owner.query({ text: 'grant insert on all tables in schema audit to salus_app' })
    await owner.close()
  }
  assert.equal((await call(client, 'audited', ['cat'])).body.version, '2')
})
