import assert from 'node:assert/strict'
import { test } from 'node:test'
import { validateResource } from './validate-resource.ts'

const PATIENT = {
  resourceType: 'Patient',
  id: 'a',
  extension: [{ url: 'http://e', extension: [{ url: 'x', valueString: 'y' }] }],
  contained: [{ resourceType: 'Organization', id: 'o', name: 'x' }],
  managingOrganization: { reference: '#o' },
  name: [{ given: ['A', null], _given: [null, { extension: [{ url: 'http://e', valueCode: 'z' }] }] }],
  deceasedBoolean: false,
  _deceasedBoolean: { id: 'd' },
  gender: 'female',
  _birthDate: { extension: [{ url: 'http://e', valueDateTime: '2020' }] },
  contact: [{ relationship: [{ text: 'x' }] }],
}
const OBSERVATION = { resourceType: 'Observation', status: 'final', code: { text: 'x' } }

/** `code at expression` of every issue. */
function issues(resource: unknown): string[] {
  return validateResource(resource).issues.map(({ code, expression }) => `${code} ${expression}`)
}
const patient = (elements: object): string[] => issues({ resourceType: 'Patient', ...elements })
const observation = (elements: object): string[] => issues({ ...OBSERVATION, ...elements })

test('a valid resource has no issues, and every key is counted', () => {
  assert.deepEqual(validateResource(PATIENT), { issues: [], keys: JSON.stringify(PATIENT).match(/":/g)?.length })
  assert.deepEqual(validateResource(OBSERVATION), { issues: [], keys: 4 })
})

test('a key that came twice shows in the count', () => {
  const text = '{"resourceType":"Patient","active":true,"active":false}'
  assert.equal(validateResource(JSON.parse(text)).keys, 2)
})

test('only objects with a known resourceType are resources', () => {
  for (const value of [
    null,
    undefined,
    1,
    'Patient',
    [],
    {},
    { resourceType: 'Resource' },
    { resourceType: 'constructor' },
  ])
    assert.deepEqual(issues(value), ['structure Resource'])
  assert.deepEqual(issues({ resourceType: 'Patient' }), [])
})

test('unknown elements are refused by name', () => {
  assert.deepEqual(patient({ foo: 1 }), ['structure Patient.foo'])
  assert.deepEqual(patient({ name: [{}, { use: 'usual', foo: 1 }] }), [
    'structure Patient.name[0]',
    'structure Patient.name[1].foo',
  ])
  assert.deepEqual(patient({ contact: [{ resourceType: 'Patient', id: 'a' }] }), [
    'structure Patient.contact[0].resourceType',
  ])
  assert.deepEqual(patient({ fhir_comments: ['a'] }), ['structure Patient'])
  assert.deepEqual(issues(JSON.parse('{"resourceType":"Patient","__proto__":{"a":1}}')), ['structure Patient'])
})

test('a key that could be data is not repeated', () => {
  const [issue] = validateResource({ resourceType: 'Patient', 'Jane Doe 1970': 1 }).issues
  assert.equal(issue?.expression, 'Patient')
  assert.ok(!JSON.stringify(issue).includes('Jane'))
})

test('JSON types and cardinality', () => {
  assert.deepEqual(patient({ active: 'true' }), ['structure Patient.active'])
  assert.deepEqual(patient({ name: { family: 'x' } }), ['structure Patient.name'])
  assert.deepEqual(patient({ name: ['x'] }), ['structure Patient.name[0]'])
  assert.deepEqual(patient({ gender: ['male'] }), ['structure Patient.gender'])
  assert.deepEqual(patient({ maritalStatus: [{ text: 'x' }] }), ['structure Patient.maritalStatus'])
  assert.deepEqual(patient({ maritalStatus: 'x' }), ['structure Patient.maritalStatus'])
  assert.deepEqual(patient({ maritalStatus: null }), ['structure Patient.maritalStatus'])
  assert.deepEqual(patient({ name: [] }), ['structure Patient.name'])
  assert.deepEqual(patient({ maritalStatus: {} }), ['structure Patient.maritalStatus'])
  assert.deepEqual(patient({ name: [{ family: '' }] }), ['value Patient.name[0].family'])
  assert.deepEqual(patient({ name: [null] }), ['structure Patient.name[0]'])
})

test('required elements', () => {
  assert.deepEqual(issues({ resourceType: 'Observation' }), [
    'required Observation.status',
    'required Observation.code',
  ])
  assert.deepEqual(patient({ communication: [{ preferred: true }] }), ['required Patient.communication[0].language'])
  const absent = {
    resourceType: 'Observation',
    code: { text: 'x' },
    _status: { extension: [{ url: 'http://e', valueCode: 'unknown' }] },
  }
  assert.deepEqual(issues(absent), [])
})

test('ids of resources and formats of primitives', () => {
  assert.deepEqual(patient({ id: 'a b' }), ['value Patient.id'])
  assert.deepEqual(patient({ birthDate: '2020-02-30' }), ['value Patient.birthDate'])
  assert.deepEqual(patient({ meta: { lastUpdated: '2020' } }), ['value Patient.meta.lastUpdated'])
  assert.deepEqual(observation({ valueInteger: 1.5 }), ['value Observation.value.ofType(integer)'])
  assert.deepEqual(patient({ text: { status: 'generated', div: '<div><script/></div>' } }), ['value Patient.text.div'])
})

test('one type of a choice, and only an allowed one', () => {
  assert.deepEqual(observation({ valueString: 'a', valueInteger: 1 }), ['structure Observation.value.ofType(integer)'])
  assert.deepEqual(observation({ valueString: 'a', _valueInteger: { id: 'a' } }), [
    'structure Observation.value.ofType(integer)',
  ])
  assert.deepEqual(observation({ valueString: 'a', _valueString: { id: 'a' } }), [])
  assert.deepEqual(observation({ valueDecimal: 1 }), ['structure Observation.valueDecimal'])
  assert.deepEqual(observation({ value: 'a' }), ['structure Observation.value'])
})

test('ids and extensions of primitives', () => {
  assert.deepEqual(patient({ _active: {} }), ['structure Patient.active'])
  assert.deepEqual(patient({ _active: 'x' }), ['structure Patient.active'])
  assert.deepEqual(patient({ _active: { value: true } }), ['structure Patient.active.value'])
  assert.deepEqual(patient({ _id: { id: 'x' } }), ['structure Patient._id'])
  assert.deepEqual(patient({ _maritalStatus: { id: 'x' } }), ['structure Patient._maritalStatus'])
  assert.deepEqual(patient({ name: [{ given: ['a', null] }] }), ['structure Patient.name[0].given[1]'])
  assert.deepEqual(patient({ name: [{ given: ['a'], _given: [null, { id: 'b' }] }] }), [
    'structure Patient.name[0].given',
  ])
  assert.deepEqual(patient({ name: [{ given: ['a'], _given: [null] }] }), ['structure Patient.name[0].given'])
  assert.deepEqual(patient({ name: [{ given: ['a'], _given: { id: 'b' } }] }), ['structure Patient.name[0].given'])
  assert.deepEqual(patient({ name: [{ _given: [{ id: 'b' }] }] }), [])
  assert.deepEqual(patient({ name: [{ _given: [null, { id: 'b' }] }] }), ['structure Patient.name[0].given[0]'])
})

test('an extension has a url and either a value or extensions', () => {
  assert.deepEqual(patient({ extension: [{ valueString: 'x' }] }), ['required Patient.extension[0].url'])
  assert.deepEqual(patient({ extension: [{ url: 'http://e' }] }), ['invariant Patient.extension[0]'])
  const both = { url: 'http://e', valueString: 'x', extension: [{ url: 'y', valueCode: 'z' }] }
  assert.deepEqual(patient({ extension: [both] }), ['invariant Patient.extension[0]'])
  assert.deepEqual(patient({ extension: [{ url: 'http://e', _url: { id: 'x' }, valueCode: 'x' }] }), [
    'structure Patient.extension[0]._url',
  ])
})

test('required bindings of closed code systems', () => {
  assert.deepEqual(patient({ gender: 'f' }), ['code-invalid Patient.gender'])
  assert.deepEqual(patient({ gender: ' male' }), ['value Patient.gender'])
  assert.deepEqual(observation({ status: 'Final' }), ['code-invalid Observation.status'])
  const condition = (clinicalStatus: object): string[] =>
    issues({ resourceType: 'Condition', subject: { display: 'x' }, clinicalStatus })
  const system = 'http://terminology.hl7.org/CodeSystem/condition-clinical'
  assert.deepEqual(condition({ coding: [{ system, code: 'active' }] }), [])
  assert.deepEqual(
    condition({
      coding: [
        { system: 'http://x', code: 'y' },
        { system, code: 'active' },
      ],
    }),
    [],
  )
  assert.deepEqual(condition({ coding: [{ system, code: 'sad' }] }), ['code-invalid Condition.clinicalStatus'])
  assert.deepEqual(condition({ coding: [{ system: 'http://x', code: 'active' }] }), [
    'code-invalid Condition.clinicalStatus',
  ])
  assert.deepEqual(condition({ text: 'active' }), ['code-invalid Condition.clinicalStatus'])
})

test('value sets that the package cannot enumerate are not checked', () => {
  const content = [{ attachment: { contentType: 'x/y', url: 'http://a' } }]
  assert.deepEqual(issues({ resourceType: 'DocumentReference', status: 'current', content }), [])
})
