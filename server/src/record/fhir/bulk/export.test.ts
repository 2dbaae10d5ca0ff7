import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ASYNC, ended, exported, kickOff, linesOf, names } from '../../../../../test/fixtures/bulk.ts'
import {
  accessToken,
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
  testClient,
} from '../../../../../test/fixtures/server.ts'

// Numbers in brackets are requirements of hl7.fhir.uv.bulkdata_2.0.0.

let server: TestServer
let all: TestClient

const patient = (id: string, more: Json = {}): Json => ({
  resourceType: 'Patient',
  id,
  name: [{ family: `F${id}` }],
  ...more,
})
const observation = (id: string, subject: string | undefined, more: Json = {}): Json => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
  ...(subject === undefined ? {} : { subject: { reference: `Patient/${subject}` } }),
  ...more,
})
const appointment = (id: string, ...patients: string[]): Json => ({
  resourceType: 'Appointment',
  id,
  status: 'booked',
  participant: patients.map((one) => ({ actor: { reference: `Patient/${one}` }, status: 'accepted' })),
})
const provenance = (id: string, target: string): Json => ({
  resourceType: 'Provenance',
  id,
  target: [{ reference: target }],
  recorded: '2026-01-01T00:00:00Z',
  agent: [{ who: { display: 'somebody' } }],
})

const RECORD: Json[] = [
  patient('a'),
  patient('b'),
  patient('c'),
  observation('oa', 'a', { performer: [{ reference: 'Practitioner/dr' }] }),
  observation('ob', 'b', { code: { coding: [{ system: 'http://loinc.org', code: '2951-2' }] }, status: 'amended' }),
  observation('oc', 'c'),
  observation('nobody', undefined),
  appointment('ab', 'a', 'b'),
  appointment('bc', 'b', 'c'),
  provenance('of-oa', 'Observation/oa'),
  provenance('of-dr', 'Practitioner/dr'),
  { resourceType: 'Practitioner', id: 'dr', active: true },
  { resourceType: 'Practitioner', id: 'stranger', active: true },
  {
    resourceType: 'Group',
    id: 'g',
    type: 'person',
    actual: true,
    member: [
      { entity: { reference: 'Patient/a' } },
      { entity: { reference: 'Patient/b' }, inactive: true },
      { entity: { reference: 'Patient/c' }, period: { end: '2020-01-01' } },
    ],
  },
]

before(async () => {
  server = await startTestServer({ tenants: 2 })
  all = await server.client()
  for (const resource of RECORD)
    assert.equal((await all.put(`${resource.resourceType}/${resource.id}`, resource)).status, 201)
})
after(() => server.close())

test('[29 150-164 168-178 223 299-301 310] an export of the system: every resource once, in files of one type', async () => {
  const { manifest, answer } = await exported(all, '$export')
  assert.equal(answer.headers.get('content-type'), 'application/json')
  assert.ok(Date.parse(answer.headers.get('expires') ?? '') > Date.now(), 'Expires [146]')
  assert.equal(manifest.request, `${server.fhirBase}/$export`)
  assert.equal(manifest.requiresAccessToken, true)
  assert.ok(Date.now() - Date.parse(manifest.transactionTime) < 60_000)
  assert.deepEqual([manifest.deleted, manifest.error], [[], []], 'no messages, no deletions without _since [195]')
  assert.deepEqual(names(await linesOf(all, manifest.output)), names(RECORD))
  for (const file of manifest.output) {
    const lines = await linesOf(all, [file])
    assert.ok(lines.length > 0 && lines.every(({ resourceType }) => resourceType === file.type), '[170 173]')
  }
  const file = await all.get(manifest.output[0].url)
  assert.equal(file.headers.get('content-type'), 'application/fhir+ndjson', '[206-209]')
})

test('[33-38 71 109 273] an export of patients: their compartments, what these refer to, and nothing of nobody', async () => {
  const { manifest } = await exported(all, 'Patient/$export')
  const expected = RECORD.filter(({ id }) => !['nobody', 'of-dr', 'stranger'].includes(id))
  assert.deepEqual(names(await linesOf(all, manifest.output)), names(expected))
})

test('[34 36 250] an export of a Group: active members only', async () => {
  const { manifest } = await exported(all, 'Group/g/$export')
  assert.deepEqual(names(await linesOf(all, manifest.output)), [
    'Appointment/ab',
    'Group/g',
    'Observation/oa',
    'Patient/a',
    'Practitioner/dr',
    'Provenance/of-oa',
  ])
})

const parameters = (...parameter: Json[]): Json => ({ resourceType: 'Parameters', parameter })
const listed = (id: string): Json => ({ name: 'patient', valueReference: { reference: `Patient/${id}` } })

test('[30 85] patients listed in a POST: nothing that is also in the compartment of another', async () => {
  const { manifest } = await exported(
    all,
    'Patient/$export?_type=Patient,Observation',
    parameters(listed('a'), listed('b'), { name: '_type', valueString: 'Appointment' }),
  )
  assert.equal(manifest.request, `${server.fhirBase}/Patient/$export`, '[158] no parameters of a POST')
  assert.deepEqual(names(await linesOf(all, manifest.output)), [
    'Appointment/ab',
    'Observation/oa',
    'Observation/ob',
    'Patient/a',
    'Patient/b',
  ])
})

test('[86 87] patients who are not there, or no members, are refused without saying which', async () => {
  const post = (path: string, ...of: Json[]) => all.post(path, parameters(...of), ASYNC)
  assert.equal(faultCode(await post('Patient/$export', listed('a'), listed('nowhere'))), 'fhir.bulk.patient-unknown')
  assert.equal(faultCode(await post('Group/g/$export', listed('b'))), 'fhir.bulk.patient-unknown')
  assert.equal(faultCode(await post('$export', listed('a'))), 'fhir.bulk.patient-at-system')
  assert.equal(faultCode(await all.get('Patient/$export?patient=Patient/a', ASYNC)), 'fhir.bulk.parameter-invalid')
})

test('[31 32 62] _type, repeated and listed', async () => {
  const { manifest } = await exported(all, '$export?_type=Patient&_type=Practitioner,Group')
  assert.deepEqual(
    manifest.output.map(({ type, count }: Json) => `${type} ${count}`),
    ['Group 1', 'Patient 3', 'Practitioner 2'],
  )
})

test('[59 182-190] _since: what changed after it, and transactions of what was deleted', async () => {
  const own = await server.client('system/*.cruds', server.tenants[1])
  for (const id of ['x', 'y', 'z']) await own.put(`Patient/${id}`, patient(id))
  const first = await exported(own, '$export?_type=Patient')
  await own.delete('Patient/x')
  await own.put('Patient/y', patient('y', { active: true }))
  const { manifest } = await exported(own, `$export?_type=Patient&_since=${first.manifest.transactionTime}`)
  assert.deepEqual(names(await linesOf(own, manifest.output)), ['Patient/y'])
  assert.deepEqual(await linesOf(own, manifest.deleted), [
    { resourceType: 'Bundle', type: 'transaction', entry: [{ request: { method: 'DELETE', url: 'Patient/x' } }] },
  ])
  const until = await exported(own, `$export?_type=Patient&_until=${first.manifest.transactionTime}`)
  assert.deepEqual(names(await linesOf(own, until.manifest.output)), ['Patient/z'])
})

test('[75-80] _elements: of the root, of one type or of all, tagged as a part', async () => {
  const { manifest } = await exported(all, '$export?_type=Patient,Observation&_elements=Patient.name,status')
  for (const { resourceType, id: _id, meta, ...rest } of await linesOf(all, manifest.output)) {
    assert.ok(meta.tag.some(({ code }: Json) => code === 'SUBSETTED'))
    assert.deepEqual(Object.keys(rest).sort(), resourceType === 'Patient' ? ['name'] : ['code', 'status'])
  }
  const refused = await all.get('$export?_elements=Patient.name.family', ASYNC)
  assert.equal(faultCode(refused), 'fhir.bulk.parameter-invalid', '[77]')
})

test('[103 105 117] _typeFilter: alternatives of one type, run by the search; other types are whole', async () => {
  const filtered = async (query: string): Promise<string[]> => {
    const { manifest } = await exported(all, `$export?_type=Observation,Group&${query}`)
    return names(await linesOf(all, manifest.output))
  }
  const filter = (text: string): string => `_typeFilter=${encodeURIComponent(text)}`
  assert.deepEqual(await filtered(filter('Observation?code=http://loinc.org|2951-2')), ['Group/g', 'Observation/ob'])
  assert.deepEqual(await filtered(filter('Observation?patient=Patient/a,Patient/c&status=final')), [
    'Group/g',
    'Observation/oa',
    'Observation/oc',
  ])
  const two = filter('Observation?status=amended,Observation?patient.family=Fc')
  assert.deepEqual(await filtered(two), ['Group/g', 'Observation/ob', 'Observation/oc'])
  const refused = async (query: string) => faultCode(await all.get(`$export?_type=Observation&${query}`, ASYNC))
  assert.equal(await refused(filter('Observation?nothing=1')), 'fhir.search.parameter-unknown')
  assert.equal(await refused(filter('Observation?_include=Observation:subject')), 'fhir.bulk.type-filter-unsupported')
  assert.equal(await refused(filter('Patient?active=true')), 'fhir.bulk.type-filter-without-type')
})

test('[28 46 303 304] what is refused at the kick-off, and what lenient handling lets pass', async () => {
  const code = async (path: string, headers: Record<string, string> = ASYNC) => faultCode(await all.get(path, headers))
  assert.equal(await code('$export', {}), 'fhir.bulk.async-only')
  for (const format of ['application/fhir%2Bndjson', 'application/fhir+ndjson', 'application/ndjson', 'ndjson'])
    assert.notEqual(
      await code(`$export?_type=Basic&_outputFormat=${format}&x=1`),
      'fhir.bulk.format-unknown',
      '[51 52]',
    )
  assert.equal(await code('$export?_outputFormat=text/csv'), 'fhir.bulk.format-unknown')
  assert.equal(await code('$export?_since=yesterday'), 'fhir.bulk.parameter-invalid')
  assert.equal(await code('$export?_type=Nothing'), 'fhir.bulk.parameter-invalid', '[70]')
  assert.equal(await code('$export?_type=AuditEvent'), 'fhir.bulk.type-outside')
  assert.equal(await code('Patient/$export?_type=ValueSet'), 'fhir.bulk.type-outside', '[71]')
  assert.equal(
    await code('$export?includeAssociatedData=LatestProvenanceResources'),
    'fhir.bulk.parameter-unsupported',
    '[93]',
  )
  assert.equal(await code('$export?organizeOutputBy=Patient'), 'fhir.bulk.parameter-unsupported')
  assert.equal(await code('$export?unheard=1'), 'fhir.bulk.parameter-unknown')
  assert.equal(await code('Observation/$export'), 'fhir.operation.unknown')
  assert.equal((await all.send('HEAD', '$export', undefined, ASYNC)).status, 405, 'begins nothing')
  assert.equal((await all.get('Group/nowhere/$export', ASYNC)).status, 404)
  assert.equal(
    faultCode(await all.post('$export', { resourceType: 'Patient' }, ASYNC)),
    'fhir.bulk.parameters-expected',
  )
  const lenient = { prefer: 'handling=lenient' }
  const { manifest } = await exported(all, '$export?_type=Group&unheard=1&organizeOutputBy=Patient', undefined, lenient)
  const warnings = await linesOf(all, manifest.error)
  assert.deepEqual(
    warnings.map(({ issue }) => [issue[0].severity, issue[0].details.coding[0].code]),
    [
      ['warning', 'fhir.bulk.parameter-unknown'],
      ['warning', 'fhir.bulk.parameter-unsupported'],
    ],
    '[197]',
  )
  const entry = [{ request: { method: 'GET', url: 'Patient/$export' } }]
  const batch = await all.post('', { resourceType: 'Bundle', type: 'batch', entry })
  assert.equal(batch.body.entry[0].response.status, '400', 'an entry of a Bundle has no status to come back to')
})

test('[5 9 27 226] a token exports what it may read, and only the client that asked finds the job', async () => {
  const narrow = await server.client('system/Patient.rs system/Observation.r')
  const { manifest, location } = await exported(narrow, '$export')
  assert.deepEqual(
    manifest.output.map(({ type }: Json) => type),
    ['Patient'],
  )
  assert.equal((await narrow.get('$export?_type=Patient,Observation', ASYNC)).status, 403)
  assert.equal((await narrow.get('Group/g/$export', ASYNC)).status, 403)
  const otherTenant = await server.client('system/*.cruds', server.tenants[1])
  for (const other of [all, otherTenant])
    for (const [method, path] of [
      ['GET', location],
      ['DELETE', location],
      ['GET', manifest.output[0].url],
    ] as const) {
      const answer = await other.send(method, path)
      assert.deepEqual([answer.status, faultCode(answer)], [404, 'fhir.bulk.job-unknown'], `${method} ${path}`)
    }
  const nobody = testClient({ fhirBase: server.fhirBase, id: '', token: '' })
  assert.equal((await nobody.get(manifest.output[0].url)).status, 401)
  for (const path of [`${location}/99`, `${location}/1/2`, `${location}x`, '_bulk', '_bulk/1', `${location}/$export`])
    assert.equal((await narrow.get(path)).status, 404, path)
})

test('[5] a token with less than the kick-off asked for gets neither status nor files', async () => {
  const id = 'narrowing'
  await server.platform.identity.createClient({ id, tenant: 1, scope: 'system/*.rs', secret: `secret-of-${id}` })
  const token = await accessToken(server.url, id, `secret-of-${id}`)
  const wide = testClient({ fhirBase: server.fhirBase, id, token })
  const { location, manifest } = await exported(wide, '$export?_type=Patient')
  const response = await fetch(`${server.url}/oauth2/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${id}:secret-of-${id}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'system/Basic.rs' }),
  })
  const narrow = testClient({ fhirBase: server.fhirBase, id, token: ((await response.json()) as Json).access_token })
  assert.equal((await narrow.get(location)).status, 403)
  assert.equal((await narrow.get(manifest.output[0].url)).status, 403)
})

test('[305 306 122] a job that was cancelled is gone, and its files with it', async () => {
  const { location, manifest } = await exported(all, '$export?_type=Patient')
  const cancelled = await all.delete(location)
  assert.equal(cancelled.status, 202)
  for (const path of [location, manifest.output[0].url]) {
    const answer = await all.get(path)
    assert.deepEqual([answer.status, answer.body.resourceType], [404, 'OperationOutcome'])
  }
  assert.equal((await all.delete(location)).status, 404, '[308]')
  const early = await kickOff(all, '$export')
  assert.equal((await all.get(early)).status, 202)
  assert.equal((await all.delete(early)).status, 202)
  assert.equal((await all.get(early)).status, 404)
})

test('[118 125 132] progress while it runs; a fifth job of a client is told to wait', async () => {
  const own = await server.client()
  const first = await kickOff(own, '$export')
  const status = await own.get(first)
  assert.equal(status.status, 202)
  assert.match(status.headers.get('x-progress') ?? '', /^\d+ resources exported$/)
  assert.match(status.headers.get('retry-after') ?? '', /^\d+$/)
  const further = [await kickOff(own, '$export'), await kickOff(own, '$export'), await kickOff(own, '$export')]
  const fifth = await own.get('$export', ASYNC)
  assert.deepEqual([fifth.status, faultCode(fifth)], [429, 'fhir.bulk.client-busy'])
  assert.ok(Number(fifth.headers.get('retry-after')) > 1)
  for (const job of [first, ...further]) assert.equal((await ended(own, job)).status, 200)
  assert.equal((await own.get('$export', ASYNC)).status, 202)
})

test('the kick-off, each page prepared and each download name the patients in the audit', async () => {
  const own = await server.client()
  const { manifest } = await exported(own, 'Group/g/$export?_type=Patient,Observation')
  await linesOf(own, manifest.output)
  const records = (await server.audit()).filter(({ client, action }) => client === own.id && action === 'operation')
  const named = records.filter(({ patients }) => patients.length === 1)
  // The members at the kick-off, two pages written, two files sent.
  assert.equal(named.length, 5)
  assert.equal(new Set(named.map(({ patients }) => patients[0])).size, 1)
})
