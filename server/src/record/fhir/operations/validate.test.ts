import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { profile } from '../../../../../test/fixtures/profiles.ts'
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
before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
})
after(() => server.close())

const NARRATIVE = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Secretname</div>' }
const patient = (more: object = {}): Json => ({
  resourceType: 'Patient',
  text: NARRATIVE,
  name: [{ family: 'Secretname' }],
  ...more,
})
const parameters = (...list: [name: string, value: object | string][]): Json => ({
  resourceType: 'Parameters',
  parameter: list.map(([name, value]) => ({
    name,
    ...(typeof value === 'string' ? { valueUri: value } : { resource: value }),
  })),
})
const problems = ({ body }: Answer): Json[] =>
  body.issue.filter(({ severity }: Json) => severity === 'error' || severity === 'fatal')
const places = (answer: Answer): string[] => problems(answer).flatMap(({ expression }) => expression ?? [])

function assertAllWell(answer: Answer): void {
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.body.resourceType, 'OperationOutcome')
  assert.deepEqual(
    answer.body.issue.map(({ severity, code }: Json) => [severity, code]),
    [['information', 'informational']],
    answer.text,
  )
}

test('a sound resource gets one piece of information, bare or in Parameters', async () => {
  assertAllWell(await client.post('Patient/$validate', patient()))
  assertAllWell(await client.post('Patient/$validate', parameters(['resource', patient()])))
})

test('each error names its element and never a value', async () => {
  const answer = await client.post(
    'Patient/$validate',
    patient({ gender: 'Secretname', birthDate: 'Secretname', contact: [{ gender: 'female' }] }),
  )
  assert.equal(answer.status, 200)
  assert.deepEqual(places(answer).sort(), ['Patient.birthDate', 'Patient.contact[0]', 'Patient.gender'])
  for (const issue of problems(answer)) assert.deepEqual(issue.location, issue.expression)
  assert.doesNotMatch(answer.text, /Secretname/)
})

test('profiles are checked as asked and as claimed; several at once; one that is not known is an error', async () => {
  const core = 'http://hl7.org/fhir/StructureDefinition/'
  const weight = { resourceType: 'Observation', text: NARRATIVE, status: 'final', code: { text: 'x' } }
  assertAllWell(await client.post('Observation/$validate', weight))
  const asked = await client.post(`Observation/$validate?profile=${core}bodyweight`, weight)
  assert.ok(places(asked).includes('Observation'), asked.text)
  const claimed = await client.post('Observation/$validate', { ...weight, meta: { profile: [`${core}bodyweight`] } })
  assert.ok(problems(claimed).length > 0)
  const two = await client.post(
    'Observation/$validate',
    parameters(['resource', weight], ['profile', `${core}Observation`], ['profile', `${core}bodyweight`]),
  )
  assert.ok(problems(two).length > 0)
  const unknown = await client.post('Observation/$validate?profile=http://example.org/none', weight)
  assert.deepEqual(
    problems(unknown).map(({ code }) => code),
    ['not-found'],
  )
  const other = await client.post(`Observation/$validate?profile=${core}Patient`, weight)
  assert.ok(problems(other).length > 0)
})

test('a stored resource is checked where it is, by GET and by POST', async () => {
  const { id } = (await client.post('Patient', patient())).body
  assertAllWell(await client.get(`Patient/${id}/$validate`))
  assertAllWell(await client.post(`Patient/${id}/$validate`))
  const born = profile('born', 'Patient', [{ path: 'Patient.birthDate', min: 1 }])
  assert.equal((await client.post('StructureDefinition', born)).status, 201)
  const answer = await client.get(`Patient/${id}/$validate?mode=profile&profile=${born.url}`)
  assert.deepEqual(places(answer), ['Patient'])
  assertAllWell(await client.post(`Patient/${id}/$validate`, patient({ id })))
  assert.equal((await client.get('Patient/nobody/$validate')).status, 404)
})

test('the modes say what a write would meet', async () => {
  const { id } = (await client.post('Patient', patient())).body
  const asked = (mode: string, resource: object, at = `Patient/${id}/$validate`): Promise<Answer> =>
    client.post(at, parameters(['mode', mode], ['resource', resource]))
  assertAllWell(await asked('create', patient(), 'Patient/$validate'))
  assertAllWell(await asked('update', patient({ id })))
  assert.deepEqual(places(await asked('update', patient({ id: 'other' }))), ['Patient.id'])
  assert.deepEqual(places(await asked('update', patient(), 'Patient/$validate')), ['Patient.id'])
  const part = patient({ id, meta: { tag: [{ code: 'SUBSETTED' }] } })
  assert.ok(places(await asked('update', part)).includes('Patient.meta.tag'))
  const stale = await asked('update', patient({ id, meta: { versionId: '7' } }))
  assert.deepEqual(
    stale.body.issue.map(({ severity, code }: Json) => [severity, code]),
    [['warning', 'conflict']],
  )
  assertAllWell(await client.get(`Patient/${id}/$validate?mode=delete`))
  assert.equal((await client.get(`Patient/${id}`)).status, 200)
})

test('a right the token lacks is a finding of the mode; without the right to read there is no answer', async () => {
  const { id } = (await client.post('Patient', patient())).body
  const reader = await server.client('system/Patient.r')
  for (const mode of ['create', 'update']) {
    const answer = await reader.post('Patient/$validate', parameters(['mode', mode], ['resource', patient({ id })]))
    assert.deepEqual(
      problems(answer).map(({ code }) => code),
      ['forbidden'],
      mode,
    )
  }
  const gone = await reader.get(`Patient/${id}/$validate?mode=delete`)
  assert.equal(problems(gone)[0].code, 'forbidden')
  const writer = await server.client('system/Patient.cud')
  assert.equal((await writer.post('Patient/$validate', patient())).status, 403)
  assert.equal((await writer.get(`Patient/${id}/$validate?mode=delete`)).status, 403)
})

test('targets of references are looked for only when asked, and only where the caller may read', async () => {
  const { id } = (await client.post('Patient', patient())).body
  const observation = (reference: string): Json => ({
    resourceType: 'Observation',
    text: NARRATIVE,
    status: 'final',
    code: { text: 'x' },
    subject: { reference },
  })
  const at = 'Observation/$validate?salus-check-references=true'
  assertAllWell(await client.post('Observation/$validate', observation('Patient/nobody')))
  assertAllWell(await client.post(at, observation(`Patient/${id}`)))
  assertAllWell(await client.post(at, observation(`${server.fhirBase}/Patient/${id}`)))
  const missing = await client.post(at, observation('Patient/nobody'))
  assert.deepEqual(places(missing), ['Observation.subject'])
  assert.doesNotMatch(missing.text, /nobody/)
  const stranger = await server.client('system/*.cruds', server.tenants[1])
  assert.deepEqual(places(await stranger.post(at, observation(`Patient/${id}`))), ['Observation.subject'])
  const narrow = await server.client('system/Observation.r')
  const there = await narrow.post(at, observation(`Patient/${id}`))
  const absent = await narrow.post(at, observation('Patient/nobody'))
  assert.deepEqual(there.body, absent.body)
  assert.equal(there.body.issue[0].code, 'forbidden')
  const [, second] = await server.audit({ action: 'operation', limit: 3 })
  assert.ok(second)
  const disclosed = (await server.audit({ action: 'operation' })).filter(({ patients }) => patients.length > 0)
  assert.ok(disclosed.some(({ count, client: by }) => count === 1 && by === client.id))
})

test('neighbours in a Bundle are found there, and contained resources where they are', async () => {
  const bundle = {
    resourceType: 'Bundle',
    type: 'collection',
    entry: [
      { fullUrl: 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0', resource: patient() },
      {
        fullUrl: 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e1',
        resource: {
          resourceType: 'Condition',
          text: NARRATIVE,
          subject: { reference: 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0' },
          asserter: { reference: '#nowhere' },
        },
      },
    ],
  }
  const answer = await client.post('Bundle/$validate?salus-check-references=true', bundle)
  assert.deepEqual([...new Set(places(answer))], ['Bundle.entry[1].resource.asserter'], answer.text)
})

test('a tenant has its own profiles, value sets and questionnaires, and nobody else has', async () => {
  const stranger = await server.client('system/*.cruds', server.tenants[1])
  const codes = {
    resourceType: 'CodeSystem',
    url: 'http://example.org/own-codes',
    status: 'active',
    content: 'complete',
    concept: [{ code: 'a' }],
  }
  const set = {
    resourceType: 'ValueSet',
    url: 'http://example.org/own-set',
    status: 'active',
    compose: { include: [{ system: codes.url }] },
  }
  const base = profile('own-base', 'Patient', [{ path: 'Patient.birthDate', min: 1 }])
  const own = profile(
    'own',
    'Patient',
    [
      {
        path: 'Patient.maritalStatus',
        min: 1,
        binding: { strength: 'required', valueSet: set.url },
      },
    ],
    base.url,
  )
  for (const one of [codes, set, base, own]) assert.equal((await client.post(one.resourceType, one)).status, 201)
  const at = `Patient/$validate?profile=${own.url}`
  const married = (code: string): Json =>
    patient({ birthDate: '1980', maritalStatus: { coding: [{ system: codes.url, code }] } })
  assertAllWell(await client.post(at, married('a')))
  assert.ok(places(await client.post(at, married('b'))).includes('Patient.maritalStatus'))
  assert.deepEqual(places(await client.post(at, patient())), ['Patient', 'Patient'])
  const foreign = await stranger.post(at, married('b'))
  assert.deepEqual(
    problems(foreign).map(({ code }) => code),
    ['not-found'],
  )
  const form = {
    resourceType: 'Questionnaire',
    url: 'http://example.org/form',
    status: 'active',
    item: [{ linkId: '1', type: 'string', required: true }],
  }
  assert.equal((await client.post('Questionnaire', form)).status, 201)
  const response = {
    resourceType: 'QuestionnaireResponse',
    text: NARRATIVE,
    status: 'completed',
    questionnaire: form.url,
  }
  assert.ok(problems(await client.post('QuestionnaireResponse/$validate', response)).length > 0)
  assert.equal(problems(await stranger.post('QuestionnaireResponse/$validate', response)).length, 0)
})

test('a corrected profile holds at once, on every process', async () => {
  const other = client.at(await server.another())
  const strict = { ...profile('changing', 'Patient', [{ path: 'Patient.birthDate', min: 1 }]), id: 'changing' }
  const loose = { ...profile('changing', 'Patient', []), id: 'changing' }
  const at = `Patient/$validate?profile=${strict.url}`
  assert.equal(problems(await other.post(at, patient())).length, 1)
  await client.put('StructureDefinition/changing', strict)
  for (const one of [client, other]) assert.deepEqual(places(await one.post(at, patient())), ['Patient'])
  await client.put('StructureDefinition/changing', loose)
  for (const one of [client, other]) assertAllWell(await one.post(at, patient()))
})

test('calls that make no sense are refused', async () => {
  const { id } = (await client.post('Patient', patient())).body
  const refused = async (answer: Promise<Answer>, code: string, status = 400): Promise<void> => {
    const { status: got, ...rest } = await answer
    assert.deepEqual([got, faultCode({ status: got, ...rest })], [status, code])
  }
  await refused(client.get('Patient/$validate'), 'fhir.validate.resource-missing')
  await refused(client.post('Patient/$validate'), 'fhir.validate.resource-missing')
  await refused(client.post('Patient/$validate', parameters()), 'fhir.validate.resource-missing')
  await refused(client.get(`Patient/${id}/$validate?mode=create`), 'fhir.validate.resource-missing')
  await refused(client.get(`Patient/${id}/$validate?mode=guess`), 'fhir.validate.mode-unknown')
  await refused(client.get('Patient/$validate?mode=delete'), 'fhir.validate.instance-needed')
  await refused(client.post('Patient/$validate?mode=profile', patient()), 'fhir.validate.instance-needed')
  await refused(client.get(`Patient/${id}/$validate?mode=profile`), 'fhir.validate.profile-missing')
  const many = Array.from({ length: 21 }, (_, index) => `profile=http://example.org/${index}`).join('&')
  await refused(client.post(`Patient/$validate?${many}`, patient()), 'fhir.validate.profiles-too-many', 413)
  await refused(client.post('Patient/$validate', '{"resourceType": "Patient"'), 'fhir.json.syntax')
  await refused(
    client.post('Patient/$validate', '{"resourceType":"Patient","id":"a","id":"b"}'),
    'fhir.json.double-key',
  )
  assert.deepEqual(problems(await client.post('Patient/$validate', { resourceType: 'Observation' })).length > 0, true)
})

test('a batch validates many resources, sound or not', async () => {
  const asked = (resource: unknown): Json => ({ request: { method: 'POST', url: 'Patient/$validate' }, resource })
  const { body } = await client.post('', {
    resourceType: 'Bundle',
    type: 'batch',
    entry: [asked(patient()), asked(patient({ gender: 'none' })), asked(null), asked('text')],
  })
  assert.deepEqual(
    body.entry.map(({ response }: Json) => response.status),
    ['200', '200', '400', '400'],
  )
  assert.deepEqual(
    body.entry.slice(0, 2).map(({ resource }: Json) => resource.issue[0].severity),
    ['information', 'error'],
  )
})

test('each call is recorded, with the patient whose stored resource it was', async () => {
  const other = await server.client()
  const { id } = (await other.post('Patient', patient())).body
  await other.post('Patient/$validate', patient())
  await other.get(`Patient/${id}/$validate`)
  const records = (await server.audit({ action: 'operation' })).filter(({ client: by }) => by === other.id)
  assert.deepEqual(
    records.map(({ patients, count, outcome }) => [patients.length, count, outcome]),
    [
      [1, 1, 'success'],
      [0, 0, 'success'],
    ],
  )
})

test('/metadata names the operation', async () => {
  const { body } = await client.get('metadata')
  for (const type of ['Patient', 'Bundle']) {
    const about = body.rest[0].resource.find((one: Json) => one.type === type)
    assert.ok(about.operation.some(({ name }: Json) => name === 'validate'))
  }
})
