import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoredCache } from './stored-cache.ts'

test('what was looked up is remembered, found or not, and a failure is not', async () => {
  const cache = new StoredCache<string[]>()
  let asked = 0
  const fetch = async () => ({ value: [`${++asked}`], bytes: 1 })
  assert.deepEqual(await Promise.all([cache.of('a', fetch), cache.of('a', fetch)]), [['1'], ['1']])
  await assert.rejects(
    cache.of('b', () => Promise.reject(new Error('down'))),
    /down/,
  )
  assert.deepEqual(await cache.of('b', fetch), ['2'])
})

test('what was not asked for longest is forgotten when all has too many bytes, names included', async () => {
  const cache = new StoredCache<number>(100_000)
  let asked = 0
  const fetch = async () => ({ value: ++asked, bytes: 30_000 })
  for (const key of ['a', 'b', 'c']) await cache.of(key, fetch)
  await cache.of('a', fetch)
  await cache.of('d', fetch)
  assert.equal(asked, 4)
  assert.ok(cache.bytes <= 100_000)
  assert.equal(await cache.of('a', fetch), 1)
  assert.equal(await cache.of('b', fetch), 5)
  for (let at = 0; at < 1_000; at++) await cache.of(`${at}${'x'.repeat(2_000)}`, async () => ({ value: 0, bytes: 0 }))
  assert.ok(cache.bytes <= 100_000)
})
