import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { databaseSource, loadPublicKey, PUBLIC_KEY_FILE, verifyAudit } from '../../server/src/platform/audit/index.ts'
import {
  accessToken,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
  testClient,
} from '../fixtures/server.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const TOKEN_MS = 15 * 60_000

/** The machine's clock as an operator, a time server or a suspended laptop may set it. Timers run on, as they do there. */
const RealDate = Date
let offsetMs = 0

class JumpingDate extends RealDate {
  constructor(...given: [] | [string | number | Date]) {
    if (given.length === 0) super(RealDate.now() + offsetMs)
    // All arguments travel on, whatever their number.
    else super(...(given as [number]))
  }

  static override now(): number {
    return RealDate.now() + offsetMs
  }
}

let server: TestServer
let client: TestClient

before(async () => {
  globalThis.Date = JumpingDate as DateConstructor
  server = await startTestServer()
  client = await server.client()
})

after(async () => {
  globalThis.Date = RealDate
  await server.close()
})

async function renewed(): Promise<TestClient> {
  const token = await accessToken(server.url, client.id, `secret-of-${client.id}`)
  return testClient({ fhirBase: server.fhirBase, id: client.id, token })
}

test('a clock that jumps changes times, but no id, no version, and no order of versions', async () => {
  const ids = new Set<string>()
  const first = await client.post('Patient', { resourceType: 'Patient' })
  const id = first.body.id as string
  ids.add(id)
  let newest = first.body.meta.lastUpdated as string
  const jumps = [-DAY_MS, DAY_MS, -2 * HOUR_MS, 30 * DAY_MS, 0]
  for (const [index, jump] of jumps.entries()) {
    offsetMs = jump
    const current = await renewed()
    const created = await current.post('Patient', { resourceType: 'Patient' })
    assert.equal(created.status, 201, created.text)
    assert.ok(!ids.has(created.body.id), 'an id comes once')
    ids.add(created.body.id)
    const version = index + 2
    const updated = await current.put(
      `Patient/${id}`,
      { resourceType: 'Patient', id, birthDate: `200${index}` },
      { 'if-match': `W/"${version - 1}"` },
    )
    assert.equal(updated.status, 200, updated.text)
    assert.equal(updated.body.meta.versionId, String(version))
    const stored = RealDate.parse(created.body.meta.lastUpdated) - RealDate.now()
    assert.ok(Math.abs(stored - jump) < HOUR_MS, 'times follow the clock')
    assert.ok(updated.body.meta.lastUpdated >= newest, 'but not back behind the version that is replaced')
    newest = updated.body.meta.lastUpdated
    await readsWork(current, id, { version, count: ids.size })
  }
  const history = await (await renewed()).get(`Patient/${id}/_history`)
  const versions = history.body.entry.map((entry: Json) => Number(entry.resource.meta.versionId))
  assert.deepEqual(
    [...versions].sort((a, b) => a - b),
    [1, 2, 3, 4, 5, 6],
  )
  assert.deepEqual(versions, [6, 5, 4, 3, 2, 1], 'newest version first, whatever the clock said')
})

async function readsWork(current: TestClient, id: string, expected: { version: number; count: number }): Promise<void> {
  const read = await current.get(`Patient/${id}`)
  assert.equal(read.body.meta.versionId, String(expected.version))
  for (let version = 1; version <= expected.version; version++)
    assert.equal((await current.get(`Patient/${id}/_history/${version}`)).status, 200)
  const found = new Set<string>()
  let url: string | undefined = 'Patient?_count=2&_sort=-_lastUpdated'
  while (url !== undefined) {
    const page = await current.get(url)
    assert.equal(page.status, 200, page.text)
    for (const { resource } of page.body.entry as Json[]) {
      assert.ok(!found.has(resource.id), 'a page repeats nothing')
      found.add(resource.id)
    }
    url = page.body.link.find((link: Json) => link.relation === 'next')?.url
  }
  assert.equal(found.size, expected.count, 'a search finds all')
}

test('a token ends when its time is over and at no other moment that a jump could bring about', async () => {
  offsetMs = 0
  const token = await renewed()
  assert.equal((await token.get('Patient')).status, 200)
  offsetMs = -DAY_MS
  assert.equal((await token.get('Patient')).status, 200, 'one from the future is still ours')
  offsetMs = TOKEN_MS - 60_000
  assert.equal((await token.get('Patient')).status, 200)
  offsetMs = TOKEN_MS + 60_000
  assert.equal((await token.get('Patient')).status, 401)
  assert.equal((await (await renewed()).get('Patient')).status, 200)
  offsetMs = DAY_MS
  assert.equal((await token.get('Patient')).status, 401)
  assert.equal((await (await renewed()).get('Patient')).status, 200, 'a new one works at once')
  offsetMs = 0
})

test('the audit of those days verifies, and can be searched', async () => {
  await server.platform.checkpointer.checkpoint()
  const report = await verifyAudit({
    source: databaseSource(server.platform.database),
    publicKey: loadPublicKey(join(server.dataDir, 'keys', PUBLIC_KEY_FILE)),
    anchorDirectory: join(server.dataDir, 'anchors'),
  })
  assert.ok(report.ok, JSON.stringify(report.finding))
  const updates = await server.audit({ action: 'update' })
  assert.equal(updates.length, 5)
  assert.equal((await (await renewed()).get('AuditEvent?_count=5')).status, 200)
})
