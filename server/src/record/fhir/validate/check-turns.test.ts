import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError } from '#kernel'
import { CheckTurns } from './check-turns.ts'
import { VALIDATE_LIMITS } from './validate-limits.ts'

/** Time passes only as work takes it, and a bit with each look. */
function turnsByHand(): {
  turns: CheckTurns
  work: (name: string, ms: number) => () => string
  did: string[]
  pass(ms: number): void
} {
  let now = 1
  const did: string[] = []
  return {
    turns: new CheckTurns({ now: () => 0, monotonic: () => (now += 0.001) }),
    did,
    work: (name, ms) => () => {
      now += ms
      did.push(name)
      return name
    },
    pass: (ms) => {
      now += ms
    },
  }
}

const codeOf = (error: unknown): string => (error instanceof FaultError ? error.fault.code : String(error))

test('short work is done at once; after 20 ms others have a turn first', async () => {
  const { turns, work, did } = turnsByHand()
  const first = turns.run(1, work('a', 5))
  assert.deepEqual(did, ['a'])
  const all = [first, turns.run(1, work('b', 30)), turns.run(1, work('c', 1))]
  assert.deepEqual(did, ['a', 'b'])
  setImmediate(() => did.push('others'))
  assert.deepEqual(await Promise.all(all), ['a', 'b', 'c'])
  assert.ok(did.indexOf('others') < 3)
})

test('long work of many tenants is done one at a time, with a turn for others after each', async () => {
  const { turns, work, did } = turnsByHand()
  let over = false
  const tick = (): void => {
    did.push('-')
    if (!over) setImmediate(tick)
  }
  setImmediate(tick)
  await Promise.all(Array.from({ length: 6 }, (_, index) => turns.run(index % 3, work(`w${index}`, 300))))
  over = true
  assert.ok(!/w\d w\d/.test(did.join(' ')), did.join(' '))
})

test('a tenant that used more than its share waits behind the others', async () => {
  const { turns, work, did, pass } = turnsByHand()
  await turns.run(1, work('much', VALIDATE_LIMITS.usedMs + 100))
  const all = [turns.run(1, work('mine', 30)), turns.run(2, work('other', 30))]
  await all[1]
  assert.deepEqual(did, ['much', 'other'])
  // When it has rested, it goes on with the next that comes.
  pass(VALIDATE_LIMITS.waitMs / 2)
  assert.equal(await turns.run(3, work('third', 1)), 'third')
  assert.deepEqual(await Promise.all(all), ['mine', 'other'])
})

test('what was used wears off', async () => {
  const { turns, work, did, pass } = turnsByHand()
  await turns.run(1, work('much', VALIDATE_LIMITS.usedMs + 100))
  pass(VALIDATE_LIMITS.usedWithinMs * 2)
  await new Promise((resolve) => setImmediate(resolve))
  void turns.run(1, work('mine', 1))
  assert.deepEqual(did, ['much', 'mine'])
})

test('too many that wait, and who has waited too long, are refused as busy; what work throws is its own', async () => {
  const { turns, work, did, pass } = turnsByHand()
  await turns.run(1, work('long', 100))
  const waiting = Array.from({ length: VALIDATE_LIMITS.waitingMax }, (_, index) => turns.run(1, work(`w${index}`, 0)))
  await assert.rejects(turns.run(1, work('one more', 1)), (error) => codeOf(error) === 'fhir.validate.busy')
  const other = turns.run(2, () => {
    throw new TypeError('mistake')
  })
  await assert.rejects(other, TypeError)
  await Promise.all(waiting)
  await turns.run(1, work('long', 100))
  const late = turns.run(1, work('late', 1))
  pass(VALIDATE_LIMITS.waitMs)
  await assert.rejects(late, (error) => codeOf(error) === 'fhir.validate.busy')
  assert.ok(!did.includes('late') && !did.includes('one more'))
})
