import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type Json, startTestServer, type TestClient, type TestServer } from '../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient
/** Paths of six scans of 11.5 MB, oldest first: five fit on a page. */
const scans: string[] = []

before(async () => {
  server = await startTestServer()
  client = await server.client()
  for (let i = 0; i < 6; i++) {
    // Random bytes do not compress, but base64 does, to what it stands for.
    const data = randomBytes(11.5 * 1024 * 1024).toString('base64')
    const { body } = await client.post('Binary', { resourceType: 'Binary', contentType: 'image/tiff', data })
    scans.push(`Binary/${body.id}`)
  }
})
after(() => server.close())

const paths = (bundle: Json, mode?: string): string[] =>
  (bundle.entry ?? [])
    .filter((entry: Json) => entry.resource.resourceType === 'Binary' && (!mode || entry.search.mode === mode))
    .map((entry: Json) => `Binary/${entry.resource.id}`)
const link = (bundle: Json, relation: string): string | undefined =>
  bundle.link.find((one: Json) => one.relation === relation)?.url

test('a page of a search ends at 64 MB, and the next page goes on behind it, in both directions', async () => {
  const first = (await client.get('Binary?_sort=_lastUpdated&_count=10&_elements=contentType')).body
  assert.deepEqual(paths(first), scans.slice(0, 5))
  assert.equal(first.total, undefined)
  const second = (await client.get(link(first, 'next') as string)).body
  assert.deepEqual(paths(second), scans.slice(5))
  assert.equal(link(second, 'next'), undefined)
  const back = (await client.get(link(second, 'previous') as string)).body
  assert.deepEqual(paths(back), scans.slice(0, 5))
})

test('a page of a history ends at 64 MB, and the next page goes on behind it', async () => {
  const first = (await client.get('Binary/_history?_count=10')).body
  assert.deepEqual(paths(first), scans.slice(1).reverse())
  const second = (await client.get(link(first, 'next') as string)).body
  assert.deepEqual(paths(second), scans.slice(0, 1))
  assert.equal(link(second, 'next'), undefined)
})

test('what is included beyond 64 MB is left out, and a warning says so', async () => {
  const list = (items: string[]) => ({
    resourceType: 'List',
    status: 'current',
    mode: 'working',
    entry: items.map((reference) => ({ item: { reference } })),
  })
  const search = async (items: string[]): Promise<Json> => {
    const { id } = (await client.post('List', list(items))).body
    return (await client.get(`List?_id=${id}&_include=List:item&_elements=status`)).body
  }
  const warnings = (bundle: Json): string[] =>
    bundle.entry
      .filter((entry: Json) => entry.search.mode === 'outcome')
      .flatMap((entry: Json) => entry.resource.issue.map((issue: Json) => issue.details.coding[0].code))
  const few = await search(scans.slice(0, 5))
  assert.deepEqual(paths(few, 'include').sort(), scans.slice(0, 5).sort())
  assert.deepEqual(warnings(few), [])
  const all = await search(scans)
  assert.equal(paths(all, 'include').length, 5)
  assert.deepEqual(warnings(all), ['fhir.search.includes-too-large'])
})
