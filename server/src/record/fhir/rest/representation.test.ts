import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import {
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient
let id: string

const patient = {
  resourceType: 'Patient',
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Anna</div>' },
  active: true,
  name: [{ family: 'Lind' }],
  photo: [{ contentType: 'image/png', title: 'A picture' }],
  deceasedBoolean: false,
}

before(async () => {
  server = await startTestServer()
  client = await server.client()
  id = (await client.post('Patient', patient)).body.id
})
after(() => server.close())

test('Prefer: return decides what a write answers, never whether it is done', async () => {
  const minimal = await client.post('Patient', patient, { prefer: 'return=minimal' })
  assert.equal(minimal.status, 201)
  assert.equal(minimal.text, '')
  assert.ok(minimal.headers.get('location'))
  const outcome = await client.post('Patient', patient, { prefer: 'return=OperationOutcome' })
  assert.equal(outcome.status, 201)
  assert.equal(outcome.body.resourceType, 'OperationOutcome')
  const whole = await client.post('Patient', patient, {
    prefer: 'respond-async, return=representation; handling=strict',
  })
  assert.equal(whole.body.resourceType, 'Patient')
  for (const answer of [minimal, outcome, whole])
    assert.equal((await client.get(answer.headers.get('location') as string)).status, 200)
  const deleted = await client.delete(`Patient/${whole.body.id}`, { prefer: 'return=OperationOutcome' })
  assert.equal(deleted.status, 200)
  assert.equal(deleted.body.resourceType, 'OperationOutcome')
})

test('JSON is answered under each of its names; other formats are refused before anything is done', async () => {
  for (const format of ['json', 'application/json', 'application/fhir+json', 'application/fhir%2Bjson', 'text/json'])
    assert.equal((await client.get(`Patient/${id}?_format=${format}`)).status, 200, format)
  for (const accept of ['application/fhir+json', '*/*', 'application/json;q=0.9, text/turtle', 'text/html'])
    assert.equal((await client.get(`Patient/${id}`, { accept })).body.id, id, accept)
  const before = (await client.get('Patient?_summary=count')).body.total
  for (const answer of [
    await client.get(`Patient/${id}?_format=ttl`),
    await client.get(`Patient/${id}?_format=application/fhir%2Bturtle`),
    await client.get(`Patient/${id}?_format=nonsense`),
    await client.get(`Patient/${id}`, { accept: 'text/turtle' }),
    await client.post('Patient', patient, { accept: 'application/fhir+turtle' }),
    await client.post('Patient?_format=ttl', patient),
  ]) {
    assert.equal(answer.status, 406)
    assert.equal(faultCode(answer), 'fhir.http.not-acceptable')
  }
  assert.equal((await client.get('Patient?_summary=count')).body.total, before)
})

test('a body of another type than JSON and XML is refused', async () => {
  for (const type of ['application/xml-patch+xml', 'text/plain', 'application/x-www-form-urlencoded', 'nonsense'])
    for (const answer of [
      await client.post('Patient', JSON.stringify(patient), { 'content-type': type }),
      await client.put('Patient/x', JSON.stringify({ ...patient, id: 'x' }), { 'content-type': type }),
      await client.post('', '{"resourceType":"Bundle","type":"batch"}', { 'content-type': type }),
    ]) {
      assert.equal(answer.status, 415, type)
      assert.equal(faultCode(answer), 'fhir.http.media-type', type)
    }
  assert.equal((await client.get('Patient/x')).status, 404)
  for (const type of [
    'application/json',
    'application/fhir+json; charset=utf-8',
    'application/fhir+json;fhirVersion=4.0',
  ])
    assert.equal((await client.post('Patient', JSON.stringify(patient), { 'content-type': type })).status, 201, type)
})

test('_pretty changes the look and not the content', async () => {
  const plain = await client.get(`Patient/${id}`)
  const pretty = await client.get(`Patient/${id}?_pretty=true`)
  assert.deepEqual(pretty.body, plain.body)
  assert.match(pretty.text, /\n {2}"active": true/)
  assert.doesNotMatch((await client.get(`Patient/${id}?_pretty=false`)).text, /\n/)
  const observation =
    '{"resourceType":"Observation","status":"final","code":{"text":"k"},"valueQuantity":{"value":1.50}}'
  const { body } = await client.post('Observation', observation)
  assert.match((await client.get(`Observation/${body.id}?_pretty=true`)).text, /"value": 1\.50\n/)
})

const subsetted = (resource: Json): boolean => resource.meta.tag?.some((tag: Json) => tag.code === 'SUBSETTED') === true

test('_elements keeps what is named and what must be there, marked as a subset', async () => {
  const { body } = await client.get(`Patient/${id}?_elements=name,deceased`)
  assert.deepEqual(Object.keys(body).sort(), ['deceasedBoolean', 'id', 'meta', 'name', 'resourceType'])
  assert.ok(subsetted(body))
  const observation = { resourceType: 'Observation', status: 'final', code: { text: 'k' }, valueString: 'secret' }
  const { id: other } = (await client.post('Observation', observation)).body
  const narrow = (await client.get(`Observation/${other}?_elements=subject`)).body
  assert.deepEqual(Object.keys(narrow).sort(), ['code', 'id', 'meta', 'resourceType', 'status'])
  const found = (await client.get(`Patient?_id=${id}&_elements=name`)).body.entry[0].resource
  assert.deepEqual(Object.keys(found).sort(), ['id', 'meta', 'name', 'resourceType'])
  assert.ok(!subsetted((await client.get(`Patient/${id}`)).body), 'what is stored is not marked')
  const writtenBack = await client.put(`Patient/${id}`, body)
  assert.equal(writtenBack.status, 400)
  assert.equal(faultCode(writtenBack), 'fhir.write.subsetted')
})

test('_summary answers each of its kinds, and no other', async () => {
  const keys = async (summary: string) =>
    Object.keys((await client.get(`Patient/${id}?_summary=${summary}`)).body)
      .sort()
      .join()
  assert.equal(await keys('true'), 'active,deceasedBoolean,id,meta,name,resourceType')
  assert.equal(await keys('text'), 'id,meta,resourceType,text')
  assert.equal(await keys('data'), 'active,deceasedBoolean,id,meta,name,photo,resourceType')
  assert.equal(await keys('false'), 'active,deceasedBoolean,id,meta,name,photo,resourceType,text')
  assert.equal(faultCode(await client.get(`Patient/${id}?_summary=nonsense`)), 'fhir.summary-unknown')
  const both = await client.get(`Patient/${id}?_summary=true&_elements=name`)
  assert.equal(faultCode(both), 'fhir.elements-and-summary')
  const count = (await client.get('Patient?_summary=count')).body
  assert.equal(count.entry, undefined)
  assert.ok(count.total > 0)
})

test('HEAD answers as GET does, without the body', async () => {
  const get = await client.get(`Patient/${id}`)
  const head = await client.send('HEAD', `Patient/${id}`)
  assert.equal(head.status, 200)
  assert.equal(head.text, '')
  for (const name of ['etag', 'last-modified', 'content-type', 'content-length'])
    assert.equal(head.headers.get(name), get.headers.get(name), name)
  assert.equal((await client.send('HEAD', 'Patient/never')).status, 404)
  assert.equal((await client.send('HEAD', 'metadata')).status, 200)
})

/** As bytes: fetch would decompress. */
function raw(path: string, headers: Record<string, string>): Promise<{ encoding: string | undefined; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    request(
      `${server.fhirBase}/${path}`,
      { headers: { authorization: `Bearer ${client.token}`, ...headers } },
      (res) => {
        const chunks: Buffer[] = []
        res.on('data', (chunk: Buffer) => chunks.push(chunk))
        res.on('end', () => resolve({ encoding: res.headers['content-encoding'], bytes: Buffer.concat(chunks) }))
      },
    )
      .on('error', reject)
      .end()
  })
}

test('long answers are compressed for those who ask, short ones and others are not', async () => {
  const long = {
    ...patient,
    text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${'Anna '.repeat(800)}</div>` },
  }
  const path = `Patient/${(await client.post('Patient', long)).body.id}`
  const plain = await raw(path, {})
  assert.equal(plain.encoding, undefined)
  const gzip = await raw(path, { 'accept-encoding': 'gzip' })
  assert.equal(gzip.encoding, 'gzip')
  assert.deepEqual(gunzipSync(gzip.bytes), plain.bytes)
  const br = await raw(path, { 'accept-encoding': 'br' })
  assert.equal(br.encoding, 'br')
  assert.deepEqual(brotliDecompressSync(br.bytes), plain.bytes)
  assert.equal((await raw(`Patient/${id}`, { 'accept-encoding': 'identity' })).encoding, undefined)
  assert.equal((await raw(path, { 'accept-encoding': 'nonsense' })).encoding, undefined)
})

test('the CapabilityStatement is public and names what the API does', async () => {
  const response = await fetch(`${server.fhirBase}/metadata`)
  assert.equal(response.status, 200)
  const statement = (await response.json()) as Json
  assert.equal(statement.fhirVersion, '4.0.1')
  assert.equal(statement.rest[0].resource.length, 146)
  const observation = statement.rest[0].resource.find((one: Json) => one.type === 'Observation')
  assert.ok(observation.searchParam.some((one: Json) => one.name === 'code' && one.type === 'token'))
  assert.ok(observation.interaction.some((one: Json) => one.code === 'patch'))
  const audit = statement.rest[0].resource.find((one: Json) => one.type === 'AuditEvent')
  assert.deepEqual(
    audit.interaction.map((one: Json) => one.code),
    ['read', 'search-type'],
  )
})
