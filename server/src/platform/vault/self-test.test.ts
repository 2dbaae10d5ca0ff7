import assert from 'node:assert/strict'
import { getFips } from 'node:crypto'
import { test } from 'node:test'
import { FaultError } from '#kernel'
import { selfTest } from './self-test.ts'

test('the self-test passes, so the dictionaries are those that bodies were sealed with', () => {
  selfTest({ fips: false })
})

test('a changed dictionary stops the start', () => {
  assert.throws(
    () => selfTest({ fips: false, dictionariesSha256: 'of another release' }),
    (error) => error instanceof FaultError && error.fault.code === 'vault.self-test',
  )
})

test('FIPS that is asked for and not in force stops the start, and leaves the process as it was', () => {
  const before = getFips()
  try {
    selfTest({ fips: true })
    // Only where Node.js has a validated provider.
    assert.equal(getFips(), 1)
  } catch (error) {
    assert.ok(error instanceof FaultError)
    assert.equal(error.fault.code, 'vault.fips-not-effective')
    assert.equal(getFips(), before)
  }
  selfTest({ fips: false })
})
