import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type SearchParameterDef, searchParameters } from '@salus/fhir-model'
import { type Clock, FaultError, LIMITS } from '#kernel'
import { parseSearch } from './parse-search.ts'
import { compositeParts } from './parse-value.ts'
import type { SearchRequest } from './search-request.ts'

const NOW = Date.parse('2024-06-01T00:00:00Z')
const clock: Clock = { now: () => NOW, monotonic: () => 0 }
const SECRET = 'Geheimnis'

function parse(url: string, options: { lenient?: boolean; compartment?: { type: string; id: string } } = {}) {
  const [path = '', query = ''] = url.split('?')
  const parameters = [...new URLSearchParams(query)]
  return parseSearch({ types: path === '' ? [] : [path], parameters, clock, base: 'https://here.org/fhir', ...options })
}

function parsed(url: string): SearchRequest {
  const result = parse(url)
  assert.ok(result.ok, result.ok ? '' : result.fault.code)
  return result.value
}

test('values are split into what their type means', () => {
  const value = (url: string): unknown => parsed(url).filters[0]?.values[0]
  assert.deepEqual(value('Patient?identifier=urn:mrn|a\\|b'), { kind: 'token', system: 'urn:mrn', code: 'a|b' })
  assert.deepEqual(value('Patient?gender=|male'), { kind: 'token', system: null, code: 'male' })
  assert.deepEqual(value('Observation?code=http://loinc.org|'), { kind: 'token', system: 'http://loinc.org' })
  assert.deepEqual(value('Observation?subject=Patient/1/_history/2'), { kind: 'reference', type: 'Patient', id: '1' })
  assert.deepEqual(value('Observation?subject:Patient=1'), { kind: 'reference', type: 'Patient', id: '1' })
  assert.deepEqual(value('Observation?subject=https://here.org/fhir/Patient/1'), {
    kind: 'reference',
    type: 'Patient',
    id: '1',
  })
  assert.deepEqual(value('Observation?subject=https://there.org/Patient/1'), {
    kind: 'url',
    url: 'https://there.org/Patient/1',
  })
  assert.deepEqual(value('RiskAssessment?probability=gt0.5'), {
    kind: 'number',
    prefix: 'gt',
    value: 0.5,
    lo: 0.45,
    hi: 0.55,
  })
  assert.deepEqual(value('Observation?value-quantity=5.4|http://unitsofmeasure.org|mg'), {
    kind: 'quantity',
    prefix: 'eq',
    value: 5.4,
    lo: 5.35,
    hi: 5.45,
    system: 'http://unitsofmeasure.org',
    code: 'mg',
  })
  assert.deepEqual(value('Observation?value-quantity=5.4||mg'), {
    kind: 'quantity',
    prefix: 'eq',
    value: 5.4,
    lo: 5.35,
    hi: 5.45,
    code: 'mg',
  })
  assert.deepEqual(value('Observation?date=ap2024-05-22'), {
    kind: 'date',
    prefix: 'ap',
    lo: Date.parse('2024-05-22') - 82_080_000,
    hi: Date.parse('2024-05-22') + 86_399_999 + 82_080_000,
  })
})

test('alternatives, modifiers, chains and composites', () => {
  assert.equal(parsed('Patient?name=a,b\\,c').filters[0]?.values.length, 2)
  assert.equal(parsed('Patient?name:exact=a').filters[0]?.modifier, 'exact')
  assert.deepEqual(parsed('Patient?birthdate:missing=true').filters[0], {
    code: 'birthdate',
    modifier: 'missing',
    missing: true,
    values: [],
  })
  assert.deepEqual(parsed('Observation?subject:Patient.name:exact=x').filters[0]?.chain, {
    types: ['Patient'],
    filter: { code: 'name', modifier: 'exact', values: [{ kind: 'string', value: 'x' }] },
  })
  assert.deepEqual(parsed('PractitionerRole?practitioner.identifier=1').filters[0]?.chain?.types, ['Practitioner'])
  const composite = parsed('Observation?code-value-quantity=http://loinc.org|1$gt5').filters[0]?.values[0]
  assert.equal(composite?.kind === 'composite' && composite.parts[1]?.kind, 'quantity')
})

test('how to answer is read apart, and the self link names what took part', () => {
  const request = parsed(
    'Observation?_sort=-date,_id&_count=5000&_total=accurate&_include=Observation:subject:Patient&_revinclude=Provenance:target&_summary=true&_elements=id,status&_pretty=true&status=final',
  )
  assert.deepEqual(request.sort, [
    { code: 'date', descending: true },
    { code: '_id', descending: false },
  ])
  assert.equal(request.count, LIMITS.pageEntriesMax)
  assert.deepEqual(request.includes, [
    { reverse: false, source: 'Observation', code: 'subject', target: 'Patient' },
    { reverse: true, source: 'Provenance', code: 'target' },
  ])
  assert.deepEqual(request.output, { summary: 'true', elements: ['id', 'status'], pretty: true })
  assert.ok(request.self.some(([name, value]) => name === '_count' && value === String(LIMITS.pageEntriesMax)))
  assert.deepEqual(parsed('?_type=Patient,Observation&_lastUpdated=gt2020').types, ['Patient', 'Observation'])
})

test('unknown parts are ignored only when asked to, and then reported and left out of the self link', () => {
  for (const name of [
    'favourite-colour',
    'name:below',
    'birthdate:contains',
    'gender:of-type',
    'identifier:phonetic',
    'subject.name',
    'organization._has:Observation:patient:code',
    '_has:Observation:performer:colour',
    '_has:Observation:encounter:code',
    '_has:Observation:patient',
    '_has:Colour:patient:code',
    '_has',
    'near',
    'name:exact:x',
    '_id:not',
  ])
    assert.equal(fault(`Patient?${name}=${SECRET}`), 'fhir.search.parameter-unknown', name)
  const lenient = parse(`Patient?favourite-colour=${SECRET}&_sort=colour&gender=male`, { lenient: true })
  assert.ok(lenient.ok)
  assert.deepEqual(
    lenient.value.warnings.map((warning) => warning.code),
    ['fhir.search.parameter-unknown', 'fhir.search.sort-unknown'],
  )
  assert.deepEqual(lenient.value.self, [['gender', 'male']])
  // Ignoring a value that cannot be read would answer with other patients' data.
  assert.equal(fault('Patient?birthdate=yesterday', { lenient: true }), 'fhir.search.value-invalid')
})

test('a parameter that is unknown is named by its place in the search, and nothing of the search is repeated', () => {
  const told = (url: string, options: Parameters<typeof parse>[1] = {}): string => {
    const result = parse(url, options)
    return result.ok ? (result.value.warnings[0]?.message ?? '') : result.fault.message
  }
  assert.match(told(`Patient?${SECRET}=x`), /^The 1st parameter is not/)
  assert.match(told('Patient?gender=male&code=x'), /^The 2nd parameter/)
  assert.match(told('Patient?_count=1&_sort=name&birthdate:exact=1980'), /^The 3rd parameter/)
  assert.match(told(`Observation?subject:Patient.${SECRET}=x`), /^The 1st parameter/)
  const tens = `Patient?${'gender=male&'.repeat(10)}`
  assert.match(told(`${tens}code=x`), /^The 11th parameter/)
  assert.match(told(`${tens}${'gender=male&'.repeat(12)}code=x`, { lenient: true }), /^The 23rd parameter/)
  for (const url of [`Patient?${SECRET}=x`, `Patient?gender=male&name:${SECRET}=x`, 'Patient?code=x&gender=male'])
    assert.doesNotMatch(told(url), /Geheimnis|gender|male|code|name/)
})

function fault(url: string, options: Parameters<typeof parse>[1] = {}): string | undefined {
  const result = parse(url, options)
  if (result.ok) return undefined
  assert.ok(!JSON.stringify(result.fault).includes(SECRET), 'a fault must not repeat a value')
  return result.fault.code
}

test('each refusal has its own code and repeats no value', () => {
  const many = Array.from({ length: LIMITS.searchValuesMax + 1 }, (_, n) => `v${n}`).join(',')
  const cases: [string, string][] = [
    [`Patient?birthdate=${SECRET}`, 'fhir.search.value-invalid'],
    [`Patient?_id=${SECRET}/1`, 'fhir.search.value-invalid'],
    ['Patient?name=', 'fhir.search.value-invalid'],
    ['Patient?gender=|', 'fhir.search.value-invalid'],
    [`Patient?name:missing=${SECRET}`, 'fhir.search.value-invalid'],
    [`Observation?subject:Patient=Group/${SECRET}`, 'fhir.search.value-invalid'],
    [`Observation?value-quantity=${SECRET}`, 'fhir.search.value-invalid'],
    [`Observation?code-value-quantity=${SECRET}`, 'fhir.search.value-invalid'],
    [`Patient?_count=${SECRET}`, 'fhir.search.value-invalid'],
    [`Patient?_total=${SECRET}`, 'fhir.search.value-invalid'],
    ['Patient?_elements=id,$x', 'fhir.search.value-invalid'],
    [`Patient?name=${many}`, 'fhir.search.values-too-many'],
    [`Patient?${'name=a&'.repeat(LIMITS.searchParametersMax + 1)}`, 'fhir.search.parameters-too-many'],
    ['Patient?_type=Observation', 'fhir.search.parameter-unknown'],
    ['Patient?_count=1&_count=2', 'fhir.search.parameter-repeated'],
    [`Patient?_sort=${SECRET}`, 'fhir.search.sort-unknown'],
    ['Location?_sort=near', 'fhir.search.sort-unknown'],
    [`Patient?_include=${SECRET}`, 'fhir.search.include-unknown'],
    ['Patient?_include=Observation:subject', 'fhir.search.include-unknown'],
    [`Patient?${'_include=Patient:organization&'.repeat(21)}`, 'fhir.search.includes-too-many'],
    [`Organization?${'partof.'.repeat(6)}name=${SECRET}`, 'fhir.search.chain-too-long'],
    [`Organization?${'_has:Organization:partof:'.repeat(6)}name=${SECRET}`, 'fhir.search.chain-too-long'],
    [`Task?${'based-on:Task.'.repeat(2)}owner.${'partof.'.repeat(3)}name=${SECRET}`, 'fhir.search.chain-too-long'],
    [`Observation?${'performer._id=x&'.repeat(25)}`, 'fhir.search.chain-too-wide'],
    [`Provenance?target.name=${SECRET}`, 'fhir.search.chain-type-needed'],
    [`Location?near=${SECRET}`, 'fhir.search.value-invalid'],
    ['Location?near=91|0', 'fhir.search.value-invalid'],
    ['Location?near=50|7|5|kg', 'fhir.search.value-invalid'],
    ['Location?near=50|7|-5|km', 'fhir.search.value-invalid'],
    ['Patient?_content=-', 'fhir.search.value-invalid'],
    [`Patient?_text=${'a b c d e f g h i j k l m n o p q r s t u'}`, 'fhir.search.value-invalid'],
    [`Patient?_list=$${SECRET}`, 'fhir.search.list-unknown'],
    [`Patient?_list=${SECRET}/1`, 'fhir.search.value-invalid'],
    [`Patient?_query=${SECRET}`, 'fhir.search.query-unknown'],
    ['Patient?_contained=true', 'fhir.search.contained-unsupported'],
    ['Patient?_contained=both', 'fhir.search.contained-unsupported'],
    ['Patient?_containedType=contained', 'fhir.search.contained-unsupported'],
    [`Observation?code:in=${SECRET}`, 'fhir.search.value-invalid'],
    ['Observation?code:in=Patient/1', 'fhir.search.value-invalid'],
    [`Patient?identifier:of-type=${SECRET}|MR`, 'fhir.search.value-invalid'],
    ['Patient?_include=Patient:*:Organization', 'fhir.search.include-unknown'],
    ['Patient?_revinclude=Colour:*', 'fhir.search.include-unknown'],
    [`?_type=${SECRET}`, 'fhir.search.type-unknown'],
    ['?name=x', 'fhir.search.type-unknown'],
    [`?_type=${TWENTY_ONE}`, 'fhir.search.types-too-many'],
  ]
  for (const [url, code] of cases) assert.equal(fault(url), code, url.slice(0, 80))
  assert.equal(
    fault('Medication?code=x', { compartment: { type: 'Patient', id: '1' } }),
    'fhir.search.compartment-unknown',
  )
  assert.equal(
    fault('Observation?code=x', { compartment: { type: 'Group', id: '1' } }),
    'fhir.search.compartment-unknown',
  )
})

const TWENTY_ONE =
  'Account,Appointment,Basic,Binary,Bundle,CarePlan,CareTeam,Claim,Condition,Consent,Coverage,Device,Encounter,Flag,Goal,Group,List,Location,Media,Patient,Slot'

test('a composite of what the type does not have is not supported', () => {
  const composite = searchParameters('Observation').get('code-value-quantity') as SearchParameterDef
  assert.equal(compositeParts(composite).length, 2)
  const odd = { ...composite, components: [{ code: 'colour', expression: 'colour' }] }
  assert.throws(
    () => compositeParts(odd),
    (error) => error instanceof FaultError && error.fault.code === 'fhir.search.parameter-unsupported',
  )
})
