import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builtInDefinitions, DEFINITION_TYPES } from './index.ts'

const definitions = builtInDefinitions()
const BASE = 'http://hl7.org/fhir/StructureDefinition/'

interface Structure {
  snapshot: { element: { path: string; constraint?: { key: string; expression: string; xpath?: string }[] }[] }
}

test('every definition is found under its canonical', () => {
  for (const type of DEFINITION_TYPES) {
    for (const canonical of definitions.all(type)) {
      const found = definitions.find(type, canonical)
      assert.equal(found?.resourceType, type, canonical)
      if (canonical.includes('|')) assert.equal(`${found.url}|${found.version}`, canonical)
    }
  }
})

test('R4 is all there: types, profiles, extensions, value sets, code systems, concept maps', () => {
  const count = (type: (typeof DEFINITION_TYPES)[number]): number => [...definitions.all(type)].length
  assert.ok(count('StructureDefinition') >= 655)
  assert.ok(count('ValueSet') >= 3_500)
  assert.ok(count('CodeSystem') >= 1_900)
  assert.ok(count('ConceptMap') >= 80)
})

test('a structure keeps what a validator decides by, and no prose', () => {
  const patient = definitions.find('StructureDefinition', `${BASE}Patient`) as unknown as Structure
  const contact = patient.snapshot.element.find(({ path }) => path === 'Patient.contact')
  assert.deepEqual(
    contact?.constraint?.map(({ key }) => key),
    ['ele-1', 'pat-1'],
  )
  assert.equal(contact.constraint[1]?.xpath, undefined)
  assert.match(contact.constraint[1]?.expression ?? '', /name.exists\(\)/)
  assert.equal('text' in patient, false)
  assert.equal('definition' in contact, false)
})

test('the specification stands for its own URLs, HL7 terminology for the newer editions of its own', () => {
  assert.equal(definitions.find('CodeSystem', 'http://hl7.org/fhir/administrative-gender')?.version, '4.0.1')
  const url = 'http://terminology.hl7.org/CodeSystem/v3-ActCode'
  assert.deepEqual(definitions.versions('CodeSystem', url), ['9.0.0', '2018-08-12'])
  assert.equal(definitions.find('CodeSystem', url)?.version, '9.0.0')
  assert.equal(definitions.find('CodeSystem', `${url}|2018-08-12`)?.version, '2018-08-12')
})

test('what is in no package is not found, and neither is another version or type', () => {
  assert.equal(definitions.find('StructureDefinition', `${BASE}Patient|5.0.0`), undefined)
  assert.equal(definitions.find('ValueSet', `${BASE}Patient`), undefined)
  assert.equal(definitions.find('StructureDefinition', ''), undefined)
  assert.equal(definitions.find('StructureDefinition', '|'), undefined)
  assert.deepEqual(definitions.versions('ValueSet', 'http://nowhere.test/vs'), [])
})

test('a definition exists once for as long as it is held', () => {
  const first = definitions.find('StructureDefinition', `${BASE}HumanName`)
  for (const canonical of definitions.all('CodeSystem')) definitions.find('CodeSystem', canonical)
  assert.equal(definitions.find('StructureDefinition', `${BASE}HumanName|4.0.1`), first)
})
