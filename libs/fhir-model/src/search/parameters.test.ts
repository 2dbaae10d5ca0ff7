import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RESOURCE_TYPES } from '../structure/resource-types.ts'
import { COMPARTMENTS, compartmentParams } from './compartments.ts'
import { searchParameterById, searchParameters } from './parameters.ts'

test('a parameter knows its kind, its branch of the expression and its targets', () => {
  const { url, ...patient } = searchParameters('Observation').get('patient') ?? assert.fail()
  assert.deepEqual(patient, {
    base: 'Observation',
    id: patient.id,
    index: patient.index,
    code: 'patient',
    type: 'reference',
    expression: 'Observation.subject.where(resolve() is Patient)',
    targets: ['Patient'],
  })
  assert.equal(url, 'http://hl7.org/fhir/SearchParameter/clinical-patient')
  assert.deepEqual(searchParameters('Observation').get('subject')?.targets, ['Device', 'Group', 'Location', 'Patient'])
  assert.equal(searchParameters('Observation').get('status')?.system, 'http://hl7.org/fhir/observation-status')
  assert.deepEqual(searchParameters('Observation').get('code-value-quantity')?.components, [
    { code: 'code', expression: 'code' },
    { code: 'value-quantity', expression: 'value.as(Quantity)' },
  ])
})

test('every type has the common parameters, the same objects each time', () => {
  const tag = searchParameters('Patient').get('_tag')
  assert.equal(tag?.base, 'Resource')
  for (const type of RESOURCE_TYPES) {
    assert.equal(searchParameters(type).get('_tag'), tag)
    assert.equal(searchParameters(type), searchParameters(type))
    assert.equal(searchParameters(type).get('_text')?.type, 'special')
  }
  assert.equal(searchParameters('Unknown').size, 0)
  assert.equal(searchParameters('constructor').size, 0)
})

test('ids are unique, imply the type, fit a smallint and never move', () => {
  const owners = new Map<number, string>()
  for (const type of RESOURCE_TYPES) {
    for (const parameter of searchParameters(type).values()) {
      assert.ok(parameter.id > 0 && parameter.id < 32_768)
      assert.equal(searchParameterById(parameter.id), parameter)
      if (parameter.base === 'Resource') continue
      assert.equal(owners.get(parameter.id), undefined)
      owners.set(parameter.id, type)
    }
  }
  // Stored rows hold these ids: they must never change.
  assert.equal(searchParameterById(1)?.code, '_id')
  assert.equal(searchParameterById(101), searchParameters('Account').get('identifier'))
  assert.equal(searchParameters('Observation').get('subject')?.id, 1239)
  assert.equal(searchParameters('VisionPrescription').get('status')?.id, 1797)
  assert.equal(searchParameterById(0), undefined)
  assert.equal(searchParameterById(50), undefined)
  assert.equal(searchParameterById(32_000), undefined)
})

test('bits of present fit a bigint and are unique within a type', () => {
  for (const type of RESOURCE_TYPES) {
    const bits = [...searchParameters(type).values()].map(({ index }) => index).filter((index) => index >= 0)
    assert.equal(new Set(bits).size, bits.length)
    assert.ok(Math.max(...bits) < 63, type)
  }
})

test('every reference parameter has a target, and components name parameters of the type', () => {
  const aimless: string[] = []
  for (const type of RESOURCE_TYPES) {
    for (const { code, type: kind, targets, components } of searchParameters(type).values()) {
      if (kind === 'reference' && targets.length === 0) aimless.push(`${type}.${code}`)
      for (const component of components ?? []) assert.ok(searchParameters(type).has(component.code))
    }
  }
  // The definition of this one names none.
  assert.deepEqual(aimless, ['RequestGroup.instantiates-canonical'])
})

test('compartments name search parameters of the type', () => {
  assert.deepEqual(COMPARTMENTS.toSorted(), ['Device', 'Encounter', 'Patient', 'Practitioner', 'RelatedPerson'])
  assert.deepEqual(compartmentParams('Patient', 'Observation'), ['subject', 'performer'])
  assert.deepEqual(compartmentParams('Patient', 'Medication'), [])
  assert.deepEqual(compartmentParams('Unknown', 'Observation'), [])
  assert.deepEqual(compartmentParams('constructor', 'name'), [])
  const unknown: string[] = []
  for (const compartment of COMPARTMENTS)
    for (const type of RESOURCE_TYPES)
      for (const code of compartmentParams(compartment, type))
        if (code !== '{def}' && !searchParameters(type).has(code)) unknown.push(`${compartment}/${type}.${code}`)
  assert.deepEqual(unknown, [])
})
