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
const concept = (code: string, display: string): Json => ({
  coding: [{ system: 'http://example.org/codes', code, display }],
})
const status = (kind: string, code: string): Json => ({
  coding: [{ system: `http://terminology.hl7.org/CodeSystem/${kind}`, code }],
})
const category = (code: string): Json => [
  { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code }] },
]
const EVIL = '<script>alert("x")</script> & more'

const RECORD: Json[] = [
  { resourceType: 'Organization', id: 'clinic', name: 'Clinic' },
  { resourceType: 'Practitioner', id: 'doctor', name: [{ family: 'Doctor' }] },
  { resourceType: 'Medication', id: 'drug', code: concept('drug', 'Drug') },
  {
    resourceType: 'Patient',
    id: 'anna',
    name: [{ family: 'Anna' }],
    gender: 'female',
    birthDate: '1980-01-01',
    managingOrganization: to('Organization/clinic'),
  },
  { resourceType: 'Patient', id: 'berta', name: [{ family: 'Berta' }] },
  {
    resourceType: 'Condition',
    id: 'asthma',
    clinicalStatus: status('condition-clinical', 'active'),
    code: { text: EVIL },
    subject: to('Patient/anna'),
    asserter: to('Practitioner/doctor'),
  },
  {
    resourceType: 'Condition',
    id: 'over',
    clinicalStatus: status('condition-clinical', 'resolved'),
    code: concept('over', 'Measles'),
    subject: to('Patient/anna'),
  },
  {
    resourceType: 'Condition',
    id: 'wrong',
    verificationStatus: status('condition-ver-status', 'entered-in-error'),
    code: concept('wrong', 'Wrong'),
    subject: to('Patient/anna'),
  },
  {
    resourceType: 'AllergyIntolerance',
    id: 'nuts',
    clinicalStatus: status('allergyintolerance-clinical', 'active'),
    verificationStatus: status('allergyintolerance-verification', 'confirmed'),
    code: concept('nuts', 'Nuts'),
    patient: to('Patient/anna'),
  },
  {
    resourceType: 'MedicationStatement',
    id: 'takes',
    status: 'active',
    medicationReference: to('Medication/drug'),
    subject: to('Patient/anna'),
  },
  {
    resourceType: 'Immunization',
    id: 'shot',
    status: 'completed',
    vaccineCode: concept('shot', 'Shot'),
    patient: to('Patient/anna'),
    occurrenceDateTime: '2020-01-01',
  },
  {
    resourceType: 'Observation',
    id: 'pulse-1',
    status: 'final',
    category: category('vital-signs'),
    code: concept('pulse', 'Pulse'),
    subject: to('Patient/anna'),
    effectiveDateTime: '2020-01-01',
    valueQuantity: { value: 70, unit: '/min' },
  },
  {
    resourceType: 'Observation',
    id: 'pulse-2',
    status: 'final',
    category: category('vital-signs'),
    code: concept('pulse', 'Pulse'),
    subject: to('Patient/anna'),
    effectiveDateTime: '2021-01-01',
    valueQuantity: { value: 72, unit: '/min' },
  },
  { resourceType: 'Condition', id: 'of-berta', code: concept('b', 'Of Berta'), subject: to('Patient/berta') },
  {
    resourceType: 'DocumentReference',
    id: 'ccd-1',
    status: 'current',
    type: { coding: [{ system: 'http://loinc.org', code: '34133-9' }] },
    subject: to('Patient/anna'),
    date: '2020-01-01T00:00:00Z',
    content: [{ attachment: { url: 'http://example.org/1' } }],
    context: { period: { start: '2019-01-01', end: '2019-12-31' } },
  },
  {
    resourceType: 'DocumentReference',
    id: 'ccd-2',
    status: 'current',
    type: { coding: [{ system: 'http://loinc.org', code: '34133-9' }] },
    subject: to('Patient/anna'),
    date: '2021-01-01T00:00:00Z',
    content: [{ attachment: { url: 'http://example.org/2' } }],
  },
  {
    resourceType: 'DocumentReference',
    id: 'note',
    status: 'current',
    type: concept('note', 'Note'),
    subject: to('Patient/anna'),
    date: '2022-01-01T00:00:00Z',
    content: [{ attachment: { url: 'http://example.org/3' } }],
  },
  {
    resourceType: 'DocumentReference',
    id: 'of-berta',
    status: 'current',
    type: { coding: [{ system: 'http://loinc.org', code: '34133-9' }] },
    subject: to('Patient/berta'),
    date: '2023-01-01T00:00:00Z',
    content: [{ attachment: { url: 'http://example.org/4' } }],
  },
  {
    resourceType: 'Composition',
    id: 'letter',
    status: 'final',
    type: { text: 'Letter' },
    date: '2020-01-01',
    title: 'Letter',
    subject: to('Patient/anna'),
    author: [to('Practitioner/doctor')],
    section: [
      {
        title: 'Problems',
        entry: [to('Condition/asthma')],
        text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">p</div>' },
      },
    ],
  },
  {
    resourceType: 'Composition',
    id: 'broken',
    status: 'final',
    type: { text: 'Letter' },
    date: '2020-01-01',
    title: 'Broken',
    subject: to('Patient/anna'),
    author: [to('Practitioner/nobody')],
  },
  {
    resourceType: 'Composition',
    id: 'mixed',
    status: 'final',
    type: { text: 'Letter' },
    date: '2020-01-01',
    title: 'Mixed',
    subject: to('Patient/anna'),
    author: [to('Practitioner/doctor')],
    section: [{ title: 'P', entry: [to('Condition/of-berta')] }],
  },
]

before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  neighbour = await server.client('system/*.cruds', server.tenants[1])
  for (const resource of RECORD) {
    const answer = await client.put(`${resource.resourceType}/${resource.id}`, resource)
    assert.equal(answer.status, 201, answer.text)
  }
})
after(() => server.close())

const names = ({ body }: Answer): string[] =>
  ((body.entry ?? []) as Json[]).map(({ resource }) => `${resource.resourceType}/${resource.id}`)

async function assertValid(bundle: Json): Promise<void> {
  const answer = await client.post('Bundle/$validate', bundle)
  const errors = answer.body.issue.filter(({ severity }: Json) => severity === 'error' || severity === 'fatal')
  assert.deepEqual(errors, [])
}

function sectionsOf(answer: Answer): Map<string, Json> {
  assert.equal(answer.status, 200, answer.text)
  const [{ resource }] = answer.body.entry
  return new Map(resource.section.map((section: Json) => [section.code.coding[0].code, section]))
}

async function recordOf(answer: Answer): Promise<Json> {
  const id = answer.headers.get('x-request-id')
  return (await server.audit({ action: 'operation' })).find(({ requestId }) => requestId === id)
}

test('a summary has the sections of the guide, with what is current, and is a valid document', async () => {
  const answer = await client.get('Patient/anna/$summary')
  const sections = sectionsOf(answer)
  assert.deepEqual([...sections.keys()], ['11450-4', '48765-2', '10160-0', '11369-6', '8716-3', '11348-0'])
  const entries = (code: string): string[] =>
    sections.get(code)?.entry.map(({ reference }: Json) => reference.slice(server.fhirBase.length + 1))
  assert.deepEqual(entries('11450-4'), ['Condition/asthma'])
  assert.deepEqual(entries('48765-2'), ['AllergyIntolerance/nuts'])
  assert.deepEqual(entries('10160-0'), ['MedicationStatement/takes'])
  assert.deepEqual(entries('8716-3'), ['Observation/pulse-2'])
  assert.deepEqual(entries('11348-0'), ['Condition/over'])
  for (const name of ['Patient/anna', 'Medication/drug', 'Practitioner/doctor', 'Organization/clinic'])
    assert.ok(names(answer).includes(name), name)
  assert.ok(!names(answer).some((name) => name.includes('berta') || name.includes('wrong')))
  assert.equal(new Set(names(answer)).size, names(answer).length)
  await assertValid(answer.body)
})

test('what stands in the record is text in its narrative, never markup', async () => {
  const problems = sectionsOf(await client.get('Patient/anna/$summary')).get('11450-4')
  assert.ok(problems.text.div.includes('&#60;script&#62;alert(&#34;x&#34;)&#60;/script&#62; &#38; more'))
  assert.ok(!problems.text.div.includes('<script'))
})

test('of a patient of whom nothing is known the summary says that, and not that there is nothing', async () => {
  await client.put('Patient/new', { resourceType: 'Patient', id: 'new' })
  const answer = await client.get('Patient/new/$summary')
  const sections = sectionsOf(answer)
  assert.deepEqual([...sections.keys()], ['11450-4', '48765-2', '10160-0'])
  const made = new Map<string, Json>(answer.body.entry.map(({ fullUrl, resource }: Json) => [fullUrl, resource]))
  const said = [...sections.values()].map(({ entry }) => {
    const { code, medicationCodeableConcept } = made.get(entry[0].reference)
    return (code ?? medicationCodeableConcept).coding[0].code
  })
  assert.deepEqual(said, ['no-problem-info', 'no-allergy-info', 'no-medication-info'])
  await assertValid(answer.body)
})

test('what the caller may not read is withheld, and said to be', async () => {
  const few = await server.client('system/Patient.r system/Condition.rs system/MedicationStatement.rs')
  const answer = await few.get('Patient/anna/$summary')
  const sections = sectionsOf(answer)
  assert.equal(sections.get('48765-2').emptyReason.coding[0].code, 'withheld')
  assert.equal(sections.get('48765-2').entry, undefined)
  assert.match(sections.get('10160-0').text.div, /withheld/)
  assert.ok(!answer.text.includes('Nuts') && !answer.text.includes('Practitioner/doctor","'))
  assert.ok(!names(answer).some((name) => /Allergy|Practitioner|Immunization|Organization/.test(name)))
  await assertValid(answer.body)
  const none = await server.client('system/Condition.rs')
  assert.equal(faultCode(await none.get('Patient/anna/$summary')), 'fhir.forbidden')
  assert.equal((await neighbour.get('Patient/anna/$summary')).status, 404)
})

test('a summary that would have to leave out problems is refused', async () => {
  const entry = Array.from({ length: 501 }, (_, index) => ({
    resource: { resourceType: 'Condition', subject: to('Patient/many'), code: { text: `c${index}` } },
    request: { method: 'POST', url: 'Condition' },
  }))
  entry.push({
    resource: { resourceType: 'Patient', id: 'many' } as Json,
    request: { method: 'PUT', url: 'Patient/many' },
  })
  assert.equal((await client.post('', { resourceType: 'Bundle', type: 'transaction', entry })).status, 200)
  assert.equal(faultCode(await client.get('Patient/many/$summary')), 'fhir.summary.too-much')
})

test('a document holds its Composition and all that it refers to', async () => {
  const answer = await client.get('Composition/letter/$document')
  assert.equal(answer.status, 200, answer.text)
  assert.equal(names(answer)[0], 'Composition/letter')
  assert.deepEqual(names(answer).slice(1).toSorted(), [
    'Condition/asthma',
    'Organization/clinic',
    'Patient/anna',
    'Practitioner/doctor',
  ])
  await assertValid(answer.body)
  assert.equal((await recordOf(answer)).patients.length, 1)
})

test('a document that would be incomplete is refused', async () => {
  const few = await server.client('system/Composition.r system/Patient.r system/Practitioner.r')
  for (const answer of [
    await client.get('Composition/broken/$document'),
    await client.get('Composition/mixed/$document'),
    await few.get('Composition/letter/$document'),
  ])
    assert.deepEqual([answer.status, faultCode(answer)], [409, 'fhir.document.incomplete'])
  assert.equal((await neighbour.get('Composition/letter/$document')).status, 404)
})

test('with persist the document is stored, which needs the scope', async () => {
  const answer = await client.post('Composition/letter/$document?persist=true')
  assert.equal(answer.status, 200, answer.text)
  assert.deepEqual((await client.get(`Bundle/${answer.body.id}`)).body, answer.body)
  const reader = await server.client('system/*.rs')
  assert.equal(faultCode(await reader.post('Composition/letter/$document?persist=true')), 'fhir.forbidden')
})

test('nothing is stored by GET', async () => {
  const bundles = async (): Promise<number> => (await client.get('Bundle?_summary=count')).body.total
  const before = await bundles()
  const answer = await client.get('Composition/letter/$document?persist=true')
  assert.deepEqual([answer.status, faultCode(answer)], [405, 'fhir.http.method'])
  assert.equal(await bundles(), before)
  assert.equal((await client.get('Composition/letter/$document?persist=false')).status, 200)
})

test('a document of more than 1,000 resources is refused', async () => {
  const doctors = Array.from({ length: 1_001 }, (_, index) => ({
    fullUrl: `urn:uuid:00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    resource: { resourceType: 'Practitioner' },
    request: { method: 'POST', url: 'Practitioner' },
  }))
  const composition = {
    ...RECORD.find(({ id }) => id === 'letter'),
    id: 'huge',
    author: doctors.map(({ fullUrl }) => to(fullUrl)),
  }
  const entry = [...doctors, { resource: composition, request: { method: 'PUT', url: 'Composition/huge' } }]
  assert.equal((await client.post('', { resourceType: 'Bundle', type: 'transaction', entry })).status, 200)
  assert.equal(faultCode(await client.get('Composition/huge/$document')), 'fhir.document.too-large')
})

test('documents of a patient: the newest summary note, or what type and care dates select', async () => {
  const docref = (query: string): Promise<Answer> => client.get(`DocumentReference/$docref?${query}`)
  assert.deepEqual(names(await docref('patient=anna')), ['DocumentReference/ccd-2'])
  assert.deepEqual(names(await docref('patient=anna&type=http://loinc.org|34133-9')), [
    'DocumentReference/ccd-2',
    'DocumentReference/ccd-1',
  ])
  assert.deepEqual(names(await docref('patient=Patient/anna&start=2019-06-01&end=2019-06-30')), [
    'DocumentReference/ccd-1',
  ])
  const parameter = [
    { name: 'patient', valueId: 'anna' },
    { name: 'type', valueCodeableConcept: concept('note', 'Note') },
  ]
  const posted = await client.post('DocumentReference/$docref', { resourceType: 'Parameters', parameter })
  assert.deepEqual(names(posted), ['DocumentReference/note'])
  assert.equal((await recordOf(posted)).patients.length, 1)
  assert.deepEqual(names(await neighbour.get('DocumentReference/$docref?patient=anna')), [])
  const few = await server.client('system/DocumentReference.s')
  assert.equal(faultCode(await few.get('DocumentReference/$docref?patient=anna')), 'fhir.forbidden')
})

test('what $docref cannot answer is refused', async () => {
  const typed = (value: Json): Json => ({
    resourceType: 'Parameters',
    parameter: [
      { name: 'patient', valueId: 'anna' },
      { name: 'type', ...value },
    ],
  })
  assert.equal(faultCode(await client.get('DocumentReference/$docref')), 'fhir.docref.patient-needed')
  assert.equal(faultCode(await client.get('DocumentReference/$docref?patient=a,b')), 'fhir.docref.patient-needed')
  assert.equal(
    faultCode(await client.get('DocumentReference/$docref?patient=anna&on-demand=true')),
    'fhir.docref.on-demand',
  )
  for (const value of [{ valueCoding: {} }, { valueCodeableConcept: { coding: 'x' } }, { valueBoolean: true }])
    assert.equal(faultCode(await client.post('DocumentReference/$docref', typed(value))), 'fhir.docref.type')
  const entry = Array.from({ length: 1_001 }, () => ({
    resource: { ...RECORD.find(({ id }) => id === 'note'), id: undefined, subject: to('Patient/berta') },
    request: { method: 'POST', url: 'DocumentReference' },
  }))
  assert.equal((await client.post('', { resourceType: 'Bundle', type: 'transaction', entry })).status, 200)
  const many = await client.get('DocumentReference/$docref?patient=berta&type=note')
  assert.equal(faultCode(many), 'fhir.docref.too-many')
})
