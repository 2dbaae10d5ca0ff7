import assert from 'node:assert/strict'
import { test } from 'node:test'
import { definitionsWith } from '../../../test/fixtures/definitions.ts'
import { errorsOf, PROFILE_URL, profile } from '../../../test/fixtures/validation.ts'
import { type Definition, ProfileError, withSnapshot } from './index.ts'

const snapshotOf = (own: Definition, more: Definition[] = []): { id: string; min?: number; max?: string }[] => {
  const { snapshot } = withSnapshot({ ...own, url: String(own.url) }, definitionsWith([own, ...more]))
  return (snapshot as { element: { id: string }[] }).element
}

test('a differential changes its base, and what it does not name stays', () => {
  const own = profile('named', 'Patient', [
    { path: 'Patient.name', min: 1, max: '2' },
    { path: 'Patient.photo', max: '0' },
  ])
  const elements = snapshotOf(own)
  assert.equal(elements.find(({ id }) => id === 'Patient.name')?.min, 1)
  assert.ok(elements.some(({ id }) => id === 'Patient.communication.language'))
  assert.deepEqual(errorsOf({ resourceType: 'Patient', photo: [{ title: 'x' }] }, [own]), [
    'Patient: photo: at most 0 allowed, but 1 found.',
    'Patient: name: at least 1 required, but 0 found (http://example.test/StructureDefinition/named).',
  ])
  const three = ['a', 'b', 'c'].map((family) => ({ family }))
  assert.deepEqual(errorsOf({ resourceType: 'Patient', name: three }, [own]), [
    'Patient: name: at most 2 allowed, but 3 found.',
  ])
})

test('elements below data types and content references can be constrained', () => {
  const own = profile('deep', 'Observation', [
    { path: 'Observation.code.coding.system', min: 1 },
    { path: 'Observation.component.referenceRange.text', min: 1 },
  ])
  const resource = {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ code: 'x' }] },
    component: [{ code: { text: 'x' }, referenceRange: [{ low: { value: 1 } }] }],
    referenceRange: [{ low: { value: 1 } }],
  }
  assert.deepEqual(errorsOf(resource, [own]), [
    'Observation.code.coding[0]: system: at least 1 required, but 0 found (http://example.test/StructureDefinition/deep).',
    'Observation.component[0].referenceRange[0]: text: at least 1 required, but 0 found (http://example.test/StructureDefinition/deep).',
  ])
})

test('a profile of a profile has the constraints and slices of both', () => {
  const parent = profile('parent', 'Patient', [
    { path: 'Patient.identifier', slicing: { discriminator: [{ type: 'value', path: 'system' }], rules: 'open' } },
    { path: 'Patient.identifier', sliceName: 'mrn', min: 1, max: '1' },
    { path: 'Patient.identifier.system', fixedUri: 'http://example.test/mrn' },
  ])
  const child = profile(
    'child',
    'Patient',
    [{ id: 'Patient.identifier:mrn.value', path: 'Patient.identifier.value', min: 1 }],
    { baseDefinition: parent.url },
  )
  const ids = snapshotOf(child, [parent]).map(({ id }) => id)
  assert.ok(ids.includes('Patient.identifier:mrn.system'))
  const resource = { resourceType: 'Patient', identifier: [{ system: 'http://example.test/mrn' }] }
  assert.deepEqual(errorsOf(resource, [child, parent]), [
    'Patient.identifier[0]: value: at least 1 required, but 0 found (slice mrn of http://example.test/StructureDefinition/child).',
  ])
})

test('valueQuantity in a differential is the slice of value[x] for that type', () => {
  const own = profile('quantity', 'Observation', [
    { path: 'Observation.valueQuantity', min: 1 },
    { path: 'Observation.valueQuantity.code', min: 1 },
  ])
  const observation = { resourceType: 'Observation', status: 'final', code: { text: 'x' } }
  assert.deepEqual(errorsOf({ ...observation, valueQuantity: { value: 1 } }, [own]), [
    'Observation.value.ofType(Quantity): code: at least 1 required, but 0 found (slice valueQuantity of http://example.test/StructureDefinition/quantity).',
  ])
  assert.deepEqual(errorsOf({ ...observation, valueString: 'x' }, [own]), [
    'Observation: value[x]:valueQuantity: at least 1 required, but 0 found (http://example.test/StructureDefinition/quantity).',
  ])
})

test('fixed values must be equal, patterns contained, limits kept', () => {
  const own = profile('values', 'Observation', [
    { path: 'Observation.status', fixedCode: 'final' },
    {
      path: 'Observation.category',
      patternCodeableConcept: { coding: [{ system: 'http://example.test/c', code: 'a' }] },
    },
    { path: 'Observation.value[x]', type: [{ code: 'integer' }], minValueInteger: 1, maxValueInteger: 5 },
    { path: 'Observation.code.text', maxLength: 3 },
  ])
  const good = {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'abc' },
    category: [{ coding: [{ system: 'http://example.test/c', code: 'a', display: 'A' }], text: 'more' }],
    valueInteger: 5,
  }
  assert.deepEqual(errorsOf(good, [own]), [])
  const { valueInteger: _value, ...withoutValue } = good
  const bad = { ...good, status: 'amended', code: { text: 'abcd' }, category: [{ text: 'x' }], valueInteger: 6 }
  assert.deepEqual(
    errorsOf(bad, [own]).map((text) => text.split(':')[0]),
    ['Observation.status', 'Observation.code.text', 'Observation.category[0]', 'Observation.value.ofType(integer)'],
  )
  assert.deepEqual(errorsOf({ ...withoutValue, valueString: 'x' }, [own]), [
    'Observation.value.ofType(string): This type is not allowed here.',
  ])
})

test('profiles built on themselves or on nothing end in a clear finding', () => {
  const one = profile('one', 'Patient', [{ path: 'Patient.name', min: 1 }], { baseDefinition: `${PROFILE_URL}two` })
  const two = profile('two', 'Patient', [{ path: 'Patient.name', min: 1 }], { baseDefinition: `${PROFILE_URL}one` })
  assert.deepEqual(errorsOf({ resourceType: 'Patient' }, [one, two]), [
    `Patient: The profile ${one.url} cannot be used: It is built on itself.`,
  ])
  const orphan = profile('orphan', 'Patient', [{ path: 'Patient.name', min: 1 }], {
    baseDefinition: `${PROFILE_URL}gone`,
  })
  assert.throws(() => withSnapshot(orphan, definitionsWith([])), ProfileError)
})

test('data types whose profiles refer to each other in a circle can be checked', () => {
  const own = profile('self', 'Extension', [
    { path: 'Extension.url', fixedUri: `${PROFILE_URL}self` },
    { path: 'Extension.extension', type: [{ code: 'Extension', profile: [`${PROFILE_URL}self`] }] },
  ])
  const nested = { url: own.url, extension: [{ url: own.url, extension: [{ url: own.url, valueString: 'x' }] }] }
  assert.deepEqual(errorsOf({ resourceType: 'Patient', extension: [nested] }, [own], { profiles: [] }), [])
})

test('paths that no element can have are refused', () => {
  for (const path of [
    'Patient.__proto__',
    'Patient.constructor',
    'Patient..name',
    'Patient.nothing',
    `Patient${'.extension'.repeat(200)}`,
  ]) {
    const own = profile('hostile', 'Patient', [{ path, min: 1 }])
    const [error] = errorsOf({ resourceType: 'Patient' }, [own])
    assert.match(String(error), /cannot be used/, path.slice(0, 40))
  }
  assert.equal(({} as Record<string, unknown>).min, undefined)
})

test('more slices than any profile has are refused', () => {
  const slices = Array.from({ length: 3_000 }, (_, n) => ({ path: 'Patient.name', sliceName: `s${n}` }))
  const [error] = errorsOf({ resourceType: 'Patient' }, [profile('slices', 'Patient', slices)])
  assert.match(String(error), /more than 2000 slices/)
})
