import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isResourceType, RESOURCE_TYPES, typeName, typeNumber } from './resource-types.ts'

test('the 146 concrete types are numbered from 1 in sorted order', () => {
  assert.equal(RESOURCE_TYPES.length, 146)
  assert.deepEqual([...RESOURCE_TYPES], RESOURCE_TYPES.toSorted())
  assert.equal(typeNumber('Account'), 1)
  assert.equal(typeNumber('VisionPrescription'), 146)
  // Stored rows hold these numbers: they must never move.
  assert.equal(typeNumber('Observation'), 96)
  assert.equal(typeNumber('Patient'), 103)
  for (const type of RESOURCE_TYPES) assert.equal(typeName(typeNumber(type) ?? 0), type)
})

test('abstract types, data types and names of objects are no resource types', () => {
  for (const name of [
    'Resource',
    'DomainResource',
    'HumanName',
    'patient',
    '',
    'constructor',
    '__proto__',
    'toString',
  ]) {
    assert.equal(isResourceType(name), false, name)
    assert.equal(typeNumber(name), undefined, name)
  }
  assert.equal(typeName(0), undefined)
  assert.equal(typeName(147), undefined)
})
