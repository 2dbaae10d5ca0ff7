import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchLoader } from './batch-loader.ts'
import { RID_BLOCK, ridSource } from './rid-source.ts'

test('look-ups of one turn travel together and each gets its own answer', async () => {
  const batches: number[][] = []
  const load = batchLoader<number, string>(async (keys) => {
    batches.push(keys)
    return keys.map((key) => (key === 2 ? undefined : `v${key}`))
  })
  assert.deepEqual(await Promise.all([load(1), load(2), load(3)]), ['v1', undefined, 'v3'])
  assert.deepEqual(batches, [[1, 2, 3]])
})

test('a failing query rejects its own look-ups and no later one', async () => {
  let calls = 0
  const load = batchLoader<number, number>(async (keys) => {
    if (calls++ === 0) throw new Error('down')
    return keys
  })
  await assert.rejects(Promise.all([load(1), load(2)]), /down/)
  assert.equal(await load(3), 3)
})

test('a key that PostgreSQL refuses fails alone, not those that share its query', async () => {
  const load = batchLoader<string, string>(async (keys) => {
    if (keys.includes('bad')) throw Object.assign(new Error('refused'), { code: '22021' })
    return keys
  })
  const answers = await Promise.allSettled([load('a'), load('bad'), load('b')])
  assert.deepEqual(
    answers.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
})

test('numbers never repeat, across blocks and concurrent takers', async () => {
  let block = 1
  const take = ridSource(async () => {
    const first = block
    block += RID_BLOCK
    return first
  })
  const all = (await Promise.all([take(300), take(400), take(1_000), take(1)])).flat()
  assert.equal(all.length, 1_701)
  assert.equal(new Set(all).size, 1_701)
})
