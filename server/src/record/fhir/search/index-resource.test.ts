import assert from 'node:assert/strict'
import { test } from 'node:test'
import { searchParameters } from '@salus/fhir-model'
import { NO_DATE } from '../store/rows.ts'
import { indexResource } from './index-resource.ts'
import { parameterPlans } from './parameter-plan.ts'
import type { Tokens } from './tokens.ts'

/** Keeps what it is asked to key, so that a test can read it. */
function recorder(): { tokens: Tokens; asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    tokens: {
      token(leaf, kind, value) {
        const key = Buffer.alloc(8)
        key.writeUInt32BE(asked.push(`${leaf} ${kind} ${value}`))
        return key
      },
    },
  }
}

const index = (resource: object, owner?: string) => {
  const { tokens, asked } = recorder()
  return { row: indexResource(resource, { tokens, ...(owner === undefined ? {} : { owner }) }), asked }
}

test('birth dates, names, telephone numbers and identifiers become tokens and nothing else', () => {
  const { row, asked } = index({
    resourceType: 'Patient',
    id: 'p',
    birthDate: '1980-05-17',
    deceasedDateTime: '2020-01-01T10:00:00Z',
    name: [{ family: 'Ng', given: ['Ana'] }],
    telecom: [{ system: 'phone', value: '+49 (221) 12' }],
    identifier: [{ system: 'urn:mrn', value: '77' }],
  })
  assert.deepEqual([row.dates, row.quantities, row.lo, row.hi], [[], [], NO_DATE, NO_DATE])
  assert.ok(asked.includes('Patient.birthdate bucket 1980-05-17'))
  assert.ok(asked.includes('Patient.death-date bucket 2020-01-01'))
  assert.ok(asked.includes('Patient.name.family prefix ng'))
  assert.ok(asked.some((one) => one.endsWith('identifier-value 4922112')))
  assert.ok(asked.includes('Patient.identifier identifier urn:mrn|77'))
  // Kinds that the vault remembers must not carry what points at a person.
  assert.ok(!asked.some((one) => / (code|coding|uri|unit) .*(77|4922112|[Nn]g|Ana)/.test(one)))
  assert.equal(asked.length, new Set(asked).size, 'each value is keyed once')
  assert.equal(row.tokens.length, asked.length * 8)
})

test('the first coding is the promoted code, further ones follow, and unions store nothing', () => {
  const { row, asked } = index({
    resourceType: 'Observation',
    code: {
      coding: [
        { system: 's', code: 'a' },
        { system: 't', code: 'b' },
        { system: 's', code: 'a' },
      ],
    },
    valueQuantity: { value: 5.4, system: 'http://unitsofmeasure.org', code: 'mg' },
    effectivePeriod: { start: '2020-01-01' },
  })
  assert.equal(row.code?.length, 8)
  assert.equal(row.codes.length, 1)
  assert.ok(!asked.some((one) => one.includes('combo')))
  assert.equal(row.quantities.length, 1)
  assert.equal(row.quantities[0]?.canon, 0.0054)
  assert.equal(row.lo, Date.parse('2020-01-01'))
  assert.ok(row.hi > Date.parse('3000-01-01'))
})

test('a reference to the owner needs no row; others do, and what is not local becomes a token', () => {
  const { row, asked } = index(
    {
      resourceType: 'Observation',
      subject: { reference: 'Patient/p1' },
      performer: [
        { reference: 'Patient/p1' },
        { reference: 'Practitioner/d/_history/2' },
        { reference: '#contained' },
        { reference: 'urn:uuid:x' },
        { identifier: { system: 'urn:npi', value: '9' } },
      ],
    },
    'p1',
  )
  const performer = searchParameters('Observation').get('performer')?.id
  assert.deepEqual(row.references, [
    { param: performer, target: { type: 'Patient', id: 'p1' } },
    { param: performer, target: { type: 'Practitioner', id: 'd' } },
  ])
  assert.ok(asked.includes('Observation.performer url urn:uuid:x'))
  assert.ok(asked.includes('Observation.performer identifier urn:npi|9'))
  const orphan = index({ resourceType: 'Observation', subject: { reference: 'Patient/p1' } })
  assert.ok(orphan.row.references.some(({ target }) => target.id === 'p1'))
})

test('present says which parameters have a value', () => {
  const { row } = index({ resourceType: 'Observation', status: 'final' })
  const bit = (code: string): bigint => 1n << BigInt(searchParameters('Observation').get(code)?.index as number)
  assert.equal(row.present, bit('status'))
})

test('parameters over one element share their tokens', () => {
  const patient = parameterPlans('Patient')
  assert.equal(patient.get('family')?.leaf, `${patient.get('name')?.leaf}.family`)
  assert.equal(patient.get('phonetic')?.leaf, patient.get('name')?.leaf)
  assert.equal(patient.get('address-city')?.leaf, `${patient.get('address')?.leaf}.city`)
  assert.deepEqual(
    parameterPlans('Observation')
      .get('combo-code')
      ?.derivedFrom?.map((def) => def.code),
    ['code', 'component-code'],
  )
})
