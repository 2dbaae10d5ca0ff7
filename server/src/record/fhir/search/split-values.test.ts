import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitValues, unescapeValue } from './split-values.ts'

test('escaped separators belong to the value', () => {
  assert.deepEqual(splitValues('a,b\\,c,d', ','), ['a', 'b\\,c', 'd'])
  assert.deepEqual(splitValues('a\\\\,b', ','), ['a\\\\', 'b'])
  assert.deepEqual(splitValues('x|y\\|z', '|').map(unescapeValue), ['x', 'y|z'])
  assert.equal(unescapeValue('\\$\\\\\\n'), '$\\\\n')
})
