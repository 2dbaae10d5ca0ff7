import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fhirPathModel } from '@salus/fhir-model'
import { applyFhirPathPatch } from '@salus/fhirpath'
import fc from 'fast-check'
import { resourceDiff } from './resource-diff.ts'

type Json = Record<string, unknown>

function assertPatches(first: Json, second: Json): void {
  const [from, to] = JSON.parse(JSON.stringify([first, second])) as [Json, Json]
  const patch = resourceDiff(from, to)
  const made = applyFhirPathPatch(structuredClone(from) as never, patch as never, { model: fhirPathModel })
  assert.deepEqual(made, to, JSON.stringify(patch))
}

const PATIENT: Json = {
  resourceType: 'Patient',
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">a</div>' },
  contained: [{ resourceType: 'Organization', id: 'o', name: 'O' }],
  extension: [{ url: 'http://example.org/a', valueString: 'a' }],
  identifier: [{ system: 'urn:a', value: '1' }],
  active: true,
  name: [
    { family: 'Müller', given: ['Anna', 'Maria'], _given: [null, { id: 'g' }] },
    { use: 'nickname', given: ['Änni'] },
  ],
  birthDate: '1980-05-17',
  _birthDate: { extension: [{ url: 'http://example.org/b', valueDateTime: '1980-05-17T10:00:00Z' }] },
  deceasedBoolean: false,
  contact: [{ relationship: [{ text: 'mother' }], name: { family: 'Müller' } }],
  managingOrganization: { reference: '#o' },
}

test('nothing changed, nothing to do', () => {
  assert.deepEqual(resourceDiff(PATIENT, structuredClone(PATIENT)), { resourceType: 'Parameters' })
})

test('one change is one operation, where it happened', () => {
  const patch = resourceDiff(PATIENT, { ...PATIENT, birthDate: '1980-05-18', _birthDate: PATIENT._birthDate })
  assert.deepEqual(
    patch.parameter?.map(({ part }) => part.slice(0, 2)),
    [
      [
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: 'Patient.birthDate' },
      ],
    ],
  )
})

test('elements of every kind come, go and change', () => {
  const { text: _t, contact: _c, deceasedBoolean: _d, ...rest } = PATIENT
  const other: Json = {
    ...rest,
    contained: [{ resourceType: 'Organization', id: 'o', name: 'P' }],
    deceasedDateTime: '2020-01-01',
    name: [{ family: 'Müller', given: ['Maria'] }],
    communication: [{ language: { text: 'Deutsch' }, preferred: true }],
    extension: [
      { url: 'http://example.org/0', valueInteger: 0 },
      { url: 'http://example.org/a', valueCoding: { code: 'a' } },
    ],
  }
  assertPatches(PATIENT, other)
  assertPatches(other, PATIENT)
})

test('whatever two versions hold, the patch makes the second of the first', () => {
  const word = fc.constantFrom('a', 'b', 'c')
  const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 4 })
  const name = fc.record({ family: word, given: some(word) }, { requiredKeys: ['family'] })
  const coding = fc.record({ system: word, code: word }, { requiredKeys: ['code'] })
  const item: fc.Arbitrary<Json> = fc.record({ code: fc.record({ coding: some(coding) }), valueString: word })
  const observation = fc.record(
    {
      resourceType: fc.constant('Observation'),
      status: word,
      code: fc.record({ coding: some(coding), text: word }, { requiredKeys: ['text'] }),
      category: some(fc.record({ text: word })),
      component: some(item),
      valueQuantity: fc.record({ value: fc.integer(), unit: word }),
      note: some(fc.record({ text: word })),
    },
    { requiredKeys: ['resourceType', 'status', 'code'] },
  )
  const patient = fc.record(
    {
      resourceType: fc.constant('Patient'),
      active: fc.boolean(),
      name: some(name),
      contact: some(fc.record({ gender: word, name }, { requiredKeys: ['gender'] })),
    },
    { requiredKeys: ['resourceType', 'active'] },
  )
  for (const kind of [observation, patient] as fc.Arbitrary<Json>[])
    fc.assert(fc.property(kind, kind, assertPatches), { numRuns: 300 })
})
