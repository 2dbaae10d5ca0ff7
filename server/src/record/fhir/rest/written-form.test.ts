import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { faultCode, startTestServer, type TestClient, type TestServer } from '../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient

before(async () => {
  server = await startTestServer()
  client = await server.client()
})
after(() => server.close())

const observation = (value: string): string =>
  `{"resourceType":"Observation","status":"final","code":{"text":"k"},"valueQuantity":{"value":${value}}}`

test('decimals come back as they were written, from create, update, search, history and bundles', async () => {
  for (const value of [
    '1.50',
    '0.0',
    '-0.10',
    '100.00',
    '1e3',
    '1.0E-7',
    '0.00000010',
    '3.14159265358979323846',
    '12345678901234567.5',
  ]) {
    const created = await client.post('Observation', observation(value))
    assert.equal(created.status, 201, `${value}: ${created.text}`)
    const { id } = created.body
    const pattern = new RegExp(`"valueQuantity":\\{"value":${value.replace('.', '\\.').replace('+', '\\+')}\\}`)
    await client.put(`Observation/${id}`, observation(value).replace('{', `{"id":"${id}",`))
    for (const answer of [
      created,
      await client.get(`Observation/${id}`),
      await client.get(`Observation/${id}/_history/1`),
      await client.get(`Observation/${id}/_history`),
      await client.get(`Observation?_id=${id}`),
    ])
      assert.match(answer.text, pattern, value)
  }
  const entries = ['2.50', '7.0'].map(
    (value) => `{"resource":${observation(value)},"request":{"method":"POST","url":"Observation"}}`,
  )
  for (const type of ['batch', 'transaction']) {
    const { body } = await client.post('', `{"resourceType":"Bundle","type":"${type}","entry":[${entries.join()}]}`)
    const stored = body.entry.map((entry: { response: { location: string } }) => client.get(entry.response.location))
    const texts = (await Promise.all(stored)).map((answer: { text: string }) => answer.text)
    assert.match(String(texts[0]), /"value":2\.50\}/)
    assert.match(String(texts[1]), /"value":7\.0\}/)
  }
})

test('a narrowed answer keeps them too', async () => {
  const { id } = (await client.post('Observation', observation('1.50'))).body
  assert.match((await client.get(`Observation/${id}?_elements=value`)).text, /"value":1\.50/)
  assert.match((await client.get(`Observation?_id=${id}&_summary=data`)).text, /"value":1\.50/)
})

test('a key that comes twice is refused wherever it stands', async () => {
  const cases = [
    '{"resourceType":"Patient","active":true,"active":false}',
    '{"resourceType":"Patient","name":[{"family":"a","family":"b"}]}',
    '{"resourceType":"Patient","active":true,"\\u0061ctive":false}',
    '{"resourceType":"Patient","resourceType":"Patient"}',
  ]
  for (const text of cases) {
    const answer = await client.post('Patient', text)
    assert.equal(answer.status, 400, text)
    assert.equal(faultCode(answer), 'fhir.json.double-key')
  }
  const entry = (resource: string, more = '') =>
    `{"resource":${resource},"request":{"method":"POST","url":"Patient"${more}}}`
  const bundle = (inside: string, more = '') =>
    `{"resourceType":"Bundle","type":"transaction"${more},"entry":[${inside}]}`
  for (const text of [
    bundle(entry(cases[0] as string)),
    bundle(entry('{"resourceType":"Patient"}', ',"method":"PUT"')),
    bundle(entry('{"resourceType":"Patient"}'), ',"type":"batch"'),
    bundle(entry('{"resourceType":"Patient"}').replace('{', '{"resource":{"resourceType":"Patient","active":true},')),
    bundle(entry('{"resourceType":"Patient"}'), ',"entry":[]'),
  ]) {
    const answer = await client.post('', text)
    assert.equal(answer.status, 400, text)
    assert.equal(faultCode(answer), 'fhir.json.double-key', text)
  }
  assert.equal((await client.get('Patient?_summary=count')).body.total, 0)
})

test('JSON that is broken, too deep, not UTF-8, no object or absent is refused without quoting it', async () => {
  const deep = (levels: number) => `${'{"extension":['.repeat(levels)}${']}'.repeat(levels)}`
  const cases: [string | Uint8Array, string][] = [
    ['{"resourceType":"Patient","name":"Secretname"', 'fhir.json.syntax'],
    ['', 'fhir.json.syntax'],
    ['[]', 'fhir.json.not-an-object'],
    ['null', 'fhir.json.not-an-object'],
    ['"Secretname"', 'fhir.json.not-an-object'],
    [`{"resourceType":"Patient","x":${deep(60)}}`, 'fhir.json.too-deep'],
    [`{"resourceType":"Patient","x":${'['.repeat(200_000)}`, 'fhir.json.too-deep'],
    [Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), 'fhir.json.not-utf8'],
  ]
  for (const [body, code] of cases) {
    const answer = await client.post('Patient', body)
    assert.equal(answer.status, 400, code)
    assert.equal(faultCode(answer), code)
    assert.doesNotMatch(answer.text, /Secretname/)
  }
  const nothing = await client.send('POST', 'Patient')
  assert.ok([400, 415].includes(nothing.status))
  assert.equal(nothing.body.resourceType, 'OperationOutcome')
})

test('a byte-order mark and text beyond the basic plane are no obstacle', async () => {
  const text = '{"resourceType":"Patient","name":[{"family":"Ø王𝒳\\u0041\\uD83D\\uDE00"}]}'
  const created = await client.post('Patient', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]))
  assert.equal(created.status, 201)
  assert.equal((await client.get(`Patient/${created.body.id}`)).body.name[0].family, 'Ø王𝒳A😀')
})

test('sizes are limited: a resource, a query, a form', async () => {
  const binary = (bytes: number) => ({
    resourceType: 'Binary',
    contentType: 'application/pdf',
    data: Buffer.alloc(Math.floor((bytes * 3) / 4)).toString('base64'),
  })
  assert.equal((await client.post('Binary', binary(8 * 1024 * 1024))).status, 201)
  const tooLarge = await client.post('Binary', binary(17 * 1024 * 1024))
  assert.equal(tooLarge.status, 413)
  assert.equal(faultCode(tooLarge), 'fhir.http.body-too-large')
  const long = `name=${'x'.repeat(17 * 1024)}`
  const query = await client.get(`Patient?${long}`)
  assert.ok(query.status === 413 || query.status === 431 || query.status === 414, String(query.status))
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  assert.equal((await client.post('Patient/_search', 'name=Lind', form)).status, 200)
  const hugeForm = await client.post('Patient/_search', `name=${'x'.repeat(300 * 1024)}`, form)
  assert.equal(hugeForm.status, 413)
  assert.equal(faultCode(hugeForm), 'fhir.http.query-too-long')
})
