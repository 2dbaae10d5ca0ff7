import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ATTEMPTS_MAX, newPatience, pauseMs } from './load-patience.ts'
import { tokenSource } from './load-token.ts'

test('pauses double up to a limit, spread by chance, and the wish of the server is met', () => {
  assert.deepEqual(
    [1, 2, 3, 20].map((attempt) => pauseMs(attempt, undefined, 0.5)),
    [250, 500, 1000, 15_000],
  )
  assert.ok(pauseMs(1, undefined, 0) < pauseMs(1, undefined, 1))
  assert.equal(pauseMs(1, 7000, 0), 7000)
  assert.equal(pauseMs(1, 86_400_000, 0), 60_000)
})

test('patience ends after its attempts, and at once when the load is stopped', async () => {
  const stop = new AbortController()
  const patience = newPatience(stop.signal, 1e6)
  assert.equal(await patience.wait(1), true)
  assert.equal(await patience.wait(ATTEMPTS_MAX), false)
  const waiting = newPatience(stop.signal).wait(ATTEMPTS_MAX - 1)
  stop.abort()
  assert.equal(await waiting, false)
})

test('a token is fetched once for all lanes, again before it ends, and again when refused', async () => {
  let now = 0
  let fetched = 0
  const source = tokenSource(
    () => Promise.resolve({ access_token: `t${++fetched}`, expires_in: 900 }),
    () => now,
  )
  assert.deepEqual(await Promise.all([source.current(), source.current()]), ['t1', 't1'])
  now = 839_000
  assert.equal(await source.current(), 't1')
  now = 841_000
  assert.equal(await source.current(), 't2')
  source.refused('t1')
  assert.equal(await source.current(), 't2')
  source.refused('t2')
  assert.equal(await source.current(), 't3')
})

test('a fetch that failed is tried again by the next who asks', async () => {
  let fetched = 0
  const source = tokenSource(() =>
    ++fetched === 1 ? Promise.reject(new Error('away')) : Promise.resolve({ access_token: 't', expires_in: 60 }),
  )
  await assert.rejects(source.current())
  assert.equal(await source.current(), 't')
})
