import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { longestGap } from '../../../../../test/fixtures/longest-gap.ts'
import { profile } from '../../../../../test/fixtures/profiles.ts'
import {
  type Answer,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'
import { writePolicy } from '../validate/store.ts'

let server: TestServer
let client: TestClient
let neighbour: TestClient
before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  neighbour = await server.client('system/*.cruds', server.tenants[1])
})
after(() => server.close())

/** A tenth of the work that all of these checks together would be: whoever runs them back to back is far beyond it. */
const GAP_MS = 1_500

/** Every element, for every element. */
const SLOW = '%resource.descendants().select(%resource.descendants().count()).count() < 0'

const slow = (name: string, length: number): Json =>
  profile(name, 'Patient', [
    {
      path: 'Patient',
      constraint: Array.from({ length }, (_, index) => ({
        key: `slow-${index}`,
        severity: 'error',
        human: 'It must cost too much.',
        expression: SLOW,
      })),
    },
  ])

const large = (length: number): object => ({
  resourceType: 'Patient',
  name: Array.from({ length }, (_, index) => ({ family: `f${index}`, given: ['a', 'b', 'c'] })),
})

/** On a slow machine a check before may have been stopped, after which its tenant waits for ten seconds. */
async function rested(): Promise<void> {
  for (const end = performance.now() + 60_000; performance.now() < end; await sleep(200))
    if ((await client.post('Patient/$validate', { resourceType: 'Patient' })).status === 200) return
  assert.fail('the tenant was not served again within a minute')
}

for (const { name, invariants, names, at } of [
  { name: 'bombs', invariants: 400, names: 120, at: 10 },
  { name: 'medium', invariants: 60, names: 150, at: 8 },
]) {
  test(`${at} ${name} at once: others are served meanwhile, and none of them passes`, async () => {
    const costly = slow(name, invariants)
    assert.equal((await client.post('StructureDefinition', costly)).status, 201)
    await rested()
    let answers: Answer[] = []
    const gap = await longestGap(async () => {
      const all = Array.from({ length: at }, () => client.post(`Patient/$validate?profile=${costly.url}`, large(names)))
      await sleep(20)
      assert.equal((await neighbour.post('Patient/$validate', { resourceType: 'Patient' })).status, 200)
      answers = await Promise.all(all)
    })
    for (const { status, body } of answers) {
      assert.ok([200, 422, 429].includes(status))
      assert.ok(body.issue.some(({ severity }: Json) => severity === 'error'))
    }
    assert.ok(gap < GAP_MS, `nothing else ran for ${Math.round(gap)} ms`)
  })
}

test('a transaction of 2,000 ordinary resources is checked and stored, also right after that', async () => {
  await writePolicy(server.platform.database, { tenant: 1, policy: 'reject', since: 0 })
  const url = 'http://hl7.org/fhir/StructureDefinition/Observation'
  const unsound = { resourceType: 'Patient', meta: { profile: ['http://example.org/unknown'] } }
  while ((await client.post('Patient', unsound)).status !== 422) await sleep(50)
  const observation = (index: number): object => ({
    resourceType: 'Observation',
    meta: { profile: [url] },
    status: 'final',
    code: { text: 'Number' },
    valueQuantity: { value: index, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
  })
  const answer = await client.post('', {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: Array.from({ length: 2_000 }, (_, index) => ({
      request: { method: 'POST', url: 'Observation' },
      resource: observation(index),
    })),
  })
  assert.equal(answer.status, 200, answer.text.slice(0, 1_000))
  assert.equal(answer.body.entry.length, 2_000)
})
