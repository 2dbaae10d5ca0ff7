import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type Answer,
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient

const coding = (system: string, code: string) => ({ coding: [{ system, code }] })

const RESOURCES: Json[] = [
  { resourceType: 'Organization', id: 'org', name: 'North Clinic' },
  {
    resourceType: 'Patient',
    id: 'anna',
    meta: { tag: [{ system: 'urn:tag', code: 'a' }], profile: ['http://example.org/p'], source: 'urn:source' },
    identifier: [{ system: 'urn:mrn', value: '1', type: coding('urn:type', 'MR') }],
    active: true,
    name: [{ family: 'Lindström', given: ['Anna', 'Maria'] }],
    telecom: [{ system: 'phone', value: '+46 70 123' }],
    gender: 'female',
    birthDate: '1980-02-29',
    managingOrganization: { reference: 'Organization/org' },
  },
  { resourceType: 'Patient', id: 'ben', name: [{ family: 'Berg' }], gender: 'male', birthDate: '1990', active: false },
  {
    resourceType: 'Encounter',
    id: 'stay',
    status: 'finished',
    class: { system: 'urn:class', code: 'IMP' },
    subject: { reference: 'Patient/anna' },
    period: { start: '2020-03-01T10:00:00Z', end: '2020-03-05' },
    length: { value: 4, unit: 'd', system: 'http://unitsofmeasure.org', code: 'd' },
  },
  ...[
    ['potassium', '2823-3', 'anna', '2020-03-02', 4.2, 'mmol/L'],
    ['sodium', '2951-2', 'anna', '2020-03-03T08:00:00+01:00', 140, 'mmol/L'],
    ['weight', '29463-7', 'ben', '2021', 80, 'kg'],
    ['weight-g', '29463-7', 'anna', '2021-05', 62_000, 'g'],
  ].map(([id, code, patient, date, value, unit]) => ({
    resourceType: 'Observation',
    id,
    status: 'final',
    code: coding('http://loinc.org', code as string),
    subject: { reference: `Patient/${patient}` },
    ...(patient === 'anna' ? { encounter: { reference: 'Encounter/stay' } } : {}),
    effectiveDateTime: date,
    valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
  })),
  {
    resourceType: 'RiskAssessment',
    id: 'risk',
    status: 'final',
    subject: { reference: 'Patient/anna' },
    prediction: [{ probabilityDecimal: 0.25 }],
  },
  { resourceType: 'ValueSet', id: 'vs', url: 'http://example.org/vs/one', status: 'active', name: 'One' },
]

before(async () => {
  server = await startTestServer()
  client = await server.client()
  const entry = RESOURCES.map((resource) => ({
    resource,
    request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
  }))
  const loaded = await client.post('', { resourceType: 'Bundle', type: 'transaction', entry })
  assert.equal(loaded.status, 200, loaded.text + server.logLines.join())
})
after(() => server.close())

const ids = (answer: Answer): string[] => {
  assert.equal(answer.status, 200, answer.text)
  return (answer.body.entry ?? []).map((entry: Json) => entry.resource.id)
}

const CASES: [query: string, ids: string][] = [
  // string
  ['Patient?family=lindstrom', 'anna'],
  ['Patient?family=LIND', 'anna'],
  ['Patient?name=maria', 'anna'],
  ['Patient?family:exact=Lindström', 'anna'],
  ['Patient?family:exact=lindström', ''],
  ['Patient?family=strom', ''],
  ['Patient?family=berg,lind', 'anna ben'],
  ['Patient?family=berg&given=anna', ''],
  // token
  ['Patient?gender=female', 'anna'],
  ['Patient?active=false', 'ben'],
  ['Patient?identifier=urn:mrn|1', 'anna'],
  ['Patient?identifier=1', 'anna'],
  ['Patient?identifier=urn:other|1', ''],
  ['Patient?identifier=|1', ''],
  ['Patient?gender:not=female', 'ben'],
  ['Observation?code=http://loinc.org|2823-3', 'potassium'],
  ['Observation?code=2823-3,2951-2', 'potassium sodium'],
  ['Patient?phone=%2B4670123', 'anna'],
  // date
  ['Patient?birthdate=1980-02-29', 'anna'],
  ['Patient?birthdate=ge1990', 'ben'],
  ['Patient?birthdate=1980', 'anna'],
  ['Observation?date=2020-03-02', 'potassium'],
  ['Observation?date=2020-03', 'potassium sodium'],
  ['Observation?date=gt2020-03-02&date=lt2021', 'sodium'],
  ['Observation?date=sa2021-01-01', 'weight-g'],
  ['Encounter?date=2020-03-04', ''],
  ['Encounter?date=ge2020-03-04', 'stay'],
  ['Encounter?date=lt2020-03-02', 'stay'],
  ['Encounter?date=lt2020-03-01', ''],
  // number
  ['RiskAssessment?probability=gt0.2', 'risk'],
  ['RiskAssessment?probability=0.25', 'risk'],
  ['RiskAssessment?probability=lt0.2', ''],
  // quantity
  ['Observation?value-quantity=4.2||mmol/L', 'potassium'],
  ['Observation?value-quantity=gt70|http://unitsofmeasure.org|kg', 'weight'],
  ['Observation?value-quantity=62|http://unitsofmeasure.org|kg', 'weight-g'],
  ['Observation?value-quantity=lt5', 'potassium'],
  // uri
  ['ValueSet?url=http://example.org/vs/one', 'vs'],
  ['ValueSet?url=http://example.org/vs', ''],
  // reference
  ['Observation?subject=Patient/ben', 'weight'],
  ['Observation?patient=ben', 'weight'],
  ['Observation?subject:Patient=ben', 'weight'],
  ['Observation?subject=Patient/unknown', ''],
  ['Patient?organization=Organization/org', 'anna'],
  // composite
  ['Observation?code-value-quantity=http://loinc.org|2823-3$gt4', 'potassium'],
  ['Observation?code-value-quantity=http://loinc.org|2823-3$gt5', ''],
  // common
  ['Patient?_id=ben', 'ben'],
  ['Patient?_id=ben,anna', 'anna ben'],
  ['Patient?_tag=urn:tag|a', 'anna'],
  ['Patient?_profile=http://example.org/p', 'anna'],
  ['Patient?_source=urn:source', 'anna'],
  ['Patient?_lastUpdated=ge2020-01-01', 'anna ben'],
  ['Patient?_lastUpdated=lt2020-01-01', ''],
  // missing
  ['Observation?encounter:missing=true', 'weight'],
  ['Patient?identifier:missing=false', 'anna'],
  // chains
  ['Observation?subject:Patient.family=berg', 'weight'],
  ['Observation?patient.gender=male', 'weight'],
  ['Observation?patient.identifier=urn:mrn|1&code=2823-3', 'potassium'],
  ['Observation?encounter.status=finished', 'potassium sodium weight-g'],
  // compartments
  ['Patient/ben/Observation', 'weight'],
  ['Patient/anna/Observation?code=29463-7', 'weight-g'],
  ['Patient/unknown/Observation', ''],
  ['Encounter/stay/Observation', 'potassium sodium weight-g'],
]

for (const [query, expected] of CASES)
  test(`GET ${query} finds ${expected || 'nothing'}, as POST _search does`, async () => {
    assert.equal(
      ids(await client.get(query))
        .sort()
        .join(' '),
      expected,
    )
    const [path = '', form = ''] = query.split('?')
    const posted = await client.post(`${path}/_search`, form, { 'content-type': 'application/x-www-form-urlencoded' })
    assert.equal(ids(posted).sort().join(' '), expected)
  })

test('what the server does not know is refused, and with lenient handling ignored and reported', async () => {
  for (const query of [
    'unheard=1',
    'family:unheard=x',
    'birthdate=nonsense',
    'date=2020',
    '_sort=unheard',
    '_total=x',
    '_include=Patient:unheard',
    '_count=x',
    'value-quantity=1',
    'organization.unheard=1',
  ]) {
    const answer = await client.get(`Patient?${query}`)
    assert.equal(answer.status, 400, query)
    assert.equal(answer.body.resourceType, 'OperationOutcome')
    assert.doesNotMatch(answer.text, /nonsense/)
  }
  const lenient = await client.get('Patient?unheard=1&gender=male', { prefer: 'handling=lenient' })
  assert.equal(lenient.status, 200)
  const outcome = lenient.body.entry.find((entry: Json) => entry.search.mode === 'outcome')
  assert.equal(outcome.resource.issue[0].severity, 'warning')
  assert.equal(lenient.body.entry[0].resource.id, 'ben')
  const self = lenient.body.link.find((link: Json) => link.relation === 'self').url
  assert.doesNotMatch(self, /unheard/)
  assert.match(self, /gender=male/)
})

test('_include and _revinclude bring the neighbours, marked as included and each once', async () => {
  const included = await client.get(
    'Observation?_id=potassium,sodium&_include=Observation:subject&_include=Observation:encounter',
  )
  assert.deepEqual(included.body.entry.map((entry: Json) => `${entry.search.mode} ${entry.resource.id}`).sort(), [
    'include anna',
    'include stay',
    'match potassium',
    'match sodium',
  ])
  const reverse = await client.get('Patient?_id=anna&_revinclude=Observation:subject')
  assert.deepEqual(ids(reverse).sort(), ['anna', 'potassium', 'sodium', 'weight-g'])
  assert.deepEqual(ids(await client.get('Observation?_id=potassium&_include=Observation:subject:Group')), ['potassium'])
})

test('_sort orders by date, token and update, both ways', async () => {
  assert.deepEqual(ids(await client.get('Observation?_sort=date')), ['potassium', 'sodium', 'weight', 'weight-g'])
  assert.equal(ids(await client.get('Observation?_sort=-date'))[3], 'potassium')
  assert.deepEqual(ids(await client.get('Patient?_sort=gender')), ['anna', 'ben'])
  assert.deepEqual(ids(await client.get('Patient?_sort=-gender')), ['ben', 'anna'])
  assert.deepEqual(ids(await client.get('Patient?_sort=family')), ['ben', 'anna'])
  await client.put('Patient/ben', { ...RESOURCES[2], active: false })
  assert.deepEqual(ids(await client.get('Patient?_sort=-_lastUpdated')), ['ben', 'anna'])
})

test('paging goes forth and back over each match once, also while others arrive', async () => {
  for (const sort of ['', '&_sort=date', '&_sort=-_lastUpdated', '&_sort=code']) {
    const all: string[] = []
    let page = await client.get(`Observation?_count=1${sort}`)
    const seen: Json[] = []
    for (let pages = 0; pages < 20; pages++) {
      all.push(...ids(page))
      seen.push(page.body)
      const next = page.body.link.find((link: Json) => link.relation === 'next')
      if (!next) break
      if (pages === 1)
        await client.put('Observation/arrival', { ...RESOURCES[4], id: 'arrival', effectiveDateTime: '1999' })
      page = await client.get(next.url)
    }
    await client.delete('Observation/arrival')
    const before = all.filter((id) => id !== 'arrival')
    assert.deepEqual([...before].sort(), ['potassium', 'sodium', 'weight', 'weight-g'], sort)
    assert.ok(all.length - before.length <= 1)
    const previous = seen.at(-1).link.find((link: Json) => link.relation === 'previous').url
    assert.deepEqual(ids(await client.get(previous)), [before.at(all.at(-1) === 'arrival' ? -1 : -2)], sort)
    assert.equal(
      seen[0].link.find((link: Json) => link.relation === 'previous'),
      undefined,
    )
  }
})

test('page tokens keep the query, and are refused when forged or of another client', async () => {
  const first = await client.get('Observation?code=29463-7&_count=1&_elements=status')
  const next = first.body.link.find((link: Json) => link.relation === 'next').url as string
  assert.doesNotMatch(next, /29463/)
  const page = await client.get(next)
  assert.equal(page.body.entry.length, 1)
  assert.equal(page.body.entry[0].resource.subject, undefined, 'the wishes of the first page hold')
  const other = await server.client()
  assert.equal(faultCode(await other.get(next)), 'fhir.search.page-unknown')
  const token = new URL(next).searchParams.get('_page') as string
  for (const forged of ['', 'x', token.slice(1), `${token.slice(0, -3)}AAA`]) {
    const answer = await client.get(`Observation?_page=${forged}`)
    assert.equal(answer.status, 400, forged)
  }
  const elsewhere = await client.get(`Patient?_page=${token}`)
  assert.ok(elsewhere.status === 400 || ids(elsewhere).every((id) => id.startsWith('weight')))
})

test('nothing is added to a page link, and nobody searches below a resource', async () => {
  const next = (await client.get('Observation?_count=1')).body.link.find((link: Json) => link.relation === 'next').url
  assert.equal((await client.get(`${next}&_format=json&_pretty=true`)).status, 200)
  assert.equal(faultCode(await client.get(`${next}&code=2823-3`)), 'fhir.search.page-with-parameters')
  for (const path of ['Patient/anna/_search', 'Patient/_search', 'Patient/anna/Nonsense', 'Observation/x/Patient'])
    assert.ok((await client.get(path)).status >= 400, path)
})

test('the place of an unknown parameter counts those that are read elsewhere too', async () => {
  const answer = await client.get('Patient?_format=json&gender=male&colour=Blau')
  assert.equal(faultCode(answer), 'fhir.search.parameter-unknown')
  assert.match(answer.body.issue[0].diagnostics, /^The 3rd parameter/)
  assert.doesNotMatch(answer.text, /colour|Blau|gender/)
})

test('a resource that moves to another patient is found with that one alone, and its past stays readable', async () => {
  const moving = { ...RESOURCES[4], id: 'moving', code: { text: 'moving' } }
  await client.put('Observation/moving', moving)
  await client.put('Observation/moving', { ...moving, subject: { reference: 'Patient/ben' } })
  assert.deepEqual(ids(await client.get('Patient/anna/Observation?_id=moving')), [])
  assert.deepEqual(ids(await client.get('Patient/ben/Observation?_id=moving')), ['moving'])
  assert.equal((await client.get('Observation/moving/_history/1')).body.subject.reference, 'Patient/anna')
  await client.delete('Observation/moving')
})

test('a page token gives no more rights than the client has', async () => {
  const narrow = await server.client('system/Patient.rs')
  const next = (await client.get('Observation?_count=1')).body.link.find((link: Json) => link.relation === 'next').url
  assert.ok([400, 403].includes((await narrow.get(next)).status))
})

test('_total is given when asked for, and counts all matches', async () => {
  assert.equal((await client.get('Observation?_count=1&_total=accurate')).body.total, 4)
  assert.ok((await client.get('Observation?_count=1&_total=estimate')).body.total >= 1)
  assert.equal((await client.get('Observation?_count=1')).body.total, undefined)
  const count = await client.get('Observation?code=29463-7&_summary=count')
  assert.equal(count.body.total, 2)
  assert.equal(count.body.entry, undefined)
  assert.equal((await client.get('Observation?_count=0')).body.total, 4)
  assert.equal((await client.get('Observation?code=unheard')).body.total, 0)
})

test('what was deleted or changed is found no more by what it was', async () => {
  const organization = { resourceType: 'Organization', id: 'brief', name: 'Brief' }
  await client.put('Organization/brief', organization)
  assert.deepEqual(ids(await client.get('Organization?name=brief')), ['brief'])
  await client.put('Organization/brief', { ...organization, name: 'Other' })
  assert.deepEqual(ids(await client.get('Organization?name=brief')), [])
  await client.delete('Organization/brief')
  assert.deepEqual(ids(await client.get('Organization?name=other')), [])
  assert.deepEqual(ids(await client.get('Organization?_id=brief')), [])
})
