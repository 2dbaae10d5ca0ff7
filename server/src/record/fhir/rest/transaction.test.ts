import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
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
let serial = 0

before(async () => {
  server = await startTestServer()
  client = await server.client()
})
after(() => server.close())

const SYSTEM = 'urn:test:tx'
const value = (): string => `t${++serial}`
const patient = (identifier = value(), more = {}): Json => ({
  resourceType: 'Patient',
  identifier: [{ system: SYSTEM, value: identifier }],
  ...more,
})
const observation = (subject: string, more = {}): Json => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'pulse' },
  subject: { reference: subject },
  ...more,
})
const post = (resource: Json, more: Json = {}): Json => ({
  ...(more.fullUrl ? { fullUrl: more.fullUrl } : {}),
  resource,
  request: {
    method: 'POST',
    url: resource.resourceType,
    ...(more.ifNoneExist ? { ifNoneExist: more.ifNoneExist } : {}),
  },
})
const transaction = (entry: Json[], headers?: Record<string, string>): Promise<Answer> =>
  client.post('', { resourceType: 'Bundle', type: 'transaction', entry }, headers)
const idOf = (entry: Json): string => entry.response.location.split('/').at(-3)
const total = async (query: string): Promise<number> => (await client.get(`${query}&_summary=count`)).body.total

test('entries refer to each other by urn:uuid, in either order, also from narrative and other addresses', async () => {
  const [one, two, bundle] = [randomUUID(), randomUUID(), randomUUID()].map((id) => `urn:uuid:${id}`) as [
    string,
    string,
    string,
  ]
  const narrative = `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${one}">her</a></div>`
  const answer = await transaction([
    post(observation(one, { text: { status: 'generated', div: narrative } }), { fullUrl: two }),
    post(patient(), { fullUrl: one }),
    post(
      {
        resourceType: 'List',
        status: 'current',
        mode: 'working',
        entry: [{ item: { reference: two } }],
        subject: { reference: one },
      },
      { fullUrl: bundle },
    ),
    post(observation('urn:uuid:unknown-to-all'), {}),
  ])
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.body.type, 'transaction-response')
  const [observationEntry, patientEntry, listEntry, strangeEntry] = answer.body.entry
  const her = `Patient/${idOf(patientEntry)}`
  const stored = (await client.get(`Observation/${idOf(observationEntry)}`)).body
  assert.equal(stored.subject.reference, her)
  assert.match(stored.text.div, new RegExp(`href="${her}"`))
  const list = (await client.get(`List/${idOf(listEntry)}`)).body
  assert.equal(list.entry[0].item.reference, `Observation/${idOf(observationEntry)}`)
  assert.equal(
    (await client.get(`Observation/${idOf(strangeEntry)}`)).body.subject.reference,
    'urn:uuid:unknown-to-all',
  )
  assert.equal(await total(`Observation?subject=${her}`), 1)
  assert.equal((await client.get(`${her}/Observation`)).body.entry.length, 1)
})

test('absolute fullUrls of another server become local, and only for their own entries', async () => {
  const answer = await transaction([
    post(patient(), { fullUrl: 'http://elsewhere.example/fhir/Patient/12' }),
    post(observation('http://elsewhere.example/fhir/Patient/12')),
    post(observation('Patient/12')),
    post(observation('http://third.example/fhir/Patient/12')),
  ])
  assert.equal(answer.status, 200, answer.text)
  const her = `Patient/${idOf(answer.body.entry[0])}`
  const subjects = await Promise.all(
    answer.body.entry
      .slice(1)
      .map(async (entry: Json) => (await client.get(`Observation/${idOf(entry)}`)).body.subject.reference),
  )
  assert.deepEqual(subjects, [her, her, 'http://third.example/fhir/Patient/12'])
})

test('all kinds of entries in one bundle run in the order DELETE, POST, PUT or PATCH, GET and are answered in theirs', async () => {
  const gone = (await client.post('Patient', patient())).body.id
  const changed = (await client.post('Patient', patient())).body.id
  const patched = (await client.post('Patient', patient())).body.id
  const conditional = value()
  const found = value()
  await client.post('Patient', patient(found))
  const binary = (operations: unknown) => ({
    resourceType: 'Binary',
    contentType: 'application/json-patch+json',
    data: Buffer.from(JSON.stringify(operations)).toString('base64'),
  })
  const answer = await transaction([
    { request: { method: 'GET', url: `Patient/${changed}` } },
    { request: { method: 'GET', url: `Patient?identifier=${SYSTEM}|${conditional}` } },
    {
      request: { method: 'PATCH', url: `Patient/${patched}` },
      resource: binary([{ op: 'add', path: '/active', value: true }]),
    },
    { request: { method: 'PUT', url: `Patient/${changed}` }, resource: patient('changed', { id: changed }) },
    { request: { method: 'PUT', url: `Patient?identifier=${SYSTEM}|${conditional}` }, resource: patient(conditional) },
    post(patient(), { fullUrl: `urn:uuid:${randomUUID()}` }),
    post(patient(found), { ifNoneExist: `identifier=${SYSTEM}|${found}` }),
    { request: { method: 'DELETE', url: `Patient/${gone}` } },
    { request: { method: 'DELETE', url: `Patient?identifier=${SYSTEM}|nobody` } },
    { request: { method: 'HEAD', url: `Patient/${changed}` } },
    { request: { method: 'GET', url: `Patient/${gone}` } },
  ])
  assert.equal(answer.status, 200, answer.text)
  const statuses = answer.body.entry.map((entry: Json) => entry.response.status.slice(0, 3))
  assert.deepEqual(statuses, ['200', '200', '200', '200', '201', '201', '200', '204', '204', '200', '410'])
  assert.equal(answer.body.entry[0].resource.identifier[0].value, 'changed', 'reads see the writes')
  assert.equal(answer.body.entry[1].resource.entry.length, 1)
  assert.equal(answer.body.entry[2].response.etag, 'W/"2"')
  assert.equal((await client.get(`Patient/${patched}`)).body.active, true)
  assert.equal((await client.get(`Patient/${gone}`)).status, 410)
})

test('a conditional reference becomes the one resource it names, stored before or in the same bundle', async () => {
  const stored = value()
  const { id } = (await client.post('Patient', patient(stored))).body
  const inside = value()
  const answer = await transaction([
    post(observation(`Patient?identifier=${SYSTEM}|${stored}`)),
    post(observation(`Patient?identifier=${SYSTEM}|${inside}`)),
    post(patient(inside)),
  ])
  assert.equal(answer.status, 200, answer.text)
  assert.equal((await client.get(`Observation/${idOf(answer.body.entry[0])}`)).body.subject.reference, `Patient/${id}`)
  assert.equal(
    (await client.get(`Observation/${idOf(answer.body.entry[1])}`)).body.subject.reference,
    `Patient/${idOf(answer.body.entry[2])}`,
  )
})

test('a conditional reference to none or to several fails the whole', async () => {
  const twice = value()
  await client.post('Patient', patient(twice))
  const marker = value()
  const none = await transaction([post(patient(marker)), post(observation(`Patient?identifier=${SYSTEM}|nobody`))])
  assert.equal(none.status, 412)
  assert.equal(faultCode(none), 'fhir.transaction.reference-unmatched')
  const both = await transaction([
    post(patient(marker)),
    post(patient(twice)),
    post(observation(`Patient?identifier=${SYSTEM}|${twice}`)),
  ])
  assert.equal(both.status, 412)
  assert.equal(faultCode(both), 'fhir.transaction.reference-ambiguous')
  await client.post('Patient', patient(twice))
  const stored = await transaction([post(patient(marker)), post(observation(`Patient?identifier=${SYSTEM}|${twice}`))])
  assert.equal(stored.status, 412)
  assert.equal(await total(`Patient?identifier=${SYSTEM}|${marker}`), 0)
})

test('the same ifNoneExist twice in one bundle makes one resource, however it is written', async () => {
  const identifier = value()
  const [one, two] = [`urn:uuid:${randomUUID()}`, `urn:uuid:${randomUUID()}`]
  const answer = await transaction([
    post(patient(identifier), { fullUrl: one, ifNoneExist: `identifier=${SYSTEM}|${identifier}` }),
    post(patient(identifier), {
      fullUrl: two,
      ifNoneExist: `identifier=${encodeURIComponent(`${SYSTEM}|${identifier}`)}`,
    }),
    post(observation(one)),
    post(observation(two)),
  ])
  assert.equal(answer.status, 200, answer.text)
  assert.equal(idOf(answer.body.entry[0]), idOf(answer.body.entry[1]))
  assert.equal(await total(`Patient?identifier=${SYSTEM}|${identifier}`), 1)
  assert.equal(await total(`Observation?subject=Patient/${idOf(answer.body.entry[0])}`), 2)
})

test('a conditional create that finds its resource lends its id to the other entries', async () => {
  const identifier = value()
  const { id } = (await client.post('Patient', patient(identifier))).body
  const uuid = `urn:uuid:${randomUUID()}`
  const answer = await transaction([
    post(observation(uuid)),
    post(patient(identifier), { fullUrl: uuid, ifNoneExist: `identifier=${SYSTEM}|${identifier}` }),
  ])
  assert.equal(answer.body.entry[1].response.status, '200')
  assert.equal((await client.get(`Observation/${idOf(answer.body.entry[0])}`)).body.subject.reference, `Patient/${id}`)
  assert.equal((await client.get(`Patient/${id}/_history`)).body.entry.length, 1)
})

test('two entries for one resource fail the whole, by whatever they name it', async () => {
  const identifier = value()
  const { id } = (await client.post('Patient', patient(identifier))).body
  const put = { request: { method: 'PUT', url: `Patient/${id}` }, resource: patient(identifier, { id }) }
  const remove = { request: { method: 'DELETE', url: `Patient/${id}` } }
  const byCondition = {
    request: { method: 'PUT', url: `Patient?identifier=${SYSTEM}|${identifier}` },
    resource: patient(identifier),
  }
  const unknown = value()
  const newByCondition = {
    request: { method: 'PUT', url: `Patient?identifier=${SYSTEM}|${unknown}` },
    resource: patient(unknown),
  }
  const newById = {
    request: { method: 'PUT', url: 'Patient/tx-double' },
    resource: patient(unknown, { id: 'tx-double' }),
  }
  const removeNew = { request: { method: 'DELETE', url: 'Patient/tx-double' } }
  for (const entries of [
    [put, put],
    [put, remove],
    [remove, remove],
    [put, byCondition],
    [byCondition, remove],
    [newByCondition, newByCondition],
    [newById, newById],
    [removeNew, newById],
  ]) {
    const answer = await transaction([post(patient(unknown)), ...entries])
    assert.equal(answer.status, 400, JSON.stringify(entries.map((entry) => entry.request)))
    assert.equal(faultCode(answer), 'fhir.transaction.double-target')
  }
  assert.equal((await client.get(`Patient/${id}`)).body.meta.versionId, '1')
  assert.equal(await total(`Patient?identifier=${SYSTEM}|${unknown}`), 0)
  assert.equal((await client.get('Patient/tx-double')).status, 404)
})

test('any failing entry fails the whole: nothing is stored, and the audit tells of no success', async () => {
  const marker = value()
  const { id } = (await client.post('Patient', patient())).body
  const failing: [Json, number, string?][] = [
    [{ resource: { resourceType: 'Patient', gender: 'Secretname' }, request: { method: 'POST', url: 'Patient' } }, 422],
    [{ request: { method: 'PATCH', url: 'Patient/never' }, resource: { resourceType: 'Parameters', id: 'p' } }, 404],
    [{ request: { method: 'PUT', url: `Patient/${id}`, ifMatch: 'W/"9"' }, resource: patient('x', { id }) }, 412],
    [{ request: { method: 'POST', url: 'Observation' }, resource: patient() }, 400],
    [{ request: { method: 'POST', url: `Patient/${id}` }, resource: patient() }, 405, 'fhir.http.method'],
    [{ request: { method: 'POST', url: 'Nonsense' }, resource: patient() }, 404],
    [{ request: { method: 'POST', url: 'Patient' } }, 400, 'fhir.write.body-missing'],
    [{ request: { method: 'PUT', url: 'Patient/under_score' }, resource: patient() }, 400],
    [{ request: { method: 'TRACE', url: 'Patient' } }, 400],
    [{ resource: patient() }, 400],
    [null, 400],
  ]
  for (const [entry, status, code] of failing) {
    const before = (await server.audit({ action: 'transaction' })).length
    const answer = await transaction([post(patient(marker)), entry])
    assert.equal(answer.status, status, `${JSON.stringify(entry)}: ${answer.text}`)
    assert.equal(code ?? faultCode(answer), faultCode(answer))
    assert.doesNotMatch(answer.text, /Secretname/)
    assert.match(answer.text, /Bundle\.entry\[1\]/, `${JSON.stringify(entry)}: the entry is named`)
    const after = await server.audit({ action: 'transaction' })
    assert.equal(after.filter((record) => record.outcome === 'success').length, before)
  }
  assert.equal(await total(`Patient?identifier=${SYSTEM}|${marker}`), 0)
  assert.equal((await client.get(`Patient/${id}`)).body.meta.versionId, '1')
})

test('the finding of an entry is placed by a FHIRPath from the Bundle', async () => {
  const wrong = { ...patient(), identifier: [{ system: 5 }] }
  const answer = await transaction([post(patient()), post(wrong)])
  assert.equal(answer.status, 422)
  assert.deepEqual(answer.body.issue[0].expression, ['Bundle.entry[1].resource.identifier[0].system'])
})

test('a bundle that is none, or of another type, is refused', async () => {
  for (const bundle of [
    patient(),
    { resourceType: 'Bundle', type: 'collection', entry: [post(patient())] },
    { resourceType: 'Bundle', entry: [post(patient())] },
  ]) {
    const answer = await client.post('', bundle)
    assert.equal(answer.status, 400)
    assert.equal(faultCode(answer), 'fhir.bundle.not-a-batch')
  }
  const list = await client.post('', { resourceType: 'Bundle', type: 'transaction', entry: { 0: post(patient()) } })
  assert.equal(faultCode(list), 'fhir.bundle.entry-malformed')
  const many = { resourceType: 'Bundle', type: 'transaction', entry: Array.from({ length: 20_001 }, () => ({})) }
  const refused = await client.post('', many)
  assert.equal(refused.status, 413)
  assert.equal(faultCode(refused), 'fhir.bundle.too-many-entries')
  const empty = await client.post('', { resourceType: 'Bundle', type: 'transaction' })
  assert.equal(empty.status, 200)
  assert.equal(empty.body.entry, undefined, 'R4 knows no empty arrays')
  const nested = await transaction([
    { request: { method: 'POST', url: '' }, resource: { resourceType: 'Bundle', type: 'batch' } },
  ])
  assert.ok(nested.status >= 400 && nested.status < 500)
})

test('a transaction answers without the resources unless they are asked for', async () => {
  const minimal = await transaction([post(patient())], { prefer: 'return=minimal' })
  assert.equal(minimal.body.entry[0].resource, undefined)
  const whole = await transaction([post(patient())], { prefer: 'return=representation' })
  assert.equal(whole.body.entry[0].resource.resourceType, 'Patient')
  assert.match(whole.body.entry[0].response.etag, /^W\/"1"$/)
})

test('references to this server by its full address are stored as local ones', async () => {
  const { id } = (await client.post('Patient', patient())).body
  const stored = (await client.post('Observation', observation(`${server.fhirBase}/Patient/${id}`))).body
  assert.equal(stored.subject.reference, `Patient/${id}`)
  const absolute = await transaction([
    { request: { method: 'DELETE', url: `${server.fhirBase}/Observation/${stored.id}` } },
    { request: { method: 'GET', url: `/Patient/${id}` } },
  ])
  assert.deepEqual(
    absolute.body.entry.map((entry: Json) => entry.response.status),
    ['204', '200'],
  )
})

test('what a stored Bundle holds stays as it is', async () => {
  const inside = {
    ...observation(`${server.fhirBase}/Patient/1`),
    performer: [{ reference: 'Practitioner?identifier=x' }],
  }
  const kept = {
    resourceType: 'Bundle',
    id: 'kept',
    type: 'collection',
    entry: [{ fullUrl: 'urn:uuid:1', resource: inside }],
  }
  assert.equal((await client.put('Bundle/kept', kept)).status, 201)
  const answer = await transaction([{ request: { method: 'PUT', url: 'Bundle/kept' }, resource: kept }])
  assert.equal(answer.status, 200, answer.text)
  assert.deepEqual((await client.get('Bundle/kept')).body.entry, kept.entry)
})

test('a transaction of 10,000 entries and 43 MB is stored whole', async () => {
  const uuid = `urn:uuid:${randomUUID()}`
  const entries = Array.from({ length: 9_999 }, () => post(observation(uuid, { note: [{ text: 'x'.repeat(4_000) }] })))
  const answer = await transaction([...entries, post(patient(), { fullUrl: uuid })], { prefer: 'return=minimal' })
  assert.equal(answer.status, 200, answer.text.slice(0, 500))
  assert.equal(answer.body.entry.length, 10_000)
  assert.equal(await total(`Observation?subject=Patient/${idOf(answer.body.entry[9_999])}`), 9_999)
})
