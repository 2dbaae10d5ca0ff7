import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fhirPathModel } from '@salus/fhir-model'
import { applyFhirPathPatch } from '@salus/fhirpath'
import fc from 'fast-check'
import { FaultError } from '#kernel'
import { resourceDiff } from './resource-diff.ts'

type Json = Record<string, unknown>

const turn = (): undefined => undefined

async function assertPatches(first: Json, second: Json): Promise<void> {
  const [from, to] = JSON.parse(JSON.stringify([first, second])) as [Json, Json]
  const patch = await resourceDiff(from, to, turn)
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

test('nothing changed, nothing to do', async () => {
  assert.deepEqual(await resourceDiff(PATIENT, structuredClone(PATIENT), turn), { resourceType: 'Parameters' })
})

test('one change is one operation, where it happened', async () => {
  const other = { ...PATIENT, birthDate: '1980-05-18', _birthDate: PATIENT._birthDate }
  const patch = await resourceDiff(PATIENT, other, turn)
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

test('elements of every kind come, go and change', async () => {
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
  await assertPatches(PATIENT, other)
  await assertPatches(other, PATIENT)
})

test('whatever two versions hold, the patch makes the second of the first', async () => {
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
    await fc.assert(fc.asyncProperty(kind, kind, assertPatches), { numRuns: 300 })
})

test('beyond so many changes, or so many values in few of them, there is no answer', async () => {
  const name = (family: string, length: number): Json => ({
    resourceType: 'Patient',
    name: Array.from({ length }, () => ({ family })),
  })
  const { parameter } = await resourceDiff(name('a', 10_000), name('b', 10_000), turn)
  assert.equal(parameter?.length, 10_000)
  const contained = { resourceType: 'Patient', contained: [{ ...name('b', 60_000), id: 'x' }] }
  for (const [from, to] of [
    [name('a', 10_001), name('b', 10_001)],
    [{ resourceType: 'Patient' }, contained],
  ] as const)
    await assert.rejects(
      resourceDiff(from, to, turn),
      (error) => error instanceof FaultError && error.fault.code === 'fhir.diff.too-many',
    )
})

test('others get a turn within one large element', async () => {
  const nested = (last: string): Json => ({
    resourceType: 'Patient',
    contained: [
      { resourceType: 'Basic', extension: Array.from({ length: 5_000 }, (_, at) => ({ url: at === 0 ? last : 'u' })) },
    ],
  })
  let turns = 0
  const counted = (): undefined => void turns++
  await resourceDiff(nested('a'), nested('a'), counted)
  assert.ok(turns > 5, `${turns} turns`)
})
