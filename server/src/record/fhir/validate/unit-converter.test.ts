import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unitConverter } from './unit-converter.ts'

const convert = (value: number, from: string, to: string): number | undefined => {
  const converted = unitConverter.convert(value, from, to)
  return converted === undefined ? undefined : Number(converted.toPrecision(12))
}

test('units of one kind convert, temperatures with their zero; others do not', () => {
  assert.equal(convert(1.5, 'g', 'mg'), 1_500)
  assert.equal(convert(37, 'Cel', '[degF]'), 98.6)
  assert.equal(convert(2, '[iU]', '[iU]'), 2)
  assert.equal(convert(1, 'g', 'm'), undefined)
  assert.equal(convert(1, 'nonsense', 'g'), undefined)
})
