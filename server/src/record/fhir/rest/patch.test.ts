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

const anna = {
  resourceType: 'Patient',
  active: true,
  name: [{ family: 'Lind', given: ['Anna'] }],
}

async function patient(): Promise<string> {
  return (await client.post('Patient', anna)).body.id
}

const replaceActive = (part: string, value: object) => ({
  resourceType: 'Parameters',
  parameter: [
    {
      name: 'operation',
      part: [
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: part },
        { name: 'value', ...value },
      ],
    },
  ],
})

test('a JSON Patch changes what it names and nothing else, as a new version', async () => {
  const id = await patient()
  const patched = await client.patch(`Patient/${id}`, [
    { op: 'test', path: '/active', value: true },
    { op: 'replace', path: '/active', value: false },
    { op: 'add', path: '/name/0/given/-', value: 'Maria' },
    { op: 'copy', from: '/name/0', path: '/name/-' },
    { op: 'remove', path: '/name/0' },
  ])
  assert.equal(patched.status, 200)
  assert.equal(patched.headers.get('etag'), 'W/"2"')
  const { body } = await client.get(`Patient/${id}`)
  assert.deepEqual(body.name, [{ family: 'Lind', given: ['Anna', 'Maria'] }])
  assert.equal(body.active, false)
  assert.equal(body.meta.versionId, '2')
  assert.equal((await client.get(`Patient/${id}/_history/1`)).body.active, true)
})

test('a FHIRPath Patch changes what it names', async () => {
  const id = await patient()
  const patched = await client.patch(`Patient/${id}`, replaceActive('Patient.active', { valueBoolean: false }))
  assert.equal(patched.status, 200)
  assert.deepEqual((await client.get(`Patient/${id}`)).body.name, anna.name)
  assert.equal(patched.body.active, false)
})

test('a failing test operation leaves everything as it was, the operations before it included', async () => {
  const id = await patient()
  const answer = await client.patch(`Patient/${id}`, [
    { op: 'replace', path: '/active', value: false },
    { op: 'test', path: '/name/0/family', value: 'Secretname' },
  ])
  assert.equal(answer.status, 422)
  assert.equal(faultCode(answer), 'fhir.patch.not-applicable')
  assert.doesNotMatch(answer.text, /Secretname|Lind/)
  const { body } = await client.get(`Patient/${id}`)
  assert.equal(body.active, true)
  assert.equal(body.meta.versionId, '1')
})

test('a patch that does not fit or makes an invalid resource is refused', async () => {
  const id = await patient()
  const cases: [unknown, number][] = [
    [[{ op: 'remove', path: '/birthDate' }], 422],
    [[{ op: 'replace', path: '/name/7', value: {} }], 422],
    [[{ op: 'add', path: '/unheard', value: 1 }], 422],
    [[{ op: 'replace', path: '/active', value: 'yes' }], 422],
    [
      [
        { op: 'remove', path: '/name/0/family' },
        { op: 'remove', path: '/name/0/given' },
      ],
      422,
    ],
    [[{ op: 'replace', path: '/id', value: 'other' }], 400],
    [[{ op: 'replace', path: '/resourceType', value: 'Person' }], 400],
    [[{ op: 'unheard', path: '/active', value: true }], 422],
    [[{ op: 'add' }], 400],
    [[null], 400],
    [[{ op: 'add', path: 7, value: 1 }], 400],
    [[{ op: 'replace', path: '', value: anna }], 400],
    [replaceActive('Patient.birthDate', { valueDate: '2020-01-01' }), 422],
    [replaceActive('Patient.((', { valueBoolean: false }), 422],
    [replaceActive('Patient.active', { valueString: 'no' }), 422],
  ]
  for (const [body, status] of cases) {
    const answer = await client.patch(`Patient/${id}`, body)
    assert.equal(answer.status, status, `${JSON.stringify(body)}: ${answer.text}`)
  }
  const renamed = await client.patch(`Patient/${id}`, [{ op: 'replace', path: '/id', value: 'other' }])
  assert.equal(faultCode(renamed), 'fhir.patch.identity-changed')
  for (const value of [null, 1, []]) {
    const replaced = await client.patch(`Patient/${id}`, [{ op: 'replace', path: '', value }])
    assert.equal(faultCode(replaced), 'fhir.patch.identity-changed')
  }
  const jsonObject = await client.patch(`Patient/${id}`, '{"op":"add"}', {
    'content-type': 'application/json-patch+json',
  })
  assert.equal(faultCode(jsonObject), 'fhir.patch.malformed')
  const notAPatch = await client.patch(`Patient/${id}`, { ...anna, id })
  assert.equal(faultCode(notAPatch), 'fhir.patch.body')
  assert.equal((await client.get(`Patient/${id}`)).body.meta.versionId, '1')
})

test('a patch reaches no prototype', async () => {
  const id = await patient()
  for (const path of ['/__proto__/polluted', '/constructor/prototype/polluted', '/name/0/__proto__/polluted']) {
    const answer = await client.patch(`Patient/${id}`, [{ op: 'add', path, value: 'x' }])
    assert.equal(answer.status, 400, path)
    assert.equal(faultCode(answer), 'fhir.patch.malformed')
  }
  const nested = await client.patch(
    `Patient/${id}`,
    '[{"op":"add","path":"/maritalStatus","value":{"__proto__":{"polluted":"x"}}}]',
    { 'content-type': 'application/json-patch+json' },
  )
  assert.equal(nested.status, 422)
  const doubleKey = await client.patch(`Patient/${id}`, '[{"op":"add","op":"remove","path":"/active"}]', {
    'content-type': 'application/json-patch+json',
  })
  assert.equal(doubleKey.status, 400)
  assert.equal(faultCode(doubleKey), 'fhir.json.double-key')
  assert.equal(({} as { polluted?: string }).polluted, undefined)
  assert.equal((await client.get(`Patient/${id}`)).body.meta.versionId, '1')
})

test('a patch names a stored resource: never one that is gone or never was', async () => {
  const change = [{ op: 'replace', path: '/active', value: false }]
  assert.equal((await client.patch('Patient/never', change)).status, 404)
  const id = await patient()
  await client.delete(`Patient/${id}`)
  assert.equal((await client.patch(`Patient/${id}`, change)).status, 410)
})

test('decimals keep their written form through a patch of something else, and in what a patch brings', async () => {
  const observation = `{"resourceType":"Observation","status":"preliminary","code":{"text":"k"},"valueQuantity":{"value":1.50,"unit":"mmol/L"},"referenceRange":[{"low":{"value":3.0}},{"low":{"value":3.50}}]}`
  const { id } = (await client.post('Observation', observation)).body
  const json = await client.patch(
    `Observation/${id}`,
    '[{"op":"test","path":"/valueQuantity/value","value":1.5},{"op":"replace","path":"/status","value":"final"},{"op":"remove","path":"/referenceRange/0"},{"op":"add","path":"/referenceRange/0/high","value":{"value":5.10}}]',
    { 'content-type': 'application/json-patch+json' },
  )
  assert.equal(json.status, 200, json.text)
  assert.match(json.text, /"valueQuantity":\{"value":1\.50,/)
  assert.match(json.text, /"referenceRange":\[\{"low":\{"value":3\.50\},"high":\{"value":5\.10\}\}\]/)
  assert.equal((await client.get(`Observation/${id}`)).text, json.text)
  const fhirPath = await client.patch(
    `Observation/${id}`,
    replaceActive('Observation.status', { valueCode: 'amended' }),
  )
  assert.equal(fhirPath.status, 200)
  assert.match(fhirPath.text, /"valueQuantity":\{"value":1\.50,/)
  assert.match(fhirPath.text, /"high":\{"value":5\.10\}/)
})

test('If-Match guards a patch', async () => {
  const id = await patient()
  const change = [{ op: 'replace', path: '/active', value: false }]
  assert.equal((await client.patch(`Patient/${id}`, change, { 'if-match': 'W/"2"' })).status, 412)
  assert.equal((await client.patch(`Patient/${id}`, change, { 'if-match': 'W/"1"' })).status, 200)
  assert.equal((await client.get(`Patient/${id}`)).body.meta.versionId, '2')
})

test('who may not read cannot ask a patch for values: no test, no filter; plain changes are made', async () => {
  const id = await patient()
  const blind = await server.client('system/Patient.cud')
  for (const body of [
    [{ op: 'test', path: '/active', value: true }],
    [
      { op: 'replace', path: '/active', value: false },
      { op: 'test', path: '/name/0/family', value: 'Lind' },
    ],
    replaceActive("Patient.where(name.family='Lind').active", { valueBoolean: false }),
  ]) {
    const answer = await blind.patch(`Patient/${id}`, body)
    assert.equal(answer.status, 403, answer.text)
    assert.equal(faultCode(answer), 'fhir.forbidden')
  }
  assert.equal((await client.get(`Patient/${id}`)).body.meta.versionId, '1')
  for (const body of [
    [{ op: 'replace', path: '/active', value: false }],
    replaceActive('Patient.active', { valueBoolean: true }),
  ])
    assert.equal((await blind.patch(`Patient/${id}`, body)).status, 200)
  assert.equal((await client.patch(`Patient/${id}`, [{ op: 'test', path: '/active', value: true }])).status, 200)
})
