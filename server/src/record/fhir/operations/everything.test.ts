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
let neighbour: TestClient

const to = (reference: string): Json => ({ reference })
const observation = (id: string, patient: string, more: Json = {}): Json => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: to(`Patient/${patient}`),
  ...more,
})

const RECORD: Json[] = [
  { resourceType: 'Organization', id: 'clinic', name: 'Clinic' },
  { resourceType: 'Organization', id: 'unrelated', name: 'Unrelated' },
  { resourceType: 'Practitioner', id: 'doctor', name: [{ family: 'Doctor' }] },
  {
    resourceType: 'PractitionerRole',
    id: 'role',
    practitioner: to('Practitioner/doctor'),
    organization: to('Organization/clinic'),
  },
  { resourceType: 'Patient', id: 'anna', name: [{ family: 'Anna' }], managingOrganization: to('Organization/clinic') },
  {
    resourceType: 'Patient',
    id: 'berta',
    name: [{ family: 'Berta' }],
    link: [{ other: to('Patient/anna'), type: 'seealso' }],
  },
  {
    resourceType: 'Encounter',
    id: 'visit',
    status: 'finished',
    class: { code: 'AMB' },
    subject: to('Patient/anna'),
    period: { start: '2020-03-01', end: '2020-03-01' },
    diagnosis: [{ condition: to('Condition/older') }],
  },
  {
    resourceType: 'Condition',
    id: 'older',
    subject: to('Patient/anna'),
    code: { text: 'older' },
    onsetDateTime: '2010-01-01',
  },
  observation('o1', 'anna', {
    effectiveDateTime: '2020-03-01',
    encounter: to('Encounter/visit'),
    valueQuantity: { value: 1.5 },
  }),
  observation('o2', 'anna', { effectiveDateTime: '2021-05-01', performer: [to('PractitionerRole/role')] }),
  observation('o3', 'anna', {
    effectiveDateTime: '2022-05-01',
    focus: [to('Patient/berta')],
    derivedFrom: [to('Observation/of-berta')],
  }),
  observation('of-berta', 'berta', { performer: [to('Patient/anna')] }),
  { resourceType: 'AllergyIntolerance', id: 'undated', patient: to('Patient/anna'), code: { text: 'nuts' } },
  {
    resourceType: 'Coverage',
    id: 'insured',
    status: 'active',
    beneficiary: to('Patient/anna'),
    payor: [to('Organization/clinic')],
  },
]

before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  neighbour = await server.client('system/*.cruds', server.tenants[1])
  for (const resource of RECORD) await stored(client, resource)
  await stored(neighbour, observation('o9', 'anna'))
})
after(() => server.close())

async function stored(by: TestClient, resource: Json): Promise<void> {
  const answer = await by.put(`${resource.resourceType}/${resource.id}`, resource)
  assert.ok(answer.status === 200 || answer.status === 201, answer.text)
}

function names(answer: Answer, mode?: string): string[] {
  assert.equal(answer.status, 200, answer.text)
  return ((answer.body.entry ?? []) as Json[])
    .filter(({ search }) => mode === undefined || search.mode === mode)
    .map(({ resource }) => `${resource.resourceType}/${resource.id}`)
}

const OF_ANNA = [
  'AllergyIntolerance/undated',
  'Patient/anna',
  'Condition/older',
  'Coverage/insured',
  'Encounter/visit',
  'Observation/o1',
  'Observation/o2',
  'Observation/o3',
]

function next(answer: Answer): string | undefined {
  return answer.body.link.find(({ relation }: Json) => relation === 'next')?.url
}

test('the whole compartment, and what it refers to, each once, and nothing of another patient', async () => {
  const answer = await client.get('Patient/anna/$everything')
  assert.equal(names(answer, 'match')[0], 'Patient/anna')
  assert.deepEqual(names(answer, 'match').toSorted(), OF_ANNA.toSorted())
  assert.deepEqual(names(answer, 'include').toSorted(), [
    'Organization/clinic',
    'Practitioner/doctor',
    'PractitionerRole/role',
  ])
  // As stored: a read gives the same text.
  assert.ok(answer.text.includes((await client.get('Observation/o1')).text))
  assert.equal(next(answer), undefined)
})

test('pages hold together what one answer holds, in the same order, each of the compartment once', async () => {
  const whole = names(await client.get('Patient/anna/$everything'), 'match')
  for (const count of [1, 2, 3, 8]) {
    const paged: string[] = []
    let answer = await client.get(`Patient/anna/$everything?_count=${count}`)
    for (;;) {
      assert.ok(names(answer, 'match').length <= count)
      paged.push(...names(answer, 'match'))
      const url = next(answer)
      if (url === undefined) break
      answer = await client.get(url)
    }
    assert.deepEqual(paged, whole, `_count=${count}`)
  }
})

test('page links hold for this client, address and tenant alone, and are not to be forged or added to', async () => {
  const link = next(await client.get('Patient/anna/$everything?_count=2')) as string
  const other = await server.client()
  const token = link.slice(link.indexOf('_page='))
  for (const answer of [
    await other.get(link),
    await client.get(link.replace('anna', 'berta')),
    await client.get(`Patient/$everything?${token}`),
    await client.get(`${link}x`),
    await client.get('Patient/anna/$everything?_page=abc'),
  ])
    assert.deepEqual([answer.status, faultCode(answer)], [400, 'fhir.everything.page-unknown'])
  assert.equal(faultCode(await client.get(`${link}&_count=5`)), 'fhir.everything.page-alone')
})

test('_type, _since, start and end narrow it', async () => {
  const typed = await client.get('Patient/anna/$everything?_type=Observation,Practitioner')
  // The practitioner is referred to by way of a role, which was not asked for.
  assert.deepEqual(names(typed).toSorted(), [
    'Observation/o1',
    'Observation/o2',
    'Observation/o3',
    'Practitioner/doctor',
  ])
  const dated = await client.get('Patient/anna/$everything?start=2021-01-01&end=2021-12-31')
  assert.deepEqual(names(dated, 'match').toSorted(), [
    'AllergyIntolerance/undated',
    'Coverage/insured',
    'Observation/o2',
    'Patient/anna',
  ])
  const before = names(await client.get('Patient/anna/$everything?end=2020-12-31'), 'match')
  assert.ok(before.includes('Observation/o1') && !before.includes('Observation/o2'))
  const since = new Date(Date.parse((await client.get('Observation/o3')).body.meta.lastUpdated)).toISOString()
  const late = names(await client.get(`Patient/anna/$everything?_since=${since}`))
  assert.ok(late.includes('Observation/o3') && !late.includes('Patient/anna') && !late.includes('Practitioner/doctor'))
})

test('types the caller may not read and search are left out', async () => {
  const few = await server.client('system/Patient.rs system/Observation.rs system/Encounter.r system/Practitioner.r')
  const answer = await few.get('Patient/anna/$everything')
  assert.deepEqual(names(answer, 'match').toSorted(), [
    'Observation/o1',
    'Observation/o2',
    'Observation/o3',
    'Patient/anna',
  ])
  assert.ok(!names(answer).some((name) => name.startsWith('Organization') || name.startsWith('Practitioner')))
  const none = await server.client('system/Observation.cruds')
  assert.equal(faultCode(await none.get('Patient/anna/$everything')), 'fhir.forbidden')
  assert.equal(faultCode(await none.get('Patient/nobody/$everything')), 'fhir.forbidden')
})

test('of an encounter: its compartment, its patient and what it refers to', async () => {
  const answer = await client.get('Encounter/visit/$everything')
  assert.deepEqual(names(answer, 'match'), ['Encounter/visit', 'Observation/o1'])
  assert.deepEqual(names(answer, 'include').toSorted(), ['Condition/older', 'Organization/clinic', 'Patient/anna'])
})

test('of all patients, in pages: each once, in a stable order', async () => {
  const found: string[] = []
  let answer = await client.get('Patient/$everything?_count=3')
  for (;;) {
    found.push(...names(answer, 'match'))
    const url = next(answer)
    if (url === undefined) break
    answer = await client.get(url)
  }
  assert.deepEqual(found.toSorted(), [...OF_ANNA, 'Patient/berta', 'Observation/of-berta'].toSorted())
  const reader = await server.client('system/Patient.r')
  assert.equal(faultCode(await reader.get('Patient/$everything')), 'fhir.forbidden')
  assert.equal(faultCode(await client.get('Encounter/$everything')), 'fhir.operation.unknown')
})

test('another tenant has the ids of its own only', async () => {
  assert.equal((await neighbour.get('Patient/anna/$everything')).status, 404)
  assert.equal(faultCode(await neighbour.get('Patient/berta/$everything')), 'fhir.store.not-found')
})

test('what cannot be understood is refused', async () => {
  for (const [query, code] of [
    ['_type=Nonsense', 'fhir.operation.type-unknown'],
    ['_count=0', 'fhir.everything.count'],
    ['_since=yesterday', 'fhir.everything.date'],
    ['start=2020-13-45', 'fhir.everything.date'],
    ['end=x%27', 'fhir.everything.date'],
    ['_elements=id', 'fhir.operation.parameter-unknown'],
  ])
    assert.equal(faultCode(await client.get(`Patient/anna/$everything?${query}`)), code)
})

test('of more than 1,000 resources that a page refers to the rest is left out, and that is said', async () => {
  const doctors = Array.from({ length: 1_001 }, (_, index) => ({
    fullUrl: `urn:uuid:00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    resource: { resourceType: 'Practitioner' },
    request: { method: 'POST', url: 'Practitioner' },
  }))
  const patient = {
    resourceType: 'Patient',
    id: 'popular',
    generalPractitioner: doctors.map(({ fullUrl }) => to(fullUrl)),
  }
  const request = { method: 'PUT', url: 'Patient/popular' }
  const entry = [...doctors, { resource: patient, request }]
  assert.equal((await client.post('', { resourceType: 'Bundle', type: 'transaction', entry })).status, 200)
  const answer = await client.get('Patient/popular/$everything')
  assert.equal(names(answer, 'include').length, 1_000)
  const outcome = answer.body.entry.at(-1).resource
  assert.equal(outcome.issue[0].details.coding[0].code, 'fhir.everything.referred-cut')
  await client.delete('Patient/popular')
})

test('the audit record names the patient and how much was disclosed', async () => {
  const answer = await client.get('Patient/anna/$everything')
  const id = answer.headers.get('x-request-id')
  const [record] = (await server.audit({ action: 'operation' })).filter(({ requestId }) => requestId === id)
  assert.ok(record)
  assert.equal(record.patients.length, 1)
  assert.deepEqual(record.patients, [record.rid])
  assert.equal(record.count, answer.body.entry.length)
})

test('a type that is named and may not be read is refused, where one that is not named is left out', async () => {
  const narrow = await server.client('system/Patient.rs')
  assert.equal((await narrow.get('Patient/anna/$everything')).status, 200)
  for (const type of ['Observation', 'Practitioner', 'Patient,Observation'])
    assert.equal((await narrow.get(`Patient/anna/$everything?_type=${type}`)).status, 403, type)
  const reader = await server.client('system/Patient.rs system/Observation.r system/Practitioner.r')
  assert.equal((await reader.get('Patient/anna/$everything?_type=Observation')).status, 403)
  assert.equal((await reader.get('Patient/anna/$everything?_type=Practitioner')).status, 200)
})
