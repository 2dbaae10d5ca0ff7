import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from './compile.ts'
import { FhirPathError } from './fhirpath-error.ts'
import { patientExample } from './patient.fixture.ts'
import { r4Subset } from './r4-subset.fixture.ts'
import type { Environment } from './run.ts'

const run = (expression: string, env?: Environment, input: unknown = patientExample) =>
  compile(expression, { model: r4Subset })(input, env)

test('sort orders by keys, in either direction, and keeps the order of equals', () => {
  assert.deepEqual(run('(3 | 1 | 2).sort()'), [1, 2, 3])
  assert.deepEqual(run('(3 | 1 | 2).sort($this desc)'), [3, 2, 1])
  assert.deepEqual(run('(3 | 1 | 2).sort(-$this)'), [3, 2, 1])
  assert.deepEqual(run("('b' | 'a').sort($this asc)"), ['a', 'b'])
  assert.deepEqual(run('name.sort(family).use'), ['usual', 'official', 'maiden'], 'no key comes first')
  assert.deepEqual(run('name.sort(-family).use'), ['usual', 'maiden', 'official'])
  assert.deepEqual(run('name.sort(given.first(), use desc).use'), ['usual', 'official', 'maiden'])
  assert.deepEqual(run('{}.sort() | 7.sort()'), [7])
  assert.throws(() => run("(1 | 'a').sort()"), FhirPathError)
})

test('repeatAll keeps what is found twice, repeat does not', () => {
  const tree = {
    a: [
      { n: 1, a: [{ n: 2 }] },
      { n: 1, a: [{ n: 2 }] },
    ],
  }
  assert.deepEqual(run('repeatAll(a).n', {}, tree), [1, 1, 2, 2])
  assert.deepEqual(run('repeat(a).n', {}, tree), [1, 2])
})

test('coalesce answers with the first collection that has something', () => {
  assert.deepEqual(run('coalesce(name.text, name.family, name.given)'), ['Chalmers', 'Windsor'])
  assert.deepEqual(run('coalesce({}, name.text)'), [])
})

test('texts are searched from either end', () => {
  assert.deepEqual(run("'abcabc'.indexOf('bc') | 'abcabc'.lastIndexOf('bc') | 'abc'.lastIndexOf('x')"), [1, 4, -1])
  assert.deepEqual(run("'a$b'.replace('$', '$$')"), ['a$$b'])
  assert.deepEqual(run("'ab'.replace('', '-')"), ['-a-b-'])
})

test('the components of points in time', () => {
  const at = '@2026-02-28T23:59:01.250+05:45'
  const parts = ['year', 'month', 'day', 'hour', 'minute', 'second', 'millisecond', 'timezoneOffset', 'date', 'time']
  assert.deepEqual(
    parts.map((part) => run(`${at}.${part}Of()`)[0]),
    [2026, 2, 28, 23, 59, 1, 250, 5.75, '2026-02-28', '23:59:01.250'],
  )
  assert.deepEqual(run('@2026.monthOf() | @T12:30.yearOf() | @2026-01-01.timeOf() | 1.yearOf()'), [])
  assert.deepEqual(run('@T12:30.minuteOf() | birthDate.yearOf()'), [30, 1974])
})

test('what type() answers can be read', () => {
  assert.deepEqual(run("gender.type().namespace & '.' & gender.type().name"), ['FHIR.code'])
  assert.deepEqual(run('1.type().name | Patient.type().name'), ['Integer', 'Patient'])
  assert.deepEqual(run('1.type().constructor'), [])
})

test('profiles are the host’s to know', () => {
  const env: Environment = {
    conformsTo: (_value, profile) => (profile === 'known' ? true : undefined),
    inSlice: (value, profile, slice) => profile === 'p' && (value as { use?: string }).use === slice,
    elementDefinition: (_value, type) => ({ path: type, min: 1 }),
  }
  assert.deepEqual(run("conformsTo('known')", env), [true])
  assert.deepEqual(run("conformsTo('known')"), [], 'nobody was asked')
  assert.deepEqual(run("name.conformsTo('known')", env), [], 'several items have no answer')
  assert.throws(() => run("conformsTo('unknown')", env), /profile is not known/)
  assert.deepEqual(run("name.slice('p', 'maiden').family", env), ['Windsor'])
  assert.deepEqual(run("name.slice('q', 'maiden')", env), [])
  assert.deepEqual(run('gender.elementDefinition()', env), [{ path: 'code', min: 1 }])
  assert.deepEqual(run('gender.elementDefinition()'), [])
})

test('terminology is the host’s to know', () => {
  const env: Environment = {
    subsumes: (code, other) => code === 'animal' && other === 'dog',
    terminologies: (operation, args) =>
      operation === 'lookup' ? { resourceType: 'Parameters', id: args[0] } : undefined,
  }
  assert.deepEqual(run("'animal'.subsumes('dog') | 'animal'.subsumedBy('dog')", env), [true, false])
  assert.deepEqual(run("'animal'.subsumes('dog')"), [])
  assert.deepEqual(run("%terminologies.lookup('x').id", env), ['x'])
  assert.deepEqual(run("%terminologies.expand('x')", env), [])
  assert.throws(() => compile('%terminologies.drop()'), FhirPathError)
})

test('an unknown modifier extension stops an expression that says which it knows', () => {
  const patient = { resourceType: 'Patient', modifierExtension: [{ url: 'http://example.org/not' }] }
  assert.throws(() => run("checkModifiers('other').id", {}, patient), /modifier extension/)
  assert.deepEqual(run("checkModifiers('http://example.org/not').id", {}, { ...patient, id: '1' }), ['1'])
})
