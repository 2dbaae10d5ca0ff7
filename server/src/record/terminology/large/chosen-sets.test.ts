import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ChosenSets } from './chosen-sets.ts'

test('what a filter chose is asked once, and told number by number', async () => {
  const sets = new ChosenSets()
  let asked = 0
  const fetch = async (): Promise<number[]> => {
    asked++
    return [2, 5, 9]
  }
  const [one, other] = await Promise.all([sets.of('a', fetch), sets.of('a', fetch)])
  assert.equal(asked, 1)
  assert.deepEqual(
    [1, 2, 3, 5, 9, 10].map((id) => one.has(id)),
    [false, true, false, true, true, false],
  )
  assert.ok(other.has(5))
  const failing = (): Promise<number[]> => Promise.reject(new Error('down'))
  await assert.rejects(sets.of('b', failing), /down/)
  assert.ok((await sets.of('b', fetch)).has(2))
})

test('the sets that were not used longest are forgotten when all have too many bytes', async () => {
  const sets = new ChosenSets(10_000)
  let asked = 0
  const fetch = async (): Promise<number[]> => {
    asked++
    return Array.from({ length: 1_000 }, (_, at) => at)
  }
  await sets.of('a', fetch)
  await sets.of('b', fetch)
  await sets.of('a', fetch)
  await sets.of('c', fetch)
  await setImmediate()
  assert.ok(sets.bytes <= 10_000)
  assert.equal(asked, 3)
  await sets.of('a', fetch)
  assert.equal(asked, 3)
  await sets.of('b', fetch)
  assert.equal(asked, 4)
})
