import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFailureLimiter } from './failure-limiter.ts'

function limiterAt(): { limiter: ReturnType<typeof createFailureLimiter>; pass(ms: number): void } {
  let now = 0
  const limiter = createFailureLimiter({ now: () => 0, monotonic: () => now })
  return {
    limiter,
    pass: (ms) => {
      now += ms
    },
  }
}

test('the wait starts after five failures and doubles up to a minute', () => {
  const { limiter, pass } = limiterAt()
  for (let i = 0; i < 4; i++) limiter.failed('a', '10.0.0.1')
  assert.equal(limiter.waitMs('a', '10.0.0.1'), 0)
  const waits: number[] = []
  for (let i = 0; i < 9; i++) {
    limiter.failed('a', '10.0.0.1')
    waits.push(limiter.waitMs('a', '10.0.0.1'))
    pass(waits.at(-1) ?? 0)
    assert.equal(limiter.waitMs('a', '10.0.0.1'), 0)
  }
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
})

test('failures from one address never make the client wait elsewhere, nor another client there', () => {
  const { limiter } = limiterAt()
  for (let i = 0; i < 50; i++) limiter.failed('a', '10.0.0.1')
  assert.ok(limiter.waitMs('a', '10.0.0.1') > 0)
  assert.equal(limiter.waitMs('a', '10.0.0.2'), 0)
  assert.equal(limiter.waitMs('b', '10.0.0.1'), 0)
})

test('a success forgives, and so does a quarter of an hour', () => {
  const { limiter, pass } = limiterAt()
  for (let i = 0; i < 9; i++) limiter.failed('a', '10.0.0.1')
  limiter.succeeded('a', '10.0.0.1')
  assert.equal(limiter.waitMs('a', '10.0.0.1'), 0)
  for (let i = 0; i < 9; i++) limiter.failed('a', '10.0.0.1')
  pass(15 * 60_000 + 1)
  limiter.failed('a', '10.0.0.1')
  assert.equal(limiter.waitMs('a', '10.0.0.1'), 0)
})

test('the pair that failed last is remembered when there are too many', () => {
  const { limiter } = limiterAt()
  for (let i = 0; i < 9; i++) limiter.failed('old', '10.0.0.1')
  for (let i = 0; i < 10_000; i++) limiter.failed(`other-${i}`, '10.0.0.1')
  for (let i = 0; i < 9; i++) limiter.failed('new', '10.0.0.1')
  assert.equal(limiter.waitMs('old', '10.0.0.1'), 0)
  assert.ok(limiter.waitMs('new', '10.0.0.1') > 0)
})
