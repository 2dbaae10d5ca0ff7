import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RESOURCE_TYPES } from '../structure/resource-types.ts'
import { extractSearchValues, uncompiledParameters } from './extract.ts'
import { searchParameters } from './parameters.ts'
import { OPEN_END_MS, OPEN_START_MS, type SearchValue } from './search-value.ts'

/** Values by parameter code. */
function values(resource: { resourceType: string; [key: string]: unknown }): Record<string, SearchValue[]> {
  return Object.fromEntries([...extractSearchValues(resource)].map(([parameter, list]) => [parameter.code, list]))
}
const day = (text: string): SearchValue => ({ kind: 'date', lo: Date.parse(text), hi: Date.parse(text) + 86_399_999 })

test('every official parameter of every type is compiled', () => {
  assert.deepEqual(uncompiledParameters(), [])
})

test('a parameter without a value is not there', () => {
  assert.deepEqual(values({ resourceType: 'Observation' }), {})
  assert.deepEqual(values({ resourceType: 'Unknown', status: 'final' }), {})
  for (const type of RESOURCE_TYPES) {
    const found = Object.keys(values({ resourceType: type }))
    assert.deepEqual(found, type === 'Patient' ? ['deceased'] : [], type)
  }
})

test('tokens of codings, concepts, identifiers, contacts, codes and booleans', () => {
  const found = values({
    resourceType: 'Patient',
    id: 'p',
    active: true,
    meta: {
      tag: [{ system: 't', code: 'c' }],
      profile: ['http://p'],
      source: 'urn:s',
      lastUpdated: '2020-01-01T00:00:00Z',
    },
    identifier: [{ system: 's', value: 'v' }, { value: 'w' }, { type: { text: 'none' } }],
    telecom: [{ system: 'phone', value: '1' }, { system: 'email', value: 'e' }, { system: 'phone' }],
    communication: [
      { language: { coding: [{ system: 'l', code: 'de', display: 'German' }, { code: 'x' }], text: 'both' } },
    ],
  })
  assert.deepEqual(found.active, [{ kind: 'token', code: 'true' }])
  assert.deepEqual(found._id, [{ kind: 'token', code: 'p' }])
  assert.deepEqual(found._tag, [{ kind: 'token', system: 't', code: 'c' }])
  assert.deepEqual(found._profile, [{ kind: 'uri', value: 'http://p' }])
  assert.deepEqual(found._source, [{ kind: 'uri', value: 'urn:s' }])
  assert.deepEqual(found.identifier, [
    { kind: 'token', system: 's', code: 'v' },
    { kind: 'token', code: 'w' },
  ])
  assert.deepEqual(found.phone, [{ kind: 'token', code: '1', text: 'phone' }])
  assert.deepEqual(found.email, [{ kind: 'token', code: 'e', text: 'email' }])
  assert.deepEqual(found.language, [
    { kind: 'token', system: 'l', code: 'de', text: 'German' },
    { kind: 'token', code: 'x' },
    { kind: 'token', text: 'both' },
  ])
})

test('who is deceased: a flag, a date, or nothing said', () => {
  const deceased = (elements: object): SearchValue[] | undefined =>
    values({ resourceType: 'Patient', ...elements }).deceased
  assert.deepEqual(deceased({ deceasedBoolean: true }), [{ kind: 'token', code: 'true' }])
  assert.deepEqual(deceased({ deceasedDateTime: '2020' }), [{ kind: 'token', code: 'true' }])
  assert.deepEqual(deceased({ deceasedBoolean: false }), [{ kind: 'token', code: 'false' }])
  assert.deepEqual(deceased({}), [{ kind: 'token', code: 'false' }])
})

test('strings are the leaves of names and addresses', () => {
  const found = values({
    resourceType: 'Patient',
    name: [{ family: 'F', given: ['G', null, 'H'], text: 'T' }],
    address: [{ line: ['L'], postalCode: '1', use: 'home' }],
  })
  assert.deepEqual(found.name, [
    { kind: 'string', value: 'F', part: 'family' },
    { kind: 'string', value: 'G', part: 'given' },
    { kind: 'string', value: 'H', part: 'given' },
    { kind: 'string', value: 'T', part: 'text' },
  ])
  assert.deepEqual(found.given, [
    { kind: 'string', value: 'G' },
    { kind: 'string', value: 'H' },
  ])
  assert.deepEqual(found.address, [
    { kind: 'string', value: 'L', part: 'line' },
    { kind: 'string', value: '1', part: 'postalCode' },
  ])
  assert.deepEqual(found['address-use'], [{ kind: 'token', code: 'home' }])
})

test('dates, periods with open ends, and the outer limits of a timing', () => {
  const date = (elements: object): SearchValue[] | undefined =>
    values({ resourceType: 'Observation', ...elements }).date
  assert.deepEqual(date({ effectiveDateTime: '2020-05-17' }), [day('2020-05-17')])
  assert.deepEqual(date({ effectivePeriod: { start: '2020-05-17', end: '2020-05-18' } }), [
    { kind: 'date', lo: Date.parse('2020-05-17'), hi: Date.parse('2020-05-19') - 1 },
  ])
  assert.deepEqual(date({ effectivePeriod: { start: '2020' } }), [
    { kind: 'date', lo: Date.parse('2020'), hi: OPEN_END_MS },
  ])
  assert.deepEqual(date({ effectivePeriod: { end: '2020' } }), [
    { kind: 'date', lo: OPEN_START_MS, hi: Date.parse('2021') - 1 },
  ])
  assert.equal(date({ effectivePeriod: {} }), undefined)
  assert.deepEqual(date({ effectiveTiming: { event: ['2020-05-18', '2020-05-17'] } }), [
    { kind: 'date', lo: Date.parse('2020-05-17'), hi: Date.parse('2020-05-19') - 1 },
  ])
  assert.deepEqual(date({ effectiveTiming: { repeat: { boundsPeriod: { start: '2020' } } } }), [
    { kind: 'date', lo: Date.parse('2020'), hi: OPEN_END_MS },
  ])
  assert.equal(date({ effectiveDateTime: '2020-02-30' }), undefined)
  assert.equal(values({ resourceType: 'Procedure', performedString: 'in childhood' }).date, undefined)
})

test('numbers and quantities with the interval of their digits', () => {
  const quantity = (valueQuantity: object): SearchValue | undefined =>
    values({ resourceType: 'Observation', valueQuantity })['value-quantity']?.[0]
  assert.deepEqual(quantity({ value: 100, system: 's', code: 'c', unit: 'u' }), {
    kind: 'quantity',
    value: 100,
    lo: 99.5,
    hi: 100.5,
    system: 's',
    code: 'c',
    unit: 'u',
  })
  assert.deepEqual(quantity({ value: 0.5 }), { kind: 'quantity', value: 0.5, lo: 0.45, hi: 0.55 })
  assert.deepEqual(quantity({ value: 1e-7 }), { kind: 'quantity', value: 1e-7, lo: 0.5e-7, hi: 1.5e-7 })
  assert.deepEqual(quantity({ value: 5, comparator: '<' }), {
    kind: 'quantity',
    value: 5,
    lo: -Number.MAX_VALUE,
    hi: 5.5,
  })
  assert.deepEqual(quantity({ value: 5, comparator: '>=' }), {
    kind: 'quantity',
    value: 5,
    lo: 4.5,
    hi: Number.MAX_VALUE,
  })
  assert.equal(quantity({ unit: 'kg' }), undefined)

  const condition = values({
    resourceType: 'Condition',
    onsetRange: { low: { value: 2, code: 'a' }, high: { value: 4, code: 'a' } },
  })
  assert.deepEqual(condition['onset-age'], [{ kind: 'quantity', value: 2, lo: 1.5, hi: 4.5, code: 'a' }])
  const invoice = values({ resourceType: 'Invoice', totalNet: { value: 3, currency: 'EUR' } })
  assert.deepEqual(invoice.totalnet, [
    { kind: 'quantity', value: 3, lo: 2.5, hi: 3.5, system: 'urn:iso:std:iso:4217', code: 'EUR' },
  ])
  const risk = values({
    resourceType: 'RiskAssessment',
    prediction: [{ probabilityDecimal: 0.5 }, { probabilityRange: { high: { value: 1 } } }],
  })
  assert.deepEqual(risk.probability, [
    { kind: 'number', value: 0.5, lo: 0.45, hi: 0.55 },
    { kind: 'number', value: 1, lo: -Number.MAX_VALUE, hi: 1.5 },
  ])
})

test('references: relative, versioned, absolute, urn, by identifier; none to contained resources', () => {
  const subject = (reference: object): SearchValue | undefined =>
    values({ resourceType: 'Observation', subject: reference }).subject?.[0]
  assert.deepEqual(subject({ reference: 'Patient/1' }), {
    kind: 'reference',
    type: 'Patient',
    id: '1',
    url: 'Patient/1',
  })
  assert.deepEqual(subject({ reference: 'Group/1/_history/2' }), {
    kind: 'reference',
    type: 'Group',
    id: '1',
    url: 'Group/1/_history/2',
  })
  assert.deepEqual(subject({ reference: 'http://a/Patient/1' }), {
    kind: 'reference',
    url: 'http://a/Patient/1',
    type: 'Patient',
  })
  assert.deepEqual(subject({ reference: 'urn:uuid:1' }), { kind: 'reference', url: 'urn:uuid:1' })
  assert.deepEqual(subject({ type: 'Patient', identifier: { system: 's', value: 'v' } }), {
    kind: 'reference',
    type: 'Patient',
    identifier: { system: 's', value: 'v' },
  })
  assert.equal(subject({ reference: '#c' }), undefined)
  assert.equal(subject({ display: 'x' }), undefined)
})

test('a reference filtered by type needs to be of that type', () => {
  const has = (reference: object, contained?: object[]): boolean =>
    'patient' in values({ resourceType: 'Observation', subject: reference, contained })
  assert.ok(has({ reference: 'Patient/1' }))
  assert.ok(has({ reference: 'https://a/b/Patient/1' }))
  assert.ok(has({ reference: 'urn:uuid:1', type: 'Patient' }))
  assert.ok(has({ reference: 'Patient?identifier=a' }))
  assert.ok(!has({ reference: 'Group/1' }))
  assert.ok(!has({ reference: 'urn:uuid:1' }))
  assert.ok(!has({ reference: '#c' }, [{ resourceType: 'Group', id: 'c' }]))
})

test('choice types, filters, indexes and canonicals', () => {
  const request = values({ resourceType: 'MedicationRequest', medicationReference: { reference: 'Medication/1' } })
  assert.ok('medication' in request && !('code' in request))
  const library = values({
    resourceType: 'Library',
    relatedArtifact: [
      { type: 'depends-on', resource: 'http://a|1' },
      { type: 'citation', resource: 'http://b' },
    ],
  })
  assert.deepEqual(library['depends-on'], [{ kind: 'reference', url: 'http://a|1' }])
  const entry = [
    { resource: { resourceType: 'Composition', id: 'c' } },
    { resource: { resourceType: 'Patient', id: 'p' } },
  ]
  const bundle = values({ resourceType: 'Bundle', type: 'document', entry })
  assert.deepEqual(bundle.composition, [{ kind: 'reference', type: 'Composition', id: 'c', url: 'Composition/c' }])
  assert.equal(bundle.message, undefined)
  const observation = values({ resourceType: 'Observation', valueCodeableConcept: { text: 'T' } })
  assert.deepEqual(observation['value-string'], [{ kind: 'string', value: 'T' }])
})

test('a composite has one value per element in which every component has one', () => {
  const code = { coding: [{ system: 's', code: 'c' }] }
  const found = values({
    resourceType: 'Observation',
    code,
    valueQuantity: { value: 1 },
    component: [{ code, valueQuantity: { value: 2 } }, { code }, { code, valueString: 'x' }],
  })
  const token: SearchValue = { kind: 'token', system: 's', code: 'c' }
  const one = { kind: 'composite', components: [[token], [{ kind: 'quantity', value: 1, lo: 0.5, hi: 1.5 }]] }
  const two = { kind: 'composite', components: [[token], [{ kind: 'quantity', value: 2, lo: 1.5, hi: 2.5 }]] }
  assert.deepEqual(found['code-value-quantity'], [one])
  assert.deepEqual(found['component-code-value-quantity'], [two])
  assert.deepEqual(found['combo-code-value-quantity'], [one, two])
  const sequence = values({
    resourceType: 'MolecularSequence',
    referenceSeq: { chromosome: { coding: [{ code: '1' }] } },
    variant: [{ start: 3, end: 4 }, { start: 5 }],
  })
  assert.equal(sequence['chromosome-variant-coordinate']?.length, 1)
  assert.deepEqual(values({ resourceType: 'Observation', code, valueDateTime: '2020-05-17' })['code-value-date'], [
    { kind: 'composite', components: [[token], [day('2020-05-17')]] },
  ])
})

test('values of an unexpected shape are passed over', () => {
  for (const shape of [null, 1, '', 'x', [], [null], [[]], {}, [{}], true]) {
    for (const type of RESOURCE_TYPES) {
      const resource: Record<string, unknown> = { resourceType: type }
      for (const { expression } of searchParameters(type).values())
        for (const [, name = ''] of expression.matchAll(/\.(\w+)/g)) resource[name] = shape
      for (const key of ['valueQuantity', 'effectivePeriod', 'effectiveTiming', 'onsetRange', 'meta', 'contained'])
        resource[key] = shape
      extractSearchValues(resource)
    }
  }
})
