import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RESOURCE_TYPES } from '../structure/resource-types.ts'
import { patientReferences } from './patient-references.ts'
import { typePlan } from './type-plan.ts'

const codes = (type: string): string => {
  const { codeParam, dateParam, ownerParams, ownerPath } = typePlan(type)
  const owners = ownerParams.map(({ code }) => code).join(' ')
  return `${codeParam?.code} ${dateParam?.code} ${ownerPath}: ${owners}`
}

test('one rule finds what, when and whose', () => {
  assert.equal(codes('Observation'), 'code date subject: patient subject')
  assert.equal(codes('Condition'), 'code onset-date subject: patient subject')
  assert.equal(codes('Immunization'), 'vaccine-code date patient: patient')
  assert.equal(codes('Encounter'), 'type date subject: patient subject')
  assert.equal(codes('MedicationRequest'), 'code authoredon subject: patient subject')
  assert.equal(codes('Coverage'), 'type undefined beneficiary: beneficiary patient')
  assert.equal(codes('Claim'), 'undefined created patient: patient')
  // Several patients may take part: no single owner.
  assert.equal(codes('Appointment'), 'service-category date undefined: ')
  assert.equal(codes('Organization'), 'type undefined undefined: ')
  assert.equal(codes('Unknown'), 'undefined undefined undefined: ')
})

test('a date of birth or death is never promoted', () => {
  assert.equal(codes('Patient'), 'undefined undefined undefined: ')
  for (const type of RESOURCE_TYPES) {
    const { dateParam } = typePlan(type)
    assert.ok(dateParam === undefined || !/birth|deceased/i.test(dateParam.expression), type)
  }
})

test('the patients a resource belongs to', () => {
  const of = (resource: object): string[] => patientReferences(resource)
  const observation = (reference: object): string[] => of({ resourceType: 'Observation', subject: reference })
  assert.deepEqual(observation({ reference: 'Patient/1' }), ['Patient/1'])
  assert.deepEqual(observation({ reference: 'urn:uuid:1' }), ['urn:uuid:1'])
  assert.deepEqual(observation({ reference: 'Patient?identifier=1' }), ['Patient?identifier=1'])
  assert.deepEqual(observation({ reference: 'Group/1' }), [])
  assert.deepEqual(observation({ reference: 'urn:uuid:1', type: 'Device' }), [])
  assert.deepEqual(observation({ reference: '#p' }), [])
  assert.deepEqual(of({ resourceType: 'AdverseEvent', subject: { reference: 'Patient/1' } }), ['Patient/1'])
  const actor = (reference: string): object => ({ actor: { reference } })
  const participant = [actor('Practitioner/1'), actor('Patient/2'), actor('Patient/1'), actor('Patient/2')]
  assert.deepEqual(of({ resourceType: 'Appointment', participant }), ['Patient/2', 'Patient/1'])
  assert.deepEqual(of({ resourceType: 'Patient', link: [{ other: { reference: 'Patient/2' } }] }), [])
  assert.deepEqual(of({ resourceType: 'Organization' }), [])
  assert.deepEqual(of({ resourceType: 'Unknown' }), [])
  assert.deepEqual(of({}), [])
})
