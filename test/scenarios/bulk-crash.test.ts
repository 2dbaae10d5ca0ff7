import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ended, kickOff, linesOf } from '../fixtures/bulk.ts'
import type { Json, TestClient } from '../fixtures/server.ts'
import { serverHome } from '../fixtures/server-process.ts'

/** With and without an id of their own, in turns; each with an identifier to be known by. */
const RESOURCES = 20_000
/** So long that an export has some twenty pages. */
const FILLER = 'y'.repeat(900)
const DAMAGED = [77, 5_555, 19_999]

const line = (index: number): string =>
  DAMAGED.includes(index)
    ? '{"resourceType":"Basic"'
    : JSON.stringify({
        resourceType: 'Basic',
        ...(index % 2 === 0 ? { id: `basic-${index}` } : {}),
        identifier: [{ system: 'urn:bulk', value: String(index) }],
        code: { text: FILLER },
      })

/** Asks without a pause until the job has done something, and returns how much; fails when it is through by then. */
async function underWay(client: TestClient, location: string): Promise<number> {
  for (;;) {
    const answer = await client.get(location)
    assert.equal(answer.status, 202, 'the job is still under way')
    const done = Number.parseInt(answer.headers.get('x-progress') ?? '', 10)
    if (done > 0) return done
  }
}

test('an import and an export that are killed in the middle go on after the next start, and each resource is there once', async (t) => {
  const home = await serverHome()
  t.after(() => home.remove())
  let server = await home.start()
  let client = await home.client()
  const upload = Array.from({ length: RESOURCES }, (_, index) => line(index)).join('\n')
  const importing = await kickOff(client, '$import', upload, { 'content-type': 'application/fhir+ndjson' })
  const stored = await underWay(client, importing)
  await server.stop('SIGKILL')
  assert.ok(stored < RESOURCES - DAMAGED.length, `${stored} stored before`)

  server = await home.start()
  client = await home.client()
  const imported = await ended(client, importing)
  assert.equal(imported.status, 200)
  assert.deepEqual(imported.body.extension, { stored: RESOURCES - DAMAGED.length, refused: DAMAGED.length })
  const refusals = await linesOf(client, imported.body.error)
  assert.deepEqual(
    refusals.map(({ issue }) => issue[0].diagnostics.split(':')[0]),
    DAMAGED.map((index) => `Input 1, line ${index + 1}`),
  )

  const exporting = await kickOff(client, '$export?_type=Basic')
  const written = await underWay(client, exporting)
  await server.stop('SIGKILL')
  assert.ok(written < RESOURCES - DAMAGED.length, `${written} written before`)

  await home.start()
  client = await home.client()
  const exported = await ended(client, exporting)
  assert.equal(exported.status, 200)
  const lines = await linesOf(client, exported.body.output)
  const values = lines.map(({ identifier }: Json) => Number(identifier[0].value)).sort((a, b) => a - b)
  const expected = Array.from({ length: RESOURCES }, (_, index) => index).filter((index) => !DAMAGED.includes(index))
  assert.deepEqual(values, expected)
  assert.ok(
    lines.every(({ meta }: Json) => meta.versionId === '1'),
    'nothing was written twice',
  )
})
