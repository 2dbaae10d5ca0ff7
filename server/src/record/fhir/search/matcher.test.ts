import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock } from '#kernel'
import { matchesFilters } from './matcher.ts'
import { parseSearch } from './parse-search.ts'

const clock: Clock = { now: () => Date.parse('2024-06-01'), monotonic: () => 0 }

function matches(resource: { resourceType: string }, query: string): boolean {
  const request = parseSearch({ types: [resource.resourceType], parameters: [...new URLSearchParams(query)], clock })
  assert.ok(request.ok)
  return matchesFilters(resource, request.value.filters)
}

const patient = {
  resourceType: 'Patient',
  id: 'p1',
  name: [{ family: 'Müller', given: ['Anna Maria'] }],
  birthDate: '1980-05-17',
  telecom: [{ system: 'phone', value: '+49 (221) 12' }],
  identifier: [{ system: 'urn:mrn', value: '1' }, { value: '2' }],
  generalPractitioner: [{ reference: 'Practitioner/d1' }, { identifier: { system: 'urn:npi', value: '9' } }],
  managingOrganization: { reference: 'https://there.org/Organization/1' },
}
const observation = {
  resourceType: 'Observation',
  code: { coding: [{ system: 's', code: 'bp' }] },
  component: [
    {
      code: { coding: [{ system: 's', code: 'sys' }] },
      valueQuantity: { value: 120, system: 'http://unitsofmeasure.org', code: 'mm[Hg]', unit: 'mmHg' },
    },
    {
      code: { coding: [{ system: 's', code: 'dia' }] },
      valueQuantity: { value: 80, system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
    },
  ],
}

test('a resource in memory satisfies the searches that find it', () => {
  for (const query of [
    'name=mull',
    'name=maria',
    'family:exact=Müller',
    'birthdate=1980',
    'birthdate=gt1980-05',
    'phone=%2B4922112',
    'identifier=urn:mrn|1',
    'identifier=|2',
    '_id=p1',
    'general-practitioner=d1',
    'general-practitioner:identifier=urn:npi|9',
    'organization=https://there.org/Organization/1',
    'gender:missing=true',
    'gender:not=male',
    'name=zzz,anna',
  ])
    assert.ok(query === 'birthdate=gt1980-05' ? !matches(patient, query) : matches(patient, query), query)
  for (const query of [
    'component-code-value-quantity=s|sys$gt100',
    'component-value-quantity=12||mmHg,120||mmHg',
    'component-value-quantity=120|http://unitsofmeasure.org|mm[Hg]',
  ])
    assert.ok(matches(observation, query), query)
})

test('and none of those that must not find it', () => {
  for (const query of [
    'name=uller',
    'family:exact=muller',
    'identifier=|1',
    'identifier=urn:ssn|1',
    '_id=p2',
    'organization=1',
    'general-practitioner:identifier=urn:npi|8',
    'gender=male',
    'birthdate:missing=true',
    'organization.name=x',
  ])
    assert.ok(!matches(patient, query), query)
  // Both parts are there, but not in one component.
  assert.ok(!matches(observation, 'component-code-value-quantity=s|dia$gt100'))
  assert.ok(!matches(observation, 'component-value-quantity=80||mmHg'))
})
