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

const LOINC = 'http://loinc.org'
const VITAL = [
  { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
]

/** `codes`: LOINC codes, or one text. */
async function observed(id: string, codes: string[] | string, day: string, more: Json = {}): Promise<void> {
  const code =
    typeof codes === 'string' ? { text: codes } : { coding: codes.map((one) => ({ system: LOINC, code: one })) }
  const answer = await client.put(`Observation/${id}`, {
    resourceType: 'Observation',
    id,
    status: 'final',
    category: VITAL,
    code,
    subject: { reference: 'Patient/anna' },
    ...(day === '' ? {} : { effectiveDateTime: day }),
    ...more,
  })
  assert.equal(answer.status, 201, answer.text)
}

before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  for (const id of ['anna', 'berta']) await client.put(`Patient/${id}`, { resourceType: 'Patient', id })
  await observed('pulse-1', ['pulse'], '2020-01-01')
  await observed('pulse-2', ['pulse'], '2020-01-02')
  await observed('pulse-3', ['pulse'], '2020-01-03')
  await observed('pulse-wrong', ['pulse'], '2020-01-04', { status: 'entered-in-error' })
  // Only an old one says that the three codes mean the same.
  await observed('weight-1', ['weight', 'mass'], '2019-01-01')
  await observed('weight-0', ['mass', 'load'], '2018-01-01')
  await observed('weight-2', ['mass'], '2020-02-01')
  await observed('weight-3', ['weight'], '2020-03-01')
  await observed('weight-4', ['load'], '2020-04-01')
  await observed('mood-1', 'Mood', '2020-01-01')
  await observed('mood-2', 'mood', '2020-05-01')
  await observed('gait-1', 'Gait', '2020-01-01')
  await observed('undated', ['height'], '')
  await observed('lab', ['glucose'], '2020-01-01', { category: [{ coding: [{ code: 'laboratory' }] }] })
  await observed('of-berta', ['pulse'], '2021-01-01', { subject: { reference: 'Patient/berta' } })
})
after(() => server.close())

function ids(answer: Answer): string[] {
  assert.equal(answer.status, 200, answer.text)
  return ((answer.body.entry ?? []) as Json[]).map(({ resource }) => resource.id)
}

const lastn = (query: string): Promise<Answer> => client.get(`Observation/$lastn?${query}`)

test('the newest of each code, codes that are used side by side being one', async () => {
  const answer = await lastn('patient=anna&category=vital-signs')
  assert.deepEqual(ids(answer).toSorted(), ['gait-1', 'mood-2', 'pulse-3', 'undated', 'weight-4'])
})

test('up to max of each, newest first', async () => {
  assert.deepEqual(ids(await lastn('subject=Patient/anna&code=http://loinc.org|pulse&max=2')), ['pulse-3', 'pulse-2'])
  const three = ids(await lastn('patient=Patient/anna&category=vital-signs&max=3'))
  assert.deepEqual(
    three.filter((id) => id.startsWith('weight')),
    ['weight-4', 'weight-3', 'weight-2'],
  )
  assert.deepEqual(
    three.filter((id) => id.startsWith('mood')),
    ['mood-2', 'mood-1'],
  )
})

test('other search parameters narrow it; what was entered in error comes only when it is asked for', async () => {
  assert.deepEqual(ids(await lastn('patient=anna&code=pulse&date=lt2020-01-03')), ['pulse-2'])
  assert.deepEqual(ids(await lastn('patient=anna&code=pulse&status=entered-in-error')), ['pulse-wrong'])
  assert.deepEqual(ids(await lastn('patient=anna&category=laboratory')), ['lab'])
  assert.deepEqual(ids(await lastn('patient=anna&code=nothing')), [])
})

test('a Parameters resource asks the same', async () => {
  const parameter = [
    { name: 'patient', valueString: 'anna' },
    { name: 'code', valueString: 'pulse' },
    { name: 'max', valuePositiveInt: 2 },
  ]
  const answer = await client.post('Observation/$lastn', { resourceType: 'Parameters', parameter })
  assert.deepEqual(ids(answer), ['pulse-3', 'pulse-2'])
})

test('another patient’s observations are never among them, nor another tenant’s', async () => {
  assert.deepEqual(ids(await lastn('patient=berta&category=vital-signs')), ['of-berta'])
  const neighbour = await server.client('system/*.cruds', server.tenants[1])
  assert.deepEqual(ids(await neighbour.get('Observation/$lastn?patient=anna&category=vital-signs')), [])
})

test('without the right to search and read observations it is refused', async () => {
  for (const scope of ['system/Observation.r', 'system/Observation.s', 'system/Patient.cruds']) {
    const few = await server.client(scope)
    const answer = await few.get('Observation/$lastn?patient=anna&category=vital-signs')
    assert.deepEqual([answer.status, faultCode(answer)], [403, 'fhir.forbidden'])
  }
})

test('what cannot be answered is refused', async () => {
  for (const [query, code] of [
    ['category=vital-signs', 'fhir.lastn.subject-needed'],
    ['patient=anna&subject=Patient/anna&code=pulse', 'fhir.lastn.subject-needed'],
    ['patient=anna,berta&code=pulse', 'fhir.lastn.subject-needed'],
    ['patient=anna', 'fhir.lastn.code-needed'],
    ['patient=anna&code=pulse&max=0', 'fhir.lastn.max'],
    ['patient=anna&code=pulse&max=101', 'fhir.lastn.max'],
    ['patient=anna&code=pulse&nonsense=1', 'fhir.operation.parameter-unknown'],
    ['patient=anna&code=pulse&component-code-value-quantity=pulse$5', 'fhir.search.newest-unsupported'],
    ['patient=anna&code=pulse&date=never', 'fhir.search.value-invalid'],
  ])
    assert.equal(faultCode(await lastn(query as string)), code, query)
})

test('the audit record names the patient', async () => {
  const answer = await lastn('patient=anna&category=vital-signs')
  const id = answer.headers.get('x-request-id')
  const [record] = (await server.audit({ action: 'operation' })).filter(({ requestId }) => requestId === id)
  assert.equal(record?.patients.length, 1)
  assert.equal(record?.count, 5)
})
