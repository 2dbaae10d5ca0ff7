import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'
import { systemClock } from '../../../kernel/index.ts'
import { openOfflineValidator } from '../validate/offline-validator.ts'

let server: TestServer
let client: TestClient
before(async () => {
  server = await startTestServer()
  client = await server.client()
})
after(() => server.close())

const capabilities = async (): Promise<Json> => (await client.get('metadata')).body
const terminology = async (): Promise<Json> => (await client.get('metadata?mode=terminology')).body
const ofType = async (type: string): Promise<Json> =>
  (await capabilities()).rest[0].resource.find((one: Json) => one.type === type)

test('what the server says of itself passes its own validator', async () => {
  const validator = await openOfflineValidator({ packages: [], clock: systemClock })
  for (const statement of [await capabilities(), await terminology()]) {
    const { issues } = await validator.validate(Buffer.from(JSON.stringify(statement)), [])
    const errors = issues.filter(({ severity }) => severity === 'error')
    assert.deepEqual(errors, [], statement.resourceType)
  }
})

test('/metadata names the operations, each with the definition it has for that type', async () => {
  const definitionOf = async (type: string, name: string): Promise<string> =>
    (await ofType(type)).operation.find((one: Json) => one.name === name).definition
  const base = 'http://hl7.org/fhir/OperationDefinition'
  assert.equal(await definitionOf('ValueSet', 'expand'), `${base}/ValueSet-expand`)
  assert.equal(await definitionOf('ValueSet', 'validate-code'), `${base}/ValueSet-validate-code`)
  assert.equal(await definitionOf('CodeSystem', 'validate-code'), `${base}/CodeSystem-validate-code`)
})

test('each search parameter that is told of AuditEvent is taken, and no other', async () => {
  const { searchParam, interaction } = await ofType('AuditEvent')
  assert.deepEqual(
    interaction.map(({ code }: Json) => code),
    ['read', 'search-type'],
  )
  const values: Record<string, string> = { patient: 'Patient/none', date: 'ge2026-01-31', subtype: 'read' }
  for (const { name } of searchParam)
    assert.equal((await client.get(`AuditEvent?${name}=${values[name] ?? 'nobody'}`)).status, 200, name)
  assert.equal((await client.get('AuditEvent?altid=x')).status, 400)
})

test('mode=terminology lists what answers, each system once with one default', async () => {
  const { resourceType, codeSystem } = await terminology()
  assert.equal(resourceType, 'TerminologyCapabilities')
  const uris: string[] = codeSystem.map(({ uri }: Json) => uri)
  assert.equal(new Set(uris).size, uris.length)
  const special = ['http://unitsofmeasure.org', 'urn:ietf:bcp:47', 'urn:ietf:bcp:13', 'urn:iso:std:iso:3166']
  for (const uri of ['http://hl7.org/fhir/administrative-gender', ...special]) assert.ok(uris.includes(uri), uri)
  assert.ok(!uris.includes('http://snomed.info/sct'), 'only a stub of it comes with R4')
  for (const { uri, version = [] } of codeSystem as Json[]) {
    if (version.length === 0) continue
    assert.equal(version.filter(({ isDefault }: Json) => isDefault).length, 1, uri)
    assert.ok(
      version.every(({ code }: Json) => code !== ''),
      uri,
    )
  }
})

test('the default version is the one that answers when none is named', async () => {
  const { codeSystem } = await terminology()
  const several = codeSystem.find(
    ({ uri, version = [] }: Json) => version.length > 1 && uri === 'http://terminology.hl7.org/CodeSystem/v3-ActCode',
  )
  const { code } = several.version.find(({ isDefault }: Json) => isDefault)
  const { body } = await client.get(`CodeSystem/$lookup?system=${several.uri}&code=AMB`)
  assert.equal(body.parameter.find(({ name }: Json) => name === 'version').valueString, code)
})

test('a mode that is none is refused', async () => {
  for (const mode of ['full', 'normative'])
    assert.equal((await client.get(`metadata?mode=${mode}`)).body.resourceType, 'CapabilityStatement')
  for (const mode of ['terminologie', '']) {
    const answer = await client.get(`metadata?mode=${mode}`)
    assert.equal(answer.status, 400)
    assert.equal(faultCode(answer), 'fhir.http.mode-unknown')
  }
})
