import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
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

const URL = 'http://example.org/cs'
const codeSystem = (version: string, codes: string[]): Json => ({
  resourceType: 'CodeSystem',
  url: URL,
  version,
  status: 'active',
  content: 'complete',
  caseSensitive: true,
  concept: codes.map((code) => ({ code, display: `Display ${code}` })),
})
const valueSet = (): Json => ({
  resourceType: 'ValueSet',
  url: 'http://example.org/vs',
  status: 'active',
  compose: { include: [{ system: URL }] },
})
const codesOf = (answer: Json): string[] => (answer.body.expansion.contains ?? []).map(({ code }: Json) => code)
const valueOf = (answer: Json, name: string): Json => answer.body.parameter.find((one: Json) => one.name === name)

test('a stored value set is expanded, by url and by id, and a write is seen at once by every process', async () => {
  const other = client.at(await server.another())
  assert.equal((await client.put('CodeSystem/one', { ...codeSystem('1', ['a', 'b']), id: 'one' })).status, 201)
  assert.equal((await client.put('ValueSet/vs', { ...valueSet(), id: 'vs' })).status, 201)
  assert.deepEqual(codesOf(await client.get('ValueSet/$expand?url=http://example.org/vs')), ['a', 'b'])
  assert.deepEqual(codesOf(await other.get('ValueSet/vs/$expand')), ['a', 'b'])
  assert.equal((await client.put('CodeSystem/one', { ...codeSystem('1', ['a', 'c']), id: 'one' })).status, 200)
  assert.deepEqual(codesOf(await other.get('ValueSet/vs/$expand')), ['a', 'c'])
  assert.deepEqual(codesOf(await client.get('ValueSet/vs/$expand')), ['a', 'c'])
  assert.equal((await client.delete('CodeSystem/one')).status, 204)
  const gone = await other.get('ValueSet/vs/$expand')
  assert.equal(gone.status, 422)
  assert.equal(gone.body.issue[0].details.coding[0].code, 'not-found')
})

test('of several stored versions the newest answers, another when it is named', async () => {
  for (const [id, version] of [
    ['v9', '9.0.0'],
    ['v10', '10.0.0'],
  ] as const)
    await client.put(`CodeSystem/${id}`, { ...codeSystem(version, [`c${version}`]), id })
  const newest = await client.get(`CodeSystem/$lookup?system=${URL}&code=c10.0.0`)
  assert.equal(valueOf(newest, 'display').valueString, 'Display c10.0.0')
  assert.equal((await client.get(`CodeSystem/$lookup?system=${URL}&code=c9.0.0`)).status, 404)
  assert.equal((await client.get(`CodeSystem/$lookup?system=${URL}&code=c9.0.0&version=9.x`)).status, 200)
})

test('a tenant never sees the terminology of another', async () => {
  const stranger = await server.client('system/*.cruds', server.tenants[1])
  await client.put('CodeSystem/mine', { ...codeSystem('1', ['secret']), id: 'mine', url: 'http://example.org/mine' })
  assert.equal((await client.get('CodeSystem/$lookup?system=http://example.org/mine&code=secret')).status, 200)
  assert.equal((await stranger.get('CodeSystem/$lookup?system=http://example.org/mine&code=secret')).status, 404)
})

test('a resource in the request comes before the stored one', async () => {
  const answer = await client.post('ValueSet/$expand', {
    resourceType: 'Parameters',
    parameter: [
      { name: 'valueSet', resource: valueSet() },
      { name: 'tx-resource', resource: codeSystem('0.1', ['x']) },
    ],
  })
  assert.deepEqual(codesOf(answer), ['x'])
})

test('the one resource an operation takes may be the body, its other parameters in the address', async () => {
  const system = 'http://example.org/bare'
  const inline = { ...valueSet(), compose: { include: [{ system, concept: [{ code: 'b' }, { code: 'a' }] }] } }
  await client.put('CodeSystem/bare', { ...codeSystem('1', ['a', 'b']), id: 'bare', url: system })
  assert.deepEqual(codesOf(await client.post('ValueSet/$expand', inline)), ['b', 'a'])
  assert.deepEqual(codesOf(await client.post('ValueSet/$expand?count=1', inline)), ['b'])
  const validated = async (path: string, body: Json): Promise<Json> =>
    valueOf(await client.post(path, body), 'result').valueBoolean
  const own = { ...codeSystem('1', ['x']), url: 'http://example.org/handed-in' }
  for (const [code, expected] of Object.entries({ a: true, x: false }))
    assert.equal(await validated(`ValueSet/$validate-code?system=${system}&code=${code}`, inline), expected)
  for (const [code, expected] of Object.entries({ a: false, x: true }))
    assert.equal(await validated(`CodeSystem/$validate-code?url=${own.url}&code=${code}`, own), expected)
  const map = {
    resourceType: 'ConceptMap',
    status: 'active',
    group: [{ source: system, element: [{ code: 'a', target: [{ code: 'z', equivalence: 'equal' }] }] }],
  }
  assert.equal(await validated(`ConceptMap/$translate?system=${system}&code=a`, map), true)
  const wrong = await client.post('ValueSet/$expand', codeSystem('1', ['a']))
  assert.ok(wrong.status >= 400 && wrong.status < 500, 'a body of another type is refused')
})

test('HL7 code systems answer without being stored', async () => {
  const gender = await client.get('CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code=male')
  assert.equal(valueOf(gender, 'display').valueString, 'Male')
  const unit = await client.get('CodeSystem/$validate-code?url=http://unitsofmeasure.org&code=mm[Hg]')
  assert.equal(valueOf(unit, 'result').valueBoolean, true)
  const noUnit = await client.get('CodeSystem/$validate-code?url=http://unitsofmeasure.org&code=mmHgg')
  assert.equal(valueOf(noUnit, 'result').valueBoolean, false)
  const country = await client.get('CodeSystem/$validate-code?url=urn:iso:std:iso:3166&code=CH')
  assert.equal(valueOf(country, 'result').valueBoolean, true)
})

test('parameters that an operation does not know, cannot read or has twice are refused', async () => {
  const base = 'ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender'
  const refused = async (path: string, code: string): Promise<void> => {
    const answer = await client.get(path)
    assert.equal(answer.status, 400, path)
    assert.equal(faultCode(answer), code)
  }
  await refused(`${base}&nonsense=1`, 'fhir.operation.parameter-unknown')
  assert.equal((await client.get(`${base}&nonsense=1`, { prefer: 'handling=lenient' })).status, 200)
  await refused(`${base}&count=1&count=2`, 'fhir.operation.parameter-repeated')
  await refused(`${base}&count=many`, 'fhir.operation.parameter-mistyped')
  const bare = await client.post('CodeSystem/$lookup', codeSystem('1', ['a']))
  assert.equal(faultCode(bare), 'fhir.operation.parameters-expected')
  const many = Array.from({ length: 5_001 }, () => ({ name: 'property', valueCode: 'x' }))
  const crowd = await client.post('ValueSet/$expand', { resourceType: 'Parameters', parameter: many })
  assert.equal(crowd.status, 413)
  assert.equal(faultCode(crowd), 'fhir.operation.parameters-too-many')
})

test('an operation is found at its own address only', async () => {
  for (const path of [
    'ValueSet/$nothing',
    'Patient/$expand',
    '$expand',
    'ValueSet/a/b/$expand',
    'CodeSystem/$expand',
  ]) {
    const answer = await client.get(path)
    assert.equal(answer.status, 404, path)
    assert.equal(faultCode(answer), 'fhir.operation.unknown')
  }
  assert.equal((await client.get('ValueSet/nobody/$expand')).status, 404)
})

test('the scope to read the type is needed', async () => {
  const reader = await server.client('system/ValueSet.r')
  assert.equal(
    (await reader.get('ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender')).status,
    200,
  )
  const refused = await reader.get('CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code=male')
  assert.equal(refused.status, 403)
})

test('each call is recorded before it is answered, a failed one as failed', async () => {
  const other = await server.client('system/*.rs')
  await other.get('ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender')
  await other.get('ValueSet/$expand?url=http://example.org/none')
  const records = (await server.audit({ action: 'operation' })).filter(({ client: by }) => by === other.id)
  assert.deepEqual(
    records.map(({ outcome, detail }) => [outcome, detail !== undefined]),
    [
      ['failed', true],
      ['success', true],
    ],
  )
})

test('a canonical that nothing stored can have is refused', async () => {
  const validate = (url: string): Promise<Json> =>
    client.post('ValueSet/$validate-code', {
      resourceType: 'Parameters',
      parameter: [
        { name: 'url', valueUri: url },
        { name: 'system', valueUri: URL },
        { name: 'code', valueCode: 'a' },
      ],
    })
  const answer = await validate(`http://example.org/${'a'.repeat(1_000_000)}`)
  assert.equal(answer.status, 400)
  assert.equal(faultCode(answer), 'fhir.terminology.canonical-too-long')
  assert.ok(answer.text.length < 1_000)
})

test('maps too large to be looked through are refused until one is named', async () => {
  for (const id of ['large1', 'large2', 'large3']) {
    const map = { resourceType: 'ConceptMap', id, url: `http://example.org/${id}`, status: 'active' }
    const element = Array.from({ length: 12 }, (_, at) => ({ code: `c${at}`, display: 'x'.repeat(1_000_000) }))
    const stored = await client.put(`ConceptMap/${id}`, {
      ...map,
      group: [{ source: 'http://example.org/x', element }],
    })
    assert.equal(stored.status, 201, stored.text.slice(0, 500))
  }
  const code = 'system=http://example.org/none&code=a'
  const any = await client.get(`ConceptMap/$translate?${code}`)
  assert.equal(faultCode(any), 'fhir.terminology.stored-too-large')
  const one = await client.get(`ConceptMap/$translate?url=http://example.org/large1&${code}`)
  assert.equal(one.status, 200)
})
