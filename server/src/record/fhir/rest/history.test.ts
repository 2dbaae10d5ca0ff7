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

before(async () => {
  server = await startTestServer()
  client = await server.client()
})
after(() => server.close())

const patient = { resourceType: 'Patient', name: [{ family: 'Lind' }] }

/** `id/version` of each entry, newest first. */
const versions = (bundle: Json): string[] =>
  (bundle.entry ?? []).map((entry: Json) => {
    const id = entry.fullUrl.split('/').at(-1)
    return `${id}/${/\d+/.exec(entry.response.etag)?.[0]}`
  })

const link = (bundle: Json, relation: string): string | undefined =>
  bundle.link.find((one: Json) => one.relation === relation)?.url

async function allPages(first: string): Promise<string[]> {
  const found: string[] = []
  let next: string | undefined = first
  for (let pages = 0; next !== undefined && pages < 100; pages++) {
    const { body, status }: Answer = await client.get(next)
    assert.equal(status, 200)
    found.push(...versions(body))
    next = link(body, 'next')
  }
  return found
}

test('the history of a resource has each version and its end, newest first', async () => {
  const { id } = (await client.post('Patient', patient)).body
  await client.put(`Patient/${id}`, { ...patient, id, active: true })
  await client.delete(`Patient/${id}`)
  const { body } = await client.get(`Patient/${id}/_history`)
  assert.equal(body.type, 'history')
  assert.deepEqual(versions(body), [`${id}/3`, `${id}/2`, `${id}/1`])
  const [deleted, updated, created] = body.entry
  assert.deepEqual(deleted.request, { method: 'DELETE', url: `Patient/${id}` })
  assert.equal(deleted.resource, undefined)
  assert.equal(deleted.response.status, '204')
  assert.equal(updated.request.method, 'PUT')
  assert.equal(updated.resource.active, true)
  assert.deepEqual(created.request, { method: 'POST', url: 'Patient' })
  assert.equal(created.resource.meta.versionId, '1')
  assert.equal(created.fullUrl, `${server.fhirBase}/Patient/${id}`)
})

test('the history of what never was is not found', async () => {
  assert.equal((await client.get('Patient/never/_history')).status, 404)
  assert.equal((await client.get('Nonsense/_history')).status, 404)
  const empty = await client.get('Basic/_history')
  assert.equal(empty.status, 200)
  assert.equal(empty.body.entry, undefined, 'R4 knows no empty arrays')
})

test('a resource first made by update says so in its history', async () => {
  await client.put('Patient/by-put', { ...patient, id: 'by-put' })
  const { body } = await client.get('Patient/by-put/_history')
  assert.deepEqual(body.entry[0].request, { method: 'PUT', url: 'Patient/by-put' })
  assert.equal(body.entry[0].response.status, '201')
})

test('paging visits each version exactly once, also while the record grows, at each level', async () => {
  const isolated = await startTestServer()
  const own = await isolated.client()
  const shared = client
  client = own
  try {
    const ids: string[] = []
    for (let i = 0; i < 6; i++) ids.push((await own.post(i % 2 ? 'Patient' : 'Practitioner', typed(i))).body.id)
    for (const [i, id] of ids.entries()) {
      const type = i % 2 ? 'Patient' : 'Practitioner'
      for (let v = 2; v <= 4; v++) await own.put(`${type}/${id}`, { ...typed(i), id, active: v % 2 === 0 })
    }
    await own.delete(`Patient/${ids[1]}`)
    const everything = ids.flatMap((id, i) => Array.from({ length: i === 1 ? 5 : 4 }, (_, v) => `${id}/${v + 1}`))
    const patients = everything.filter((version) => ids.findIndex((id) => version.startsWith(id)) % 2 === 1)
    for (const [path, expected] of [
      ['_history', everything],
      ['Patient/_history', patients],
      [`Patient/${ids[3]}/_history`, everything.filter((version) => version.startsWith(ids[3] as string))],
    ] as const)
      for (const count of [1, 3, 100]) {
        const found = await allPages(`${path}?_count=${count}`)
        assert.deepEqual([...found].sort(), [...expected].sort(), `${path} by ${count}`)
      }
    const page = await own.get('_history?_count=5')
    await own.post('Patient', patient)
    const rest = await allPages(link(page.body, 'next') as string)
    assert.equal(new Set([...versions(page.body), ...rest]).size, everything.length)
    assert.equal(versions(page.body).length + rest.length, everything.length)
  } finally {
    client = shared
    await isolated.close()
  }
})

const typed = (i: number) => ({ resourceType: i % 2 ? 'Patient' : 'Practitioner', name: [{ family: 'Lind' }] })

test('_since leaves out what is older, and _at shows what was current then', async () => {
  const { id } = (await client.post('Patient', patient)).body
  const second = (await client.put(`Patient/${id}`, { ...patient, id, active: true })).body.meta.lastUpdated
  const third = (await client.put(`Patient/${id}`, { ...patient, id, active: false })).body.meta.lastUpdated
  const at = async (query: string) => versions((await client.get(`Patient/${id}/_history?${query}`)).body)
  assert.deepEqual(await at(`_since=${second}`), [`${id}/3`, `${id}/2`])
  assert.deepEqual(await at(`_since=${encodeURIComponent(third.replace('Z', '+00:00'))}`), [`${id}/3`])
  assert.deepEqual(await at('_since=2999-01-01T00:00:00Z'), [])
  assert.deepEqual(await at(`_at=${second}`), [`${id}/2`])
  assert.deepEqual(await at(`_at=${third}`), [`${id}/3`])
  assert.deepEqual(await at('_at=2000-01-01T00:00:00Z'), [])
})

test('_at over pages shows each resource once, in the version that was current then', async () => {
  const ids: string[] = []
  for (let i = 0; i < 3; i++) ids.push((await client.post('Group', { resourceType: 'Group', ...group })).body.id)
  for (const id of ids) await client.put(`Group/${id}`, { resourceType: 'Group', ...group, id, active: true })
  const { lastUpdated } = (await client.get(`Group/${ids[2]}`)).body.meta
  await client.put(`Group/${ids[0]}`, { resourceType: 'Group', ...group, id: ids[0], active: false })
  for (const count of [1, 2, 10]) {
    const found = await allPages(`Group/_history?_at=${lastUpdated}&_count=${count}`)
    assert.deepEqual([...found].sort(), ids.map((id) => `${id}/2`).sort(), `by ${count}`)
  }
})

const group = { type: 'person', actual: true }

test('malformed _count, _since, _at and unknown parameters are refused', async () => {
  for (const query of ['_count=-1', '_count=x', '_count=0.5', '_since=yesterday', '_at=x', '_unheard=1', 'name=x']) {
    const answer = await client.get(`Patient/_history?${query}`)
    assert.equal(answer.status, 400, query)
    assert.equal(answer.body.resourceType, 'OperationOutcome')
  }
  assert.equal(faultCode(await client.get('Patient/_history?_count=0')), 'fhir.count-malformed')
  assert.equal(faultCode(await client.get('Patient/_history?_at=x')), 'fhir.instant-malformed')
  assert.equal(faultCode(await client.get('Patient/_history?_unheard=1')), 'fhir.history.parameter-unknown')
  assert.equal((await client.get('Patient/_history?_unheard=1', { prefer: 'handling=lenient' })).status, 200)
  assert.equal((await client.get('Patient/_history?_format=json&_pretty=true')).status, 200)
})

test('a page link is of one client and one search: forged, changed and borrowed ones are refused', async () => {
  await client.post('Patient', patient)
  await client.post('Patient', patient)
  const next = link((await client.get('Patient/_history?_count=1')).body, 'next') as string
  const token = new URL(next).searchParams.get('_page') as string
  const other = await server.client()
  const changed = token.slice(0, -2) + (token.endsWith('AA') ? 'BB' : 'AA')
  const attempts: [TestClient, string][] = [
    [other, token],
    [client, changed],
    [client, 'x'],
    [client, ''],
    [client, Buffer.from('{"updated":9e15,"rid":9e15,"version":1}').toString('base64url')],
  ]
  for (const [who, page] of attempts) {
    const answer = await who.get(`Patient/_history?_count=1&_page=${encodeURIComponent(page)}`)
    assert.equal(answer.status, 400)
    assert.equal(faultCode(answer), 'fhir.page-invalid')
  }
})
