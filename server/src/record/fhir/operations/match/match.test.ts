import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type Answer,
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient
let neighbour: TestClient

const person = (family: string, given: string, birthDate: string, more: Json = {}): Json => ({
  resourceType: 'Patient',
  name: [{ family, given: [given] }],
  birthDate,
  gender: 'female',
  ...more,
})
const mrn = (value: string): Json => ({ identifier: [{ system: 'urn:mrn', value }] })

const STORED: Record<string, Json> = {
  anna: person('Müller', 'Anna', '1980-05-17', { ...mrn('1'), telecom: [{ system: 'phone', value: '0221 123456' }] }),
  'anna-again': person('Mueller', 'Anna', '1980-05-17', { telecom: [{ system: 'phone', value: '(0221) 12 34 56' }] }),
  'anna-slip': person('Müller', 'Anna', '1980-05-18'),
  berta: person('Schmidt', 'Berta', '1980-05-17', mrn('2')),
  son: person('Müller', 'Karl', '2010-05-17', { gender: 'male', telecom: [{ system: 'phone', value: '0221123456' }] }),
}

before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  neighbour = await server.client('system/*.cruds', server.tenants[1])
  for (const [id, one] of Object.entries(STORED))
    assert.equal((await client.put(`Patient/${id}`, { ...one, id })).status, 201)
  assert.equal((await neighbour.put('Patient/theirs', { ...STORED.anna, id: 'theirs' })).status, 201)
})
after(() => server.close())

function found(answer: Answer): string[] {
  assert.equal(answer.status, 200, answer.text)
  return ((answer.body.entry ?? []) as Json[]).map(
    ({ resource, search }) => `${resource.id} ${search.extension[0].valueCode}`,
  )
}

const match = (resource: Json, more: Json[] = [], by = client): Promise<Answer> =>
  by.post('Patient/$match', { resourceType: 'Parameters', parameter: [{ name: 'resource', resource }, ...more] })

test('the likeliest come first, graded and scored', async () => {
  const answer = await match(STORED.anna)
  assert.deepEqual(found(answer), ['anna certain', 'anna-again probable', 'anna-slip possible'])
  const [first] = answer.body.entry
  assert.equal(first.search.mode, 'match')
  assert.equal(first.search.extension[0].url, 'http://hl7.org/fhir/StructureDefinition/match-grade')
  const scores = answer.body.entry.map(({ search }: Json) => search.score)
  assert.deepEqual(
    scores,
    scores.toSorted((a: number, b: number) => b - a),
  )
  assert.ok(scores.every((score: number) => score > 0 && score <= 1))
  assert.ok(answer.text.includes((await client.get('Patient/anna')).text))
})

test('only the certain one, when there is one', async () => {
  const only = [{ name: 'onlyCertainMatches', valueBoolean: true }]
  assert.deepEqual(found(await match(STORED.anna, only)), ['anna certain'])
  const two = person('Müller', 'Anna', '1980-05-17')
  assert.deepEqual(found(await match(two, only)), [])
  assert.ok(found(await match(two)).length >= 2)
})

test('a number, a telephone or two other things suffice; count limits', async () => {
  assert.deepEqual(found(await client.post('Patient/$match', { resourceType: 'Patient', ...mrn('2') })), [
    'berta probable',
  ])
  const phone = {
    resourceType: 'Patient',
    telecom: [{ system: 'phone', value: '0221-123456' }],
    name: [{ family: 'Müller', given: ['Anna'] }],
  }
  assert.ok(found(await match(phone)).some((one) => one.startsWith('anna ')))
  assert.equal(found(await match(STORED.anna, [{ name: 'count', valueInteger: 1 }])).length, 1)
})

test('nobody who only shares a little', async () => {
  const stranger = person('Müller', 'Zoe', '1955-01-01')
  assert.deepEqual(found(await match(stranger)), [])
  assert.ok(!found(await match(STORED.anna)).some((one) => one.startsWith('son') || one.startsWith('berta')))
})

test('of another tenant nobody is found', async () => {
  assert.deepEqual(found(await match(STORED.anna, [], neighbour)), ['theirs certain'])
  assert.ok(!found(await match(STORED.anna)).some((one) => one.startsWith('theirs')))
})

test('the right to search and to read patients is needed', async () => {
  for (const scope of ['system/Patient.r', 'system/Patient.s', 'system/Observation.cruds']) {
    const few = await server.client(scope)
    assert.equal(faultCode(await match(STORED.anna, [], few)), 'fhir.forbidden')
    assert.equal(faultCode(await few.get('Patient/$salus-duplicates')), 'fhir.forbidden')
  }
})

test('what cannot be looked for is refused', async () => {
  const nobody = { resourceType: 'Patient' }
  assert.equal(faultCode(await match(nobody)), 'fhir.match.too-little')
  assert.equal(faultCode(await match({ ...nobody, name: [{ family: 'Müller' }] })), 'fhir.match.too-little')
  assert.equal(faultCode(await match({ ...nobody, birthDate: '1980-05-17' })), 'fhir.match.too-little')
  assert.equal(faultCode(await match({ resourceType: 'Practitioner' })), 'fhir.match.resource-missing')
  assert.equal(
    faultCode(await client.post('Patient/$match', { resourceType: 'Parameters' })),
    'fhir.match.resource-missing',
  )
  assert.equal(faultCode(await match(STORED.anna, [{ name: 'count', valueInteger: 101 }])), 'fhir.match.count')
  assert.equal((await match({ ...nobody, birthDate: 'yesterday', ...mrn('1') })).status, 422)
  const odd = { ...nobody, name: [{ family: 'a,b|c$d\\', given: ['e,f'] }], birthDate: '1980-05-17' }
  assert.deepEqual(found(await match(odd)), [])
})

interface Pair {
  patient: string
  duplicate: string
  grade: string
}

function pairs(answer: Answer): Pair[] {
  assert.equal(answer.status, 200, answer.text)
  return ((answer.body.parameter ?? []) as Json[])
    .filter(({ name }) => name === 'pair')
    .map(({ part }) => ({
      patient: part[0].valueReference.reference,
      duplicate: part[1].valueReference.reference,
      grade: part[3].valueCode,
    }))
}

test('duplicates of one patient, and pairs among all, each once', async () => {
  const one = pairs(await client.get('Patient/anna/$salus-duplicates'))
  assert.deepEqual(one.map(({ duplicate }) => duplicate).toSorted(), ['Patient/anna-again', 'Patient/anna-slip'])
  const all = pairs(await client.get('Patient/$salus-duplicates'))
  const names = all.map(({ patient, duplicate }) => [patient, duplicate].toSorted().join(' '))
  assert.ok(names.includes('Patient/anna Patient/anna-again'))
  assert.equal(new Set(names).size, names.length)
  assert.deepEqual(pairs(await neighbour.get('Patient/$salus-duplicates')), [])
})

test('more patients than fit a page are reviewed with the next', async () => {
  const entry = Array.from({ length: 30 }, (_, index) => ({
    resource: { resourceType: 'Patient', ...mrn(`same-${index % 15}`) },
    request: { method: 'POST', url: 'Patient' },
  }))
  assert.equal((await neighbour.post('', { resourceType: 'Bundle', type: 'transaction', entry })).status, 200)
  const first = await neighbour.get('Patient/$salus-duplicates')
  const next = first.body.parameter.find(({ name }: Json) => name === 'next').valueString
  const second = await neighbour.get(`Patient/$salus-duplicates?page=${next}`)
  assert.equal(pairs(first).length + pairs(second).length, 15)
  assert.equal(
    second.body.parameter.find(({ name }: Json) => name === 'next'),
    undefined,
  )
  assert.equal(faultCode(await client.get(`Patient/$salus-duplicates?page=${next}`)), 'fhir.match.page-unknown')
})

test('the audit names who was shown', async () => {
  const answer = await match(STORED.anna)
  const id = answer.headers.get('x-request-id')
  const [record] = (await server.audit({ action: 'operation' })).filter(({ requestId }) => requestId === id)
  assert.equal(record?.patients.length, answer.body.entry.length)
})
