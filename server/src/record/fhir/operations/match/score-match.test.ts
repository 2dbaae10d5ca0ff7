import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { personOf } from './person.ts'
import { scoreMatch } from './score-match.ts'
import { likeness } from './string-likeness.ts'

type Json = Record<string, unknown>

const ANNA: Json = {
  name: [{ family: 'Müller', given: ['Anna', 'Maria'] }],
  birthDate: '1980-05-17',
  gender: 'female',
  identifier: [{ system: 'urn:mrn', value: '1' }],
  telecom: [{ system: 'phone', value: '+49 221 123456' }],
  address: [{ line: ['Hauptstr. 1'], city: 'Köln', postalCode: '50667' }],
}

function gradeOf(one: Json, other: Json): string {
  const person = (json: Json) => personOf({ resourceType: 'Patient', ...json })
  const there = scoreMatch(person(one), person(other))
  assert.deepEqual(there, scoreMatch(person(other), person(one)), 'it does not matter which is which')
  return there.grade
}

const without = (...keys: string[]): Json =>
  Object.fromEntries(Object.entries(ANNA).filter(([key]) => !keys.includes(key)))

test('likeness gives the published values', () => {
  // Winkler (1990), table of examples.
  for (const [a, b, value] of [
    ['martha', 'marhta', 0.961],
    ['dwayne', 'duane', 0.84],
    ['dixon', 'dicksonx', 0.813],
    ['abc', 'xyz', 0],
    ['', '', 0],
  ] as const)
    assert.equal(Math.round(likeness(a, b) * 1_000) / 1_000, value)
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      const value = likeness(a, b)
      assert.ok(value >= 0 && value <= 1)
      assert.ok(Math.abs(value - likeness(b, a)) < 0.1)
    }),
  )
})

test('the same person is found certain, and with less known only probable', () => {
  assert.equal(gradeOf(ANNA, ANNA), 'certain')
  assert.equal(gradeOf(ANNA, without('identifier')), 'certain')
  assert.equal(gradeOf(ANNA, without('identifier', 'telecom', 'address')), 'probable')
  assert.equal(gradeOf(ANNA, without('identifier', 'telecom', 'address', 'gender')), 'probable')
  assert.equal(gradeOf(ANNA, { name: ANNA.name }), 'possible', 'a name alone is shared by many')
  assert.equal(gradeOf(ANNA, { identifier: ANNA.identifier }), 'probable', 'a number alone may be mistyped')
  assert.equal(gradeOf(ANNA, { identifier: ANNA.identifier, birthDate: ANNA.birthDate }), 'certain')
  assert.equal(gradeOf({}, {}), 'certainly-not')
})

test('slips and spellings lower it, and do not exclude', () => {
  const bare = without('identifier', 'telecom', 'address')
  assert.equal(gradeOf(bare, { ...bare, name: [{ family: 'Mueller', given: ['Anna'] }] }), 'probable')
  assert.equal(gradeOf(ANNA, { ...without('identifier'), birthDate: '1980-05-18' }), 'probable')
  assert.equal(gradeOf(ANNA, { ...without('identifier'), birthDate: '1980-05' }), 'probable')
  assert.equal(gradeOf(bare, { ...bare, birthDate: '1980-05-18' }), 'possible')
})

test('a new family name with the same number is still the person', () => {
  assert.equal(gradeOf(ANNA, { ...ANNA, name: [{ family: 'Schmidt', given: ['Anna'] }] }), 'certain')
})

test('what speaks against it is never certain', () => {
  assert.notEqual(gradeOf(ANNA, { ...ANNA, birthDate: '1950-01-01' }), 'certain')
  assert.notEqual(gradeOf(ANNA, { ...ANNA, name: [{ family: 'Müller', given: ['Karl'] }], gender: 'male' }), 'certain')
  const otherNumber = { ...ANNA, identifier: [{ system: 'urn:mrn', value: '2' }] }
  assert.notEqual(gradeOf(ANNA, otherNumber), 'certain')
  const son = {
    ...without('identifier'),
    name: [{ family: 'Müller', given: ['Karl'] }],
    birthDate: '2010-01-01',
    gender: 'male',
  }
  assert.equal(gradeOf(ANNA, son), 'certainly-not')
})

test('twins are told apart', () => {
  const twin = { ...without('identifier'), multipleBirthInteger: 1 }
  const other = { ...twin, name: [{ family: 'Müller', given: ['Berta'] }], multipleBirthInteger: 2 }
  assert.ok(['possible', 'certainly-not'].includes(gradeOf(twin, other)))
  assert.notEqual(gradeOf(twin, { ...other, multipleBirthInteger: undefined }), 'certain')
})
