import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, FaultError } from '#kernel'
import type { IndexTools } from '../search/index-resource.ts'
import { indexDrafts } from './index-drafts.ts'
import type { Resource } from './write-request.ts'

const tools: IndexTools = { tokens: { token: () => Buffer.alloc(8) } }
const still: Clock = { now: () => 0, monotonic: () => 0 }
const patient = (identifiers: number): Resource => ({
  resourceType: 'Patient',
  identifier: Array.from({ length: identifiers }, (_, i) => ({ value: String(i) })),
})

test('each draft has its row, in order, and a delete has none', async () => {
  const rows = await indexDrafts(still, [{ resource: patient(2) }, {}, { resource: patient(3) }], () => tools)
  assert.deepEqual(
    rows.map((row) => row && row.tokens.length / 8),
    // A patient of whom nobody says otherwise is found by deceased=false.
    [3, undefined, 4],
  )
})

test('more than 2 million values to search by are refused before they are stored', async () => {
  const drafts = (count: number) => Array.from({ length: count }, () => ({ resource: patient(99_900) }))
  assert.equal((await indexDrafts(still, drafts(20), () => tools)).length, 20)
  await assert.rejects(
    indexDrafts(still, drafts(21), () => tools),
    (error) => error instanceof FaultError && error.fault.code === 'fhir.store.values-to-index-too-many',
  )
})

test('other requests get their turn between the resources of a large one', async () => {
  let now = 0
  const slow: Clock = { now: () => 0, monotonic: () => (now += 5) }
  let turns = 0
  const other = (): void => {
    turns++
    pending = setImmediate(other)
  }
  let pending = setImmediate(other)
  await indexDrafts(
    slow,
    Array.from({ length: 40 }, () => ({ resource: patient(1) })),
    () => tools,
  )
  clearImmediate(pending)
  assert.ok(turns >= 5, `${turns} turns`)
})
