import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Fault, FaultError } from '#kernel'
import { checkResource } from './check-resource.ts'

function refusal(value: unknown, members?: number): Fault | undefined {
  try {
    checkResource(value, members)
    return undefined
  } catch (error) {
    if (error instanceof FaultError) return error.fault
    throw error
  }
}

test('a valid resource passes, and one with more members than it shows has a key twice', () => {
  const patient = { resourceType: 'Patient', name: [{ family: 'Lind' }] }
  assert.equal(refusal(patient), undefined)
  assert.equal(refusal(patient, 3), undefined)
  assert.equal(refusal(patient, 4)?.code, 'fhir.json.double-key')
})

test('each issue is a detail with its place and without the value', () => {
  const fault = refusal({ resourceType: 'Patient', gender: 'Secretname', birthDate: 'Secretname', active: 'no' })
  assert.equal(fault?.code, 'fhir.validate.invalid')
  assert.deepEqual(fault?.details?.map(({ expression }) => expression).sort(), [
    'Patient.active',
    'Patient.birthDate',
    'Patient.gender',
  ])
  assert.doesNotMatch(JSON.stringify(fault), /Secretname/)
})

test('what is no R4 resource is refused, prototypes of JavaScript included', () => {
  for (const value of [null, 1, 'Patient', [], {}, { resourceType: 1 }, { resourceType: 'Nonsense' }])
    assert.equal(refusal(value)?.code, 'fhir.validate.type-unknown', JSON.stringify(value))
  for (const resourceType of ['constructor', '__proto__', 'toString', 'Resource', 'DomainResource', 'Element'])
    assert.equal(refusal({ resourceType })?.code, 'fhir.validate.type-unknown', resourceType)
  assert.ok(refusal(JSON.parse('{"resourceType":"Patient","__proto__":{"active":true}}')))
})
