import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quietly } from './quietly.ts'

test('what a library prints is dropped, also when it throws, and printing works again afterwards', () => {
  const printed: unknown[] = []
  const { log } = console
  console.log = (text: unknown) => printed.push(text)
  try {
    assert.equal(
      quietly(() => {
        console.log('Jane Roe')
        console.error('Jane Roe')
        return 7
      }),
      7,
    )
    assert.throws(() =>
      quietly(() => {
        console.warn('Jane Roe')
        throw new RangeError('no')
      }),
    )
    assert.deepEqual(printed, [])
    console.log('after')
  } finally {
    console.log = log
  }
  assert.deepEqual(printed, ['after'])
})
