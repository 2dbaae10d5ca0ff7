import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mandatoryElements, summaryElements } from './elements.ts'
import { fhirPathModel } from './fhir-path-model.ts'
import { RESOURCE_TYPES } from './resource-types.ts'
import { node, PRIMITIVE_BASES } from './structure.ts'

test('the summary and the mandatory elements of a type', () => {
  assert.deepEqual(mandatoryElements('Observation'), ['status', 'code'])
  assert.deepEqual(mandatoryElements('Patient'), [])
  assert.ok(summaryElements('Observation').includes('value'))
  assert.ok(!summaryElements('Observation').includes('note'))
  assert.ok(summaryElements('Patient').includes('id'))
  assert.deepEqual(summaryElements('Unknown'), [])
})

test('every type of every element of every resource is defined', () => {
  const seen = new Set<string>()
  const visit = (name: string): void => {
    if (seen.has(name) || name === 'Resource' || Object.hasOwn(PRIMITIVE_BASES, name)) return
    seen.add(name)
    const definition = node(name)
    assert.ok(definition, name)
    for (const element of definition.elements.values()) for (const type of element.types) visit(type.name)
  }
  RESOURCE_TYPES.forEach(visit)
  assert.ok(seen.size > 600)
})

test('the FHIRPath model knows children, choices and descent', () => {
  assert.deepEqual(fhirPathModel.child('Patient', 'name'), { type: 'HumanName', list: true })
  assert.deepEqual(fhirPathModel.child('Patient', 'contact'), { type: 'Patient.contact', list: true })
  assert.deepEqual(fhirPathModel.child('Patient', 'deceased')?.choiceOf, [
    ['deceasedBoolean', 'boolean'],
    ['deceasedDateTime', 'dateTime'],
  ])
  assert.deepEqual(fhirPathModel.child('code', 'extension'), { type: 'Extension', list: true })
  assert.equal(fhirPathModel.child('Patient', 'valueQuantity'), undefined)
  assert.ok(fhirPathModel.isSubtype('Patient', 'Resource'))
  assert.ok(fhirPathModel.isSubtype('code', 'string'))
  assert.ok(fhirPathModel.isSubtype('Age', 'Quantity'))
  assert.ok(fhirPathModel.isSubtype('Patient.contact', 'BackboneElement'))
  assert.ok(!fhirPathModel.isSubtype('Quantity', 'Age'))
  assert.ok(fhirPathModel.hasType?.('DomainResource'))
  assert.ok(!fhirPathModel.hasType?.('Patient.contact'))
  assert.ok(!fhirPathModel.hasType?.('constructor'))
})
