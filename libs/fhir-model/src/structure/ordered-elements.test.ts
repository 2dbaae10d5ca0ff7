import assert from 'node:assert/strict'
import { test } from 'node:test'
import { orderedElements } from './ordered-elements.ts'

const keys = (type: string): string[] => [...(orderedElements(type)?.keys() ?? [])]

test('elements come in the order of the definition, inherited ones first', () => {
  assert.deepEqual(keys('Patient').slice(0, 12), [
    'id',
    'meta',
    'implicitRules',
    'language',
    'text',
    'contained',
    'extension',
    'modifierExtension',
    'identifier',
    'active',
    'name',
    'telecom',
  ])
  assert.deepEqual(keys('Ratio'), ['id', 'extension', 'numerator', 'denominator'])
})

test('the types of a choice share a place', () => {
  const patient = orderedElements('Patient')
  assert.equal(patient?.get('deceasedBoolean')?.place, patient?.get('deceasedDateTime')?.place)
  assert.notEqual(patient?.get('deceasedBoolean')?.place, patient?.get('address')?.place)
  assert.equal(patient?.get('deceased'), undefined)
})

test('the id of an element and the url of an extension are attributes; the id of a resource is an element', () => {
  assert.equal(orderedElements('Patient')?.get('id')?.kind, 'primitive')
  assert.equal(orderedElements('HumanName')?.get('id')?.kind, 'attribute')
  assert.equal(orderedElements('Extension')?.get('url')?.kind, 'attribute')
  assert.equal(orderedElements('ValueSet')?.get('url')?.kind, 'primitive')
  assert.equal(orderedElements('Patient.contact')?.get('id')?.kind, 'attribute')
})

test('kinds and JSON types follow the type', () => {
  assert.equal(orderedElements('Narrative')?.get('div')?.kind, 'markup')
  assert.equal(orderedElements('Bundle.entry')?.get('resource')?.kind, 'resource')
  assert.equal(orderedElements('Quantity')?.get('value')?.json, 'number')
  assert.equal(orderedElements('Bundle')?.get('total')?.json, 'number')
  assert.equal(orderedElements('Patient')?.get('active')?.json, 'boolean')
  assert.equal(orderedElements('Patient')?.get('birthDate')?.json, 'string')
  assert.deepEqual(keys('string'), ['id', 'extension'])
  assert.equal(orderedElements('Nothing'), undefined)
})
