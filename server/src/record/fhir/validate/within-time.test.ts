import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quietly } from '#kernel'
import { withinTime } from './within-time.ts'

test('work that ends gives its result, and what it throws', () => {
  assert.deepEqual(
    withinTime(10_000, () => 'done'),
    { result: 'done' },
  )
  assert.deepEqual(
    withinTime(10_000, () => undefined),
    { result: undefined },
  )
  const mistake = new TypeError('a mistake')
  assert.throws(
    () =>
      withinTime(10_000, () => {
        throw mistake
      }),
    (error) => error === mistake,
  )
})

test('work that does not end is stopped wherever it stands, and the next one is not', () => {
  let after = 0
  const endless = (): number => {
    try {
      for (;;) after = 0
    } catch {
      return after++
    } finally {
      after++
    }
  }
  assert.equal(withinTime(20, endless), undefined)
  assert.equal(after, 0)
  assert.deepEqual(
    withinTime(10_000, () => 1),
    { result: 1 },
  )
})

test('what is stopped while it is silenced leaves no silence behind', () => {
  const { log, warn, error } = console
  const endless = (): never => {
    for (;;) Math.sqrt(2)
  }
  assert.equal(
    withinTime(20, () => quietly(() => quietly(endless))),
    undefined,
  )
  assert.deepEqual([console.log, console.warn, console.error], [log, warn, error])
  assert.equal(
    quietly(() => console.log === log),
    false,
  )
  assert.equal(console.log, log)
})
