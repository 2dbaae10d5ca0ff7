import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toCanonical, ucumUnit } from './ucum-unit.ts'

const same = (left: [number, string], right: [number, string]): void => {
  const a = ucumUnit(left[1])
  const b = ucumUnit(right[1])
  assert.equal(a.key, b.key)
  assert.equal(toCanonical(a, left[0]), toCanonical(b, right[0]))
}

test('values in different units of one kind become equal', () => {
  same([5.4, 'mg'], [0.0054, 'g'])
  same([1, 'mmol/L'], [1000, 'umol/L'])
  same([37, 'Cel'], [310.15, 'K'])
  same([98.6, '[degF]'], [37, 'Cel'])
  same([72, '{beats}/min'], [72, '/min'])
})

test('what cannot be compared stays apart', () => {
  assert.notEqual(ucumUnit('mg/dL').key, ucumUnit('mmol/L').key)
  assert.notEqual(ucumUnit('[iU]/L').key, ucumUnit("[arb'U]/L").key)
  assert.notEqual(ucumUnit('[pH]').key, ucumUnit('mol/L').key)
  assert.notEqual(ucumUnit('not-a-unit').key, ucumUnit('other').key)
  assert.equal(toCanonical(ucumUnit('not-a-unit'), 7), 7)
})
