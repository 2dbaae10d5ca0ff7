import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Answer, type Json, startTestServer, type TestClient, type TestServer } from '../fixtures/server.ts'

let server: TestServer
let client: TestClient
/** The same client at two processes that share the database. */
let both: [TestClient, TestClient]

before(async () => {
  server = await startTestServer()
  client = await server.client()
  both = [client, client.at(await server.another())]
})
after(() => server.close())

const patient = (more: Json = {}): Json => ({ resourceType: 'Patient', name: [{ family: 'Lind' }], ...more })
const times = <T>(count: number, work: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => work(i)))
const either = (i: number): TestClient => both[i % 2] as TestClient
const statuses = (answers: Answer[]): string => [...new Set(answers.map(({ status }) => status))].sort().join()

/** Versions of a resource as its history has them: 1, 2, 3, ... without a gap or a double. */
async function versionsAreWhole(path: string): Promise<number> {
  const { body } = await client.get(`${path}/_history?_count=1000`)
  const versions = body.entry.map((entry: Json) => Number(/\d+/.exec(entry.response.etag)?.[0])).reverse()
  assert.deepEqual(
    versions,
    versions.map((_: number, i: number) => i + 1),
  )
  return versions.length
}

test('of 50 updates that all name version 1 exactly one wins, and the versions have no gap', async () => {
  const { id } = (await client.post('Patient', patient())).body
  const answers = await times(50, (i) =>
    either(i).put(`Patient/${id}`, patient({ id, language: `x-${i}` }), { 'if-match': 'W/"1"' }),
  )
  const won = answers.filter(({ status }) => status === 200)
  assert.equal(won.length, 1)
  assert.equal(statuses(answers), '200,412')
  const { body } = await client.get(`Patient/${id}`)
  assert.equal(body.meta.versionId, '2')
  assert.equal(body.language, won[0]?.body.language)
  assert.equal(await versionsAreWhole(`Patient/${id}`), 2)
})

test('50 clients that read, change and retry under If-Match each get a version of their own', async () => {
  const path = `Patient/${(await client.post('Patient', patient())).body.id}`
  const won = await times(50, async (i) => {
    for (let attempt = 0; attempt < 200; attempt++) {
      const { body, headers } = await either(i).get(path)
      const next = { ...body, telecom: [...(body.telecom ?? []), { value: `n${i}` }] }
      const answer = await either(i).put(path, next, { 'if-match': headers.get('etag') as string })
      if (answer.status === 200) return answer.body.meta.versionId
      assert.equal(answer.status, 412, answer.text)
    }
    return undefined
  })
  assert.equal(new Set(won).size, 50, 'no version has two winners')
  const { body } = await client.get(path)
  assert.equal(body.meta.versionId, '51')
  assert.equal(new Set(body.telecom.map((one: Json) => one.value)).size, 50, 'no update is lost')
  assert.equal(await versionsAreWhole(path), 51)
})

test('50 updates without If-Match are all stored, one version each', async () => {
  const { id } = (await client.post('Patient', patient())).body
  const answers = await times(50, (i) => either(i).put(`Patient/${id}`, patient({ id, language: `x-${i}` })))
  // Under so much contention a writer may be told to retry, but is never failed otherwise.
  assert.match(statuses(answers), /^200(,409)?$/)
  const stored = answers.filter(({ status }) => status === 200)
  assert.equal(new Set(stored.map(({ body }) => body.meta.versionId)).size, stored.length)
  assert.equal(await versionsAreWhole(`Patient/${id}`), stored.length + 1)
})

for (const [where, at] of [
  ['one process', () => client],
  ['two processes', either],
] as const)
  test(`50 conditional creates at ${where} make exactly one resource`, async () => {
    for (let round = 0; round < 5; round++) {
      const value = `${where}-${round}`.replace(' ', '-')
      const resource = patient({ identifier: [{ system: 'urn:c', value }] })
      const answers = await times(50, (i) =>
        at(i).post('Patient', resource, { 'if-none-exist': `identifier=urn:c|${value}` }),
      )
      assert.equal(statuses(answers), '200,201', answers.find(({ status }) => status > 201)?.text)
      assert.equal(answers.filter(({ status }) => status === 201).length, 1)
      assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
      assert.equal((await client.get(`Patient?identifier=urn:c|${value}&_total=accurate`)).body.total, 1)
    }
  })

test('conditional updates of something new make exactly one resource, whose versions are whole', async () => {
  const resource = patient({ identifier: [{ system: 'urn:c', value: 'upsert' }] })
  const answers = await times(30, (i) => either(i).put('Patient?identifier=urn:c|upsert', resource))
  assert.match(statuses(answers), /^200,201(,409)?$/)
  const ids = new Set(answers.filter(({ status }) => status < 300).map(({ body }) => body.id))
  assert.equal(ids.size, 1)
  assert.equal((await client.get('Patient?identifier=urn:c|upsert&_total=accurate')).body.total, 1)
  await versionsAreWhole(`Patient/${[...ids][0]}`)
})

test('updates that first make an id of the client make one resource', async () => {
  const answers = await times(30, (i) => either(i).put('Patient/raced', patient({ id: 'raced', language: `x-${i}` })))
  assert.match(statuses(answers), /^200,201(,409)?$/)
  assert.equal(answers.filter(({ status }) => status === 201).length, 1)
  const stored = answers.filter(({ status }) => status < 300).length
  assert.equal(await versionsAreWhole('Patient/raced'), stored)
})

test('references that arrive together, ahead of their patient, agree on who it is', async () => {
  const observation = {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'x' },
    subject: { reference: 'Patient/expected' },
  }
  const answers = await times(30, (i) => either(i).post('Observation', observation))
  assert.equal(statuses(answers), '201')
  await client.put('Patient/expected', patient({ id: 'expected' }))
  assert.equal((await client.get('Observation?subject=Patient/expected&_summary=count')).body.total, 30)
  assert.equal((await client.get('Patient/expected/Observation?_summary=count')).body.total, 30)
})

test('creates, updates and deletes of one resource in disorder never end in a 5xx, and its history is whole', async () => {
  await client.put('Patient/busy', patient({ id: 'busy' }))
  const answers = await times(60, (i) =>
    i % 3 === 0
      ? either(i).delete('Patient/busy')
      : i % 3 === 1
        ? either(i).put('Patient/busy', patient({ id: 'busy' }))
        : either(i).patch('Patient/busy', [{ op: 'add', path: '/active', value: true }]),
  )
  assert.ok(
    answers.every(({ status }) => [200, 201, 204, 404, 409, 410].includes(status)),
    statuses(answers),
  )
  await versionsAreWhole('Patient/busy')
})

test('transactions over the same resources in different orders never end in a 5xx, and each is whole or absent', async () => {
  const ids = Array.from({ length: 8 }, (_, i) => `shared-${i}`)
  const entries = (order: string[], mark: string): Json[] =>
    order.map((id) => ({
      resource: patient({ id, identifier: [{ system: 'urn:mark', value: mark }] }),
      request: { method: 'PUT', url: `Patient/${id}` },
    }))
  const shuffled = (seed: number): string[] =>
    [...ids].sort((a, b) => ((Number(a.at(-1)) * 7 + seed * 5) % 11) - ((Number(b.at(-1)) * 7 + seed * 5) % 11))
  const answers = await times(40, (i) =>
    either(i).post('', { resourceType: 'Bundle', type: 'transaction', entry: entries(shuffled(i), `t${i}`) }),
  )
  assert.match(statuses(answers), /^200(,409)?$/, answers.find(({ status }) => status >= 500)?.text)
  const done = answers.flatMap(({ status }, i) => (status === 200 ? [`t${i}`] : []))
  assert.ok(done.length > 0)
  // What one transaction wrote stands together at every version: nobody sees half of it.
  const histories = await times(ids.length, async (i) => {
    const { body } = await client.get(`Patient/${ids[i]}/_history?_count=1000`)
    return body.entry.map((entry: Json) => entry.resource.identifier[0].value).reverse()
  })
  for (const marks of histories) assert.deepEqual(marks, histories[0])
  assert.deepEqual([...(histories[0] as string[])].sort(), [...done].sort())
})

test('transactions that refer to each other by condition make no resource twice and lose none', async () => {
  const bundle = (i: number): Json => ({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      {
        fullUrl: 'urn:uuid:0b0b0b0b-0000-4000-8000-000000000001',
        resource: {
          resourceType: 'Organization',
          identifier: [{ system: 'urn:org', value: `o${i % 4}` }],
          name: 'Org',
        },
        request: { method: 'POST', url: 'Organization', ifNoneExist: `identifier=urn:org|o${i % 4}` },
      },
      {
        resource: patient({
          identifier: [{ system: 'urn:cond', value: `p${i}` }],
          managingOrganization: { reference: `Organization?identifier=urn:org|o${i % 4}` },
        }),
        request: { method: 'POST', url: 'Patient' },
      },
    ],
  })
  const answers = await times(40, (i) => either(i).post('', bundle(i)))
  assert.match(statuses(answers), /^200(,409)?$/, answers.find(({ status }) => status > 200)?.text)
  const stored = answers.filter(({ status }) => status === 200).length
  assert.equal((await client.get('Organization?identifier=urn:org|&_summary=count')).body.total, 4)
  assert.equal((await client.get('Patient?identifier=urn:cond|&_summary=count')).body.total, stored)
  assert.equal(stored, 40, 'creates do not conflict')
})

test('all this logged no failure', () => {
  assert.ok(!server.logLines.some((line) => line.includes('"level":50')), server.logLines.join('\n'))
})
