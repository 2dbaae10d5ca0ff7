import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numberRange } from './number-range.ts'

test('the written precision decides the interval', () => {
  assert.deepEqual(numberRange('5.4'), { value: 5.4, lo: 5.35, hi: 5.45 })
  assert.deepEqual(numberRange('100'), { value: 100, lo: 99.5, hi: 100.5 })
  assert.deepEqual(numberRange('100.00'), { value: 100, lo: 99.995, hi: 100.005 })
  assert.deepEqual(numberRange('1e2'), { value: 100, lo: 95, hi: 105 })
  assert.deepEqual(numberRange('-5'), { value: -5, lo: -5.5, hi: -4.5 })
})

test('what is no decimal is refused', () => {
  for (const text of ['', 'x', '5,4', '1e999', 'Infinity', '0x10', '--1', '1.'])
    assert.equal(numberRange(text), undefined, text)
})
