import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PRIMITIVE_BASES } from '../structure/structure.ts'
import { PRIMITIVE_CHECKS } from './primitives.ts'

/** Per type: what must pass, and what must not. */
const CASES: Record<string, { good: unknown[]; bad: unknown[] }> = {
  base64Binary: {
    good: ['QQ==', 'QUI=', 'QUJD', 'QU\nJD', 'A'.repeat(4_000_000)],
    bad: ['', 'Q', 'QQ', 'QUI', 'QQ===', '=QQQ', 'Q=Q=', 'QU-_', ' ', 1],
  },
  boolean: { good: [true, false], bad: ['true', 1, null] },
  canonical: { good: ['http://a/b|1.0', '#a'], bad: ['a b', ''] },
  code: { good: ['a', 'a b', '<='], bad: ['', ' a', 'a ', 'a  b', '\u00a0', 5] },
  date: { good: ['2020', '2020-02', '2020-02-29'], bad: ['2020-02-30', '2020-13', '2020-02-29T00:00:00Z', 2020, ''] },
  dateTime: { good: ['2020', '2020-02-29T00:00:00Z', '2020-02-29T00:00:00.1+01:00'], bad: ['2020-02-29T00:00', 'x'] },
  decimal: { good: [0, -1.5, 1e300], bad: ['1', Number.POSITIVE_INFINITY, Number.NaN, null] },
  id: { good: ['a', 'A-1.b', 'a'.repeat(64)], bad: ['', 'a_b', 'a'.repeat(65), 'a b', 7, 'a\n'] },
  instant: { good: ['2020-02-29T00:00:00Z'], bad: ['2020-02-29', '2020-02-29T00:00:00'] },
  integer: { good: [0, -2147483648, 2147483647], bad: [1.5, 2147483648, '1'] },
  markdown: { good: ['*a*\n\tb'], bad: ['', 3] },
  oid: { good: ['urn:oid:1.2.0'], bad: ['1.2.3', 'urn:oid:3.1', 'urn:oid:1.02', 'urn:oid:1'] },
  positiveInt: { good: [1], bad: [0, -1, 1.5] },
  string: {
    good: ['a', ' a ', 'ü\r\n\t', 'a'.repeat(1_048_576)],
    bad: ['', 'a\u0000', 'a\u001b', 'a'.repeat(1_048_577), 1],
  },
  time: { good: ['10:00:00'], bad: ['10:00', 10, '25:00:00'] },
  unsignedInt: { good: [0], bad: [-1, 0.5] },
  uri: { good: ['urn:a', 'a/b'], bad: ['a b', '', 'a\n'] },
  url: { good: ['http://a'], bad: ['a b'] },
  uuid: {
    good: ['urn:uuid:c757873d-ec9a-4326-a141-556f43239520'],
    bad: ['c757873d-ec9a-4326-a141-556f43239520', 'urn:uuid:1'],
  },
  xhtml: { good: ['<div>a</div>'], bad: ['a', '<div>', '', '<div>\u0000</div>', {}] },
}

test('each primitive type takes its format and nothing else', () => {
  assert.deepEqual(Object.keys(CASES), Object.keys(PRIMITIVE_BASES))
  assert.deepEqual(Object.keys(PRIMITIVE_CHECKS).toSorted(), Object.keys(PRIMITIVE_BASES))
  for (const [type, { good, bad }] of Object.entries(CASES)) {
    for (const value of good)
      assert.equal(PRIMITIVE_CHECKS[type]?.(value), null, `${type}: ${String(value).slice(0, 40)}`)
    for (const value of bad) assert.ok(PRIMITIVE_CHECKS[type]?.(value), `${type}: ${String(value).slice(0, 40)}`)
  }
})

test('a message never repeats the value', () => {
  for (const check of Object.values(PRIMITIVE_CHECKS)) {
    const problem = check('secret\u0000secret secret ')
    if (problem !== null) assert.ok(!problem.message.includes('secret'))
  }
})

test('characters that XML cannot carry are in no text, uri, code or narrative', () => {
  for (const type of ['string', 'markdown', 'uri', 'url', 'canonical', 'code'])
    for (const bad of ['a\u0001', 'a\ufffe', '\uffffa', 'a\ud800', '\udc00a', 'a\udc00\ud800b'])
      assert.ok(PRIMITIVE_CHECKS[type]?.(bad), `${type}: ${JSON.stringify(bad)}`)
  for (const type of ['string', 'uri', 'code'])
    for (const good of ['a\ufffd', 'a\u{1f9ba}b', 'a\ufffc', '\u0085x'])
      assert.equal(PRIMITIVE_CHECKS[type]?.(good), null, `${type}: ${JSON.stringify(good)}`)
  const xhtml = (text: string) => PRIMITIVE_CHECKS.xhtml?.(`<div title="${text}">${text}</div>`)
  for (const bad of [
    '\ufffe',
    '\ud800',
    '&#0;',
    '&#1;',
    '&#x1F;',
    '&#xD800;',
    '&#xfffe;',
    '&#65535;',
    '&#x110000;',
    '&#9999999;',
  ])
    assert.ok(xhtml(bad), JSON.stringify(bad))
  for (const bad of ['&#0;', 'a=1&b=2', '&nbsp;'])
    assert.ok(PRIMITIVE_CHECKS.xhtml?.(`<div title="${bad}">a</div>`), bad)
  for (const good of ['\u{1f9ba}', '&#9;', '&#xA0;', '&#x1f9ba;', '&#xFFFD;', '&amp;#0;'])
    assert.equal(xhtml(good), null, JSON.stringify(good))
})
