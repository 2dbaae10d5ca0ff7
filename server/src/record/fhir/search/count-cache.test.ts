import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestServer, type TestClient, type TestServer } from '../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient

before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
})
after(() => server.close())

const observation = (patient: string) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'urn:c', code: 'k' }] },
  subject: { reference: `Patient/${patient}` },
})
const total = async (by: TestClient, query: string): Promise<number> =>
  (await by.get(`${query}${query.includes('?') ? '&' : '?'}_summary=count`)).body.total

test('a count is that of the moment, whichever process wrote, deleted or counts', async () => {
  const other = client.at(await server.another())
  for (const id of ['a', 'b'])
    await client.put(`Patient/${id}`, { resourceType: 'Patient', id, name: [{ family: id }] })
  const everywhere = async (query: string): Promise<number[]> => [
    await total(client, query),
    await total(other, query),
    await total(client, query),
  ]
  assert.deepEqual(await everywhere('Observation?code=urn:c|k'), [0, 0, 0])
  const first = await client.post('Observation', observation('a'))
  assert.deepEqual(await everywhere('Observation?code=urn:c|k'), [1, 1, 1])
  await other.post('Observation', observation('b'))
  assert.deepEqual(await everywhere('Observation?code=urn:c|k'), [2, 2, 2])
  // A chain's count depends on the other type too.
  assert.deepEqual(await everywhere('Observation?subject:Patient.family=b'), [1, 1, 1])
  await other.put('Patient/a', { resourceType: 'Patient', id: 'a', name: [{ family: 'b' }] })
  assert.deepEqual(await everywhere('Observation?subject:Patient.family=b'), [2, 2, 2])
  await client.delete(`Observation/${first.body.id}`)
  assert.deepEqual(await everywhere('Observation?code=urn:c|k'), [1, 1, 1])
})

test("another tenant's count is its own", async () => {
  const stranger = await server.client('system/*.cruds', server.tenants[1])
  assert.equal(await total(client, 'Patient'), 2)
  assert.equal(await total(stranger, 'Patient'), 0)
})

test('a code is counted, first or further, and nothing else beside it', async () => {
  const coded = (...codes: string[]) => ({
    resourceType: 'Observation',
    status: 'final',
    code: { coding: codes.map((code) => ({ system: 'urn:counted', code })) },
    effectiveDateTime: '2020-01-01',
  })
  for (const codes of [['x'], ['x', 'y'], ['y', 'x'], ['y'], ['z'], ['y', 'z']])
    await client.post('Observation', coded(...codes))
  for (const [query, expected] of [
    ['code=urn:counted|x', 3],
    ['code=urn:counted|y', 4],
    ['code=urn:counted|nowhere', 0],
    ['code=urn:counted|x&date=ge2020', 3],
    ['code=urn:counted|x,urn:counted|z', 5],
    ['code=x', 3],
    ['combo-code=urn:counted|x', 3],
    ['code:not=urn:counted|x&code:missing=false&date=2020', 3],
  ] as const) {
    const { body } = await client.get(`Observation?${query}&_total=accurate&_count=1`)
    assert.deepEqual([query, body.total, await total(client, `Observation?${query}`)], [query, expected, expected])
    assert.equal((await client.get(`Observation?${query}&_total=estimate&_count=1`)).body.total, expected)
    assert.equal((await client.get(`Observation?${query}`)).body.entry?.length ?? 0, expected)
  }
})
