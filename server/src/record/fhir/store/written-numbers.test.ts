import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMarked, parseMarkedInTurns, parseTagged, unmarked, untagged } from './written-numbers.ts'

const TEXT =
  '{"a":1.50,"b":1.5,"c":[{"d":-0.0,"_d":{"id":"x"}},{"_d":{"id":"y"},"d":2.0}],"e":"1.50","f":null,"g":[1e3],"h":{"i":12345678901234567890}}'

test('numbers travel as marked text and come back as they were written', () => {
  assert.equal(JSON.stringify(unmarked(parseMarked(TEXT))), TEXT)
})

test('in turns the same comes of it, whatever stands in the strings', async () => {
  const strings = '{"a\\"1.50":"\\\\","b":"x\\\\\\"2.0","c":[1.0, 2.50,\\n3],"d":"","e":-1.0e2,"f":true}'.replace(
    '\\n',
    '\n',
  )
  for (const text of [TEXT, strings, '{}', '[1.0]', '1.0', '{"a":1}'])
    assert.deepEqual(await parseMarkedInTurns(text, () => undefined), parseMarked(text), text)
  let turns = 0
  await parseMarkedInTurns(JSON.stringify(Array.from({ length: 5_000 }, () => 'x')), () => void turns++)
  assert.ok(turns > 3, `${turns} turns`)
})

test('numbers travel beside their written form, which siblings keep', () => {
  const tagged = parseTagged(TEXT) as { a: number; b: number; _b?: object; c: { d: number }[] }
  assert.equal(tagged.a, 1.5)
  assert.equal(tagged._b, undefined, 'a number that loses nothing needs no sibling')
  assert.deepEqual(untagged(tagged, false), JSON.parse(TEXT))
  // A number inside an array has no sibling; FHIR has no decimals there.
  assert.equal(JSON.stringify(untagged(tagged, true)), TEXT.replace('1e3', '1000'))
})

test('a written form whose number was replaced or removed is not used', () => {
  const tagged = parseTagged('{"a":1.50,"b":2.0}') as { a?: number; b: number }
  delete tagged.a
  tagged.b = 7
  assert.equal(JSON.stringify(untagged(tagged, true)), '{"b":7}')
})
