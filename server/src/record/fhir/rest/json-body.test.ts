import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseExactly, parseJsonBody } from './json-body.ts'

const bytes = (text: string) => Buffer.from(text)
const parsed = (text: string) => {
  const result = parseJsonBody(bytes(text))
  assert.ok(result.ok)
  return result.value
}

test('members are counted, so that a doubled key shows', () => {
  assert.equal(parsed('{"a":1,"b":{"c":[{"d":"x:y"}]}}').scan.members, 4)
  assert.equal(parsed('{"a":1,"a":2}').scan.members, 2)
})

test('numbers whose written form matters are noticed and kept', () => {
  for (const number of ['1.50', '1e3', '0.00000001', '12345678901234567890', '-0', '100.0'])
    assert.equal(parsed(`{"a":${number}}`).scan.lossyNumbers, true, number)
  for (const number of ['1.5', '10', '-3', '0', '0.25'])
    assert.equal(parsed(`{"a":${number}}`).scan.lossyNumbers, false, number)
  assert.equal(JSON.stringify(parseExactly(bytes('{"v":1.50,"w":[1e3,2]}'))), '{"v":1.50,"w":[1e3,2]}')
})

test('a number counts as lossy exactly when writing it again would change it', () => {
  const digits = fc.stringMatching(/^[0-9]{1,20}$/)
  const numbers = fc
    .tuple(fc.boolean(), fc.oneof(fc.nat().map(String), digits), fc.option(digits))
    .map(
      ([negative, whole, part]) =>
        `${negative ? '-' : ''}${whole.replace(/^0+(?=.)/, '')}${part === null ? '' : `.${part}`}`,
    )
  const doubles = fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)
  fc.assert(
    fc.property(fc.oneof(numbers, doubles), (number) => {
      assert.equal(parsed(`{"a":${number}}`).scan.lossyNumbers, String(Number(number)) !== number)
    }),
    { numRuns: 2_000 },
  )
})

test('the resources of bundle entries are located, with their own member counts', () => {
  const text =
    '{"resourceType":"Bundle","entry":[{"resource":{"a":{"resource":{"x":1}},"n":1.0},"request":{"method":"POST"}},{"request":{}},{"resource":{"b":2}}]}'
  const { scan } = parsed(text)
  assert.deepEqual(
    scan.entries.map((span) => (span.start < 0 ? undefined : text.slice(span.start, span.end))),
    ['{"a":{"resource":{"x":1}},"n":1.0}', undefined, '{"b":2}'],
  )
  assert.deepEqual(
    scan.entries.map((span) => span.members),
    [4, 0, 1],
  )
  assert.deepEqual(
    scan.entries.map((span) => span.lossyNumbers),
    [true, false, false],
  )
})

test('what is not a JSON object in UTF-8 of bounded depth is refused without quoting it', () => {
  const refused = (body: Buffer, code: string) => {
    const result = parseJsonBody(body)
    assert.ok(!result.ok)
    assert.equal(result.fault.code, code)
    assert.doesNotMatch(result.fault.message, /secret/)
  }
  refused(Buffer.from([0x7b, 0xff, 0x7d]), 'fhir.json.not-utf8')
  refused(bytes('{"secret":'), 'fhir.json.syntax')
  refused(bytes('["secret"]'), 'fhir.json.not-an-object')
  refused(bytes(`${'['.repeat(101)}${']'.repeat(101)}`), 'fhir.json.too-deep')
  refused(bytes(`{"a":${'{"a":'.repeat(9_999)}1${'}'.repeat(9_999)}}`), 'fhir.json.too-deep')
})

test('a byte order mark is accepted', () => {
  assert.deepEqual(parsed('\uFEFF{"a":1}').value, { a: 1 })
})
