import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FhirPathError } from './fhirpath-error.ts'
import { compilePattern } from './pattern.ts'
import { Run } from './run.ts'

const run = () => new Run({}, [])

test('patterns match as those of JavaScript do', () => {
  const cases: [string, string][] = [
    ['^[A-Za-z0-9\\-\\.]{1,64}$', 'abc-1.2'],
    ['^[A-Za-z0-9\\-\\.]{1,64}$', 'abc_1'],
    ['(a|ab)(c|bcd)(d*)', 'xabcd'],
    ['(?:(a)|b)*', 'abab'],
    ['a{2,3}?b', 'aaab'],
    ['^(?=.*\\d)(?!.*\\s).+$', 'abc1'],
    ['\\bfoo\\B', 'food'],
    ['[^\\s]+(\\s[^\\s]+)*', 'one two  three'],
    ['\\u0041\\x42\\t?', 'zAB'],
    ['(x+x+)+y', 'xxxxy'],
    ['(a*)*b', 'aab'],
    ['(z)((a+)?(b+)?(c))*', 'zaacbbbcac'],
    ['', 'abc'],
  ]
  for (const [source, text] of cases) {
    const expected = new RegExp(source, 's').exec(text)
    const found = compilePattern(source, 0).find(text, 0, run())
    const got = found && { at: found.start, text: text.slice(found.start, found.end) }
    assert.deepEqual(got, expected ? { at: expected.index, text: expected[0] } : undefined, source)
  }
})

test('any pattern of letters, groups and repeats finds what JavaScript finds', () => {
  const atom = fc.constantFrom('a', 'b', '[ab]', '.', '\\w', '(?:a|b)', '(a|ba)', '(a|b)', '(?:(ab)?)', '$', '^')
  const repeat = fc.constantFrom('', '', '*', '+', '?', '{1,2}', '*?', '+?')
  const piece = fc.tuple(atom, repeat).map(([part, times]) => (/[$^]/.test(part) ? part : part + times))
  const source = fc.array(
    fc.oneof(
      piece,
      fc.tuple(piece, piece).map(([a, b]) => `(${a}${b})*`),
    ),
    { maxLength: 5 },
  )
  fc.assert(
    fc.property(source, fc.stringMatching(/^[abc]{0,8}$/), (parts, text) => {
      const expected = new RegExp(parts.join(''), 's').exec(text)
      const found = compilePattern(parts.join(''), 0).find(text, 0, run())
      assert.deepEqual(
        found && [found.start, found.end],
        expected ? [expected.index, expected.index + expected[0].length] : undefined,
      )
    }),
    { numRuns: 2_000 },
  )
})

test('a pattern that would backtrack for ever ends with a limit', () => {
  for (const source of ['(a+)+$', '(aa|aa)*$', '(a|aa)+$', '(.*a){20}$']) {
    const pattern = compilePattern(source, 7)
    const text = `${'a'.repeat(40)}!`
    assert.throws(
      () => pattern.find(text, 0, run()),
      (error) => error instanceof FhirPathError && error.code === 'limit' && error.position === 7,
      source,
    )
  }
  const long = 'ab'.repeat(100_000)
  assert.throws(() => compilePattern('(ab)*c', 0).find(long, 0, run()), FhirPathError)
  assert.equal(compilePattern('^.*b$', 0).find(long, 0, run())?.end, long.length)
})

test('a pattern keeps no state of an evaluation that ended with a limit', () => {
  const pattern = compilePattern('^(a+)+$', 0)
  assert.throws(() => pattern.find(`${'a'.repeat(40)}!`, 0, run()), FhirPathError)
  assert.deepEqual(pattern.find('aaa', 0, run())?.groups, [0, 3, 0, 3])
})

test('what is not supported is refused', () => {
  for (const source of [
    '(a',
    'a)',
    '[a',
    '*',
    '(?<=a)b',
    '\\1',
    '(?<n>a)',
    'a{3,2}',
    '('.repeat(60),
    'a'.repeat(3_000),
  ]) {
    assert.throws(() => compilePattern(source, 0), FhirPathError, source)
  }
})
