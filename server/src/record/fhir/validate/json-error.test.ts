import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonErrorPlace } from './json-error.ts'

test('the first error has a line and a column', () => {
  const cases: [string, number, number][] = [
    ['', 1, 1],
    ['{"a": 1,\n  "b": }', 2, 8],
    ['{"a": 1,}', 1, 9],
    ['[1, 2,, 3]', 1, 7],
    ['[1, 2', 1, 6],
    ['{"a" 1}', 1, 6],
    ['{a: 1}', 1, 2],
    ['{"a": "x\ny"}', 1, 7],
    ['{"a": "\\x"}', 1, 7],
    ['{"a": 01}', 1, 7],
    ['{"a": 1]', 1, 8],
    ['{}\n\n{}', 3, 1],
    [`${'['.repeat(100_000)}`, 1, 100_001],
  ]
  for (const [text, line, column] of cases) {
    assert.throws(() => JSON.parse(text))
    assert.deepEqual(jsonErrorPlace(text), { line, column }, text.slice(0, 20))
  }
})

test('there is no error in what is JSON', () => {
  for (const text of [
    '{}',
    '[]',
    ' {"a": [1, -0.5e+10, "\\u00e9\\"", true, null, {}, []]}\r\n',
    '"x"',
    '[[],{"a":{}}]',
  ])
    assert.equal(jsonErrorPlace(text), undefined, text)
})
