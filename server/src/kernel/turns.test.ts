import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventLoopTurns } from './turns.ts'

test('the event loop gets a turn when 20 ms have passed, and not before', async () => {
  let now = 0
  const turn = eventLoopTurns({ now: () => 0, monotonic: () => now })
  let others = 0
  setImmediate(() => others++)
  assert.equal(turn(), undefined)
  now = 19
  assert.equal(turn(), undefined)
  await turn()
  assert.equal(others, 0)
  now = 20
  await turn()
  assert.equal(others, 1, 'what waited for its turn has run')
  assert.equal(turn(), undefined, 'the next stretch begins then')
})
