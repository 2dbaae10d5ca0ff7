import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorsOf, profile, validated } from '../../../test/fixtures/validation.ts'

const places = (errors: readonly string[]): string[] => errors.map((text) => text.split(': ')[0] as string)

test('contained resources are referred to, have an id and no more of their own', () => {
  const contained = (resource: object) => ({
    resourceType: 'Patient',
    contained: [resource],
    generalPractitioner: [{ reference: '#p' }],
  })
  const practitioner = { resourceType: 'Practitioner', id: 'p' }
  assert.deepEqual(errorsOf(contained(practitioner)), [])
  assert.deepEqual(errorsOf({ resourceType: 'Patient', contained: [practitioner] }), [
    'Patient.contained[0]: dom-3: A contained resource must be referred to, or refer to the resource that contains it.',
  ])
  assert.deepEqual(places(errorsOf(contained({ ...practitioner, contained: [practitioner] }))), [
    'Patient.contained[0]',
    'Patient.contained[0].contained[0]',
  ])
  assert.deepEqual(places(errorsOf(contained({ ...practitioner, meta: { versionId: '1' } }))), ['Patient.contained[0]'])
  assert.deepEqual(places(errorsOf(contained({ ...practitioner, id: 'other' }))), [
    'Patient.generalPractitioner[0]',
    'Patient.contained[0]',
  ])
})

test('references lead to the types and profiles that are allowed', () => {
  const author = (reference: object) => ({ resourceType: 'Patient', managingOrganization: reference })
  assert.deepEqual(errorsOf(author({ reference: 'Organization/1' })), [])
  assert.deepEqual(errorsOf(author({ reference: 'https://other.test/fhir/Organization/1' })), [])
  assert.deepEqual(errorsOf(author({ reference: 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0' })), [])
  for (const reference of ['Patient/1', 'nothing', 'Nothing/1', '#x', 'https://other.test/fhir/Patient/1'])
    assert.deepEqual(places(errorsOf(author({ reference }))), ['Patient.managingOrganization'], reference)
  const named = profile('named', 'Organization', [{ path: 'Organization.name', min: 1 }])
  const own = profile('own', 'Patient', [
    { path: 'Patient.managingOrganization', type: [{ code: 'Reference', targetProfile: [named.url] }] },
  ])
  const organization = { resourceType: 'Organization', id: 'o', identifier: [{ value: 'x' }] }
  const local = { resourceType: 'Patient', contained: [organization], managingOrganization: { reference: '#o' } }
  assert.deepEqual(places(errorsOf(local, [own, named])), ['Patient.managingOrganization'])
  assert.deepEqual(errorsOf({ ...local, contained: [{ ...organization, name: 'x' }] }, [own, named]), [])
  const resolve = () => organization
  assert.deepEqual(errorsOf(author({ reference: 'Organization/1' }), [own, named], { resolve }).length, 1)
})

test('a target that refers back does not go round in a circle', () => {
  const own = profile('circle', 'Organization', [
    {
      path: 'Organization.partOf',
      type: [{ code: 'Reference', targetProfile: ['http://example.test/StructureDefinition/circle'] }],
    },
  ])
  const bundle = {
    resourceType: 'Bundle',
    type: 'collection',
    entry: ['a', 'b'].map((id) => ({
      fullUrl: `http://x.test/Organization/${id}`,
      resource: {
        resourceType: 'Organization',
        id,
        name: id,
        meta: { profile: [own.url] },
        partOf: { reference: `Organization/${id === 'a' ? 'b' : 'a'}` },
      },
    })),
  }
  assert.deepEqual(errorsOf(bundle, [own], { profiles: [] }), [])
})

test('references that are to be checked must be known', () => {
  const patient = { resourceType: 'Patient', managingOrganization: { reference: 'Organization/1' } }
  assert.deepEqual(errorsOf(patient, [], { references: 'ignore' }), [])
  assert.deepEqual(places(errorsOf(patient, [], { references: 'check' })), ['Patient.managingOrganization'])
  const resolve = () => ({ resourceType: 'Organization', name: 'x' })
  assert.deepEqual(errorsOf(patient, [], { references: 'check', resolve }), [])
})

test('aggregation says where a target may be', () => {
  const own = profile('aggregation', 'Patient', [
    {
      path: 'Patient.managingOrganization',
      type: [
        {
          code: 'Reference',
          targetProfile: ['http://hl7.org/fhir/StructureDefinition/Organization'],
          aggregation: ['contained'],
        },
      ],
    },
  ])
  const organization = { resourceType: 'Organization', id: 'o', name: 'x' }
  assert.deepEqual(
    errorsOf({ resourceType: 'Patient', contained: [organization], managingOrganization: { reference: '#o' } }, [own]),
    [],
  )
  assert.deepEqual(
    places(errorsOf({ resourceType: 'Patient', managingOrganization: { reference: 'Organization/1' } }, [own])),
    ['Patient.managingOrganization'],
  )
})

test('extensions are known, stand where they may and mean what they must', () => {
  const known = profile('known', 'Extension', [{ path: 'Extension.value[x]', min: 1, type: [{ code: 'string' }] }], {
    context: [{ type: 'element', expression: 'Patient.name' }],
  })
  const modifier = profile('modifier', 'Extension', [{ path: 'Extension', isModifier: true }], {
    context: [{ type: 'element', expression: 'Patient' }],
  })
  const errors = (patient: object): string[] =>
    errorsOf({ resourceType: 'Patient', ...patient }, [known, modifier], { profiles: [] })
  const good = { url: known.url, valueString: 'x' }
  assert.deepEqual(errors({ name: [{ text: 'x', extension: [good] }] }), [])
  assert.deepEqual(places(errors({ extension: [good] })), ['Patient.extension[0]'])
  assert.deepEqual(places(errors({ name: [{ text: 'x', extension: [{ url: known.url, valueBoolean: true }] }] })), [
    'Patient.name[0].extension[0].value.ofType(boolean)',
    'Patient.name[0].extension[0]',
  ])
  assert.deepEqual(errors({ modifierExtension: [{ url: modifier.url, valueString: 'x' }] }), [])
  assert.deepEqual(places(errors({ extension: [{ url: modifier.url, valueString: 'x' }] })), ['Patient.extension[0]'])
  assert.deepEqual(places(errors({ extension: [{ valueString: 'x' }] })), [
    'Patient.extension[0]',
    'Patient.extension[0]',
  ])
  assert.deepEqual(
    places(
      errors({
        extension: [{ url: 'http://x.test/y', valueString: 'x', extension: [{ url: 'z', valueString: 'x' }] }],
      }),
    ),
    ['Patient.extension[0]'],
  )
})

test('an unknown extension is what the caller makes of it', () => {
  const patient = { resourceType: 'Patient', extension: [{ url: 'http://x.test/y', valueString: 'x' }] }
  const severities = (options: object): string[] =>
    validated(patient, [], options).issues.map(({ severity }) => severity)
  assert.deepEqual(severities({}), ['warning'])
  assert.deepEqual(severities({ unknownExtensions: 'error' }), ['error'])
  assert.deepEqual(severities({ unknownExtensions: 'ignore' }), [])
  assert.deepEqual(severities({ unknownExtensions: 'error', allowedExtensions: ['http://x.test/'] }), [])
})

test('invariants are evaluated, also those that R4 published wrong', () => {
  const questionnaire = (enableWhen: object[]) => ({
    resourceType: 'Questionnaire',
    status: 'draft',
    item: [
      { linkId: 'a', type: 'boolean', text: 'x' },
      { linkId: 'b', type: 'string', text: 'x', enableWhen },
    ],
  })
  const when = { question: 'a', operator: '=', answerBoolean: true }
  assert.deepEqual(errorsOf(questionnaire([when])), [])
  assert.match(errorsOf(questionnaire([when, when]))[0] ?? '', /^Questionnaire.item\[1\]: que-12/)
  const period = {
    resourceType: 'Encounter',
    status: 'finished',
    class: { code: 'AMB' },
    period: { start: '2024-02', end: '2024-01' },
  }
  assert.match(errorsOf(period)[0] ?? '', /^Encounter.period: per-1/)
})

test('best practice is what the caller makes of it', () => {
  const severities = (options: object): string[] =>
    validated({ resourceType: 'Patient' }, [], options).issues.map(({ severity }) => severity)
  assert.deepEqual(severities({ bestPractice: 'warning' }), ['warning'])
  assert.deepEqual(severities({ bestPractice: 'error' }), ['error'])
  assert.deepEqual(severities({ bestPractice: 'ignore' }), [])
})

test('a vital sign is checked against its profile whether it claims it or not', () => {
  const temperature = {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8310-5' }] },
    subject: { reference: 'Patient/1' },
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
    ],
    valueQuantity: { value: 37, unit: 'Cel', system: 'http://unitsofmeasure.org', code: 'Cel' },
  }
  assert.deepEqual(errorsOf(temperature), [
    'Observation: effective[x]: at least 1 required, but 0 found (http://hl7.org/fhir/StructureDefinition/bodytemp).',
  ])
  assert.deepEqual(errorsOf({ ...temperature, effectiveDateTime: '2024-01-01' }), [])
  const other = { ...temperature, code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] } }
  assert.deepEqual(errorsOf(other), [])
})
