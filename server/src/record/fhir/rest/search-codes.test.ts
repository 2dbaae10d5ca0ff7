import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'
import { SEARCH_LIMITS } from '../search/search-limits.ts'

const SYSTEM = 'http://example.org/organs'
const concept = (code: string, ...below: Json[]): Json => ({
  code,
  display: code,
  ...(below.length === 0 ? {} : { concept: below }),
})
const valueSet = (id: string, url: string, include: Json): Json => ({
  resourceType: 'ValueSet',
  id,
  url,
  status: 'active',
  compose: { include: [include] },
})
const condition = (id: string, code: Json, patient = 'p'): Json => ({
  resourceType: 'Condition',
  id,
  clinicalStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }] },
  code: { coding: [code] },
  subject: { reference: `Patient/${patient}` },
})

let server: TestServer
let client: TestClient
let stranger: TestClient
before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  stranger = await server.client('system/*.cruds', server.tenants[1])
  const many = Array.from({ length: SEARCH_LIMITS.expandedCodesMax + 1 }, (_, n) => concept(`n${n}`))
  const resources: Json[] = [
    {
      resourceType: 'CodeSystem',
      id: 'organs',
      url: SYSTEM,
      status: 'active',
      content: 'complete',
      hierarchyMeaning: 'is-a',
      concept: [concept('organ', concept('heart', concept('valve')), concept('liver'))],
    },
    {
      resourceType: 'CodeSystem',
      id: 'many',
      url: 'http://example.org/many',
      status: 'active',
      content: 'complete',
      concept: many,
    },
    valueSet('hearts', 'http://example.org/hearts', {
      system: SYSTEM,
      filter: [{ property: 'concept', op: 'is-a', value: 'heart' }],
    }),
    valueSet('all', 'http://example.org/all', { system: 'http://example.org/many' }),
    { resourceType: 'Patient', id: 'p', active: true, gender: 'female' },
    condition('heart', { system: SYSTEM, code: 'heart' }),
    condition('valve', { system: SYSTEM, code: 'valve' }),
    condition('liver', { system: SYSTEM, code: 'liver' }),
    condition('other', { system: 'http://other.org', code: 'valve' }),
  ]
  for (const resource of resources) {
    const { status, text } = await client.put(`${resource.resourceType}/${resource.id}`, resource)
    assert.equal(status, 201, text)
  }
})
after(() => server.close())

async function found(query: string, by = client): Promise<string[]> {
  const { status, text, body } = await by.get(query)
  assert.equal(status, 200, text)
  return (body.entry ?? [])
    .filter((one: Json) => one.search.mode === 'match')
    .map((one: Json) => one.resource.id)
    .toSorted()
}

test('codes are found by their value set, by URL and by id, and those outside of it by :not-in', async () => {
  for (const [query, expected] of [
    ['code:in=http://example.org/hearts', ['heart', 'valve']],
    ['code:in=ValueSet/hearts', ['heart', 'valve']],
    ['code:not-in=http://example.org/hearts', ['liver', 'other']],
    ['code:in=http://example.org/organs?fhir_vs', ['heart', 'liver', 'valve']],
    ['patient._has:Condition:patient:code:in=ValueSet/hearts', ['heart', 'liver', 'other', 'valve']],
    ['_filter=code in http://example.org/hearts and not (code eq valve)', ['heart']],
    ['patient.gender:in=http://hl7.org/fhir/ValueSet/administrative-gender', ['heart', 'liver', 'other', 'valve']],
  ] as const)
    assert.deepEqual(await found(`Condition?${query.replace(/ /g, '%20')}`), expected, query)
})

test('codes are found by their place in a hierarchy', async () => {
  for (const [query, expected] of [
    [`code:below=${SYSTEM}|organ`, ['heart', 'liver', 'valve']],
    [`code:below=${SYSTEM}|valve`, ['valve']],
    [`code:above=${SYSTEM}|valve`, ['heart', 'valve']],
    [`_filter=code ss ${SYSTEM}|heart or code eq other`, ['heart', 'valve']],
    [`_filter=code sb ${SYSTEM}|heart`, ['heart']],
  ] as const)
    assert.deepEqual(await found(`Condition?${query.replace(/ /g, '%20')}`), expected, query)
})

test('what cannot be expanded is refused, with a reason and nothing of the search', async () => {
  for (const [query, status, code] of [
    ['code:in=http://example.org/all', 422, 'fhir.search.codes-too-many'],
    ['code:in=http://example.org/none', 400, 'fhir.search.codes-unknown'],
    ['code:in=ValueSet/none', 404, 'fhir.search.value-set-unknown'],
    ['code:below=http://nowhere.org|x', 400, 'fhir.search.codes-unknown'],
    ['code:below=heart', 400, 'fhir.search.value-invalid'],
    // The first is under way when the second is found to be none.
    ['code:below=http://nowhere.org|x,heart', 400, 'fhir.search.codes-unknown'],
    [
      `code:below=${Array.from({ length: 11 }, (_, n) => `${SYSTEM}|x${n}`).join()}`,
      422,
      'fhir.search.expansions-too-many',
    ],
  ] as const) {
    const answer = await client.get(`Condition?${query}`)
    assert.deepEqual([faultCode(answer), answer.status], [code, status], query)
    assert.doesNotMatch(answer.text, /example\.org|nowhere|heart|x1/)
  }
})

test('a value set of this server is no use to those who may not read it, nor one of another tenant', async () => {
  const unread = await server.client('system/Condition.rs')
  assert.equal(faultCode(await unread.get('Condition?code:in=ValueSet/hearts')), 'fhir.search.value-set-unknown')
  assert.equal(faultCode(await stranger.get('Condition?code:in=ValueSet/hearts')), 'fhir.search.value-set-unknown')
  assert.equal(
    faultCode(await stranger.get('Condition?code:in=http://example.org/hearts')),
    'fhir.search.codes-unknown',
  )
})

test('several types are searched at the base address, by GET and by POST alike', async () => {
  assert.deepEqual(await found('?_type=Condition,Patient&_id=heart,p'), ['heart', 'p'])
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const posted = await client.post('_search', '_type=Condition,Patient&_id=heart,p', form)
  const got = await client.get('?_type=Condition,Patient&_id=heart,p')
  assert.equal(posted.status, 200)
  assert.deepEqual(posted.body.entry, got.body.entry)
  const first = await client.get('?_type=Condition,Patient&_id=heart,p&_count=1')
  const next = first.body.link.find((link: Json) => link.relation === 'next').url
  assert.deepEqual([...first.body.entry, ...(await client.get(next)).body.entry].length, 2)
  const unscoped = await server.client('system/Condition.rs')
  assert.equal(faultCode(await unscoped.get('?_type=Condition,Patient')), 'fhir.search.forbidden')
  assert.equal(faultCode(await client.get('?_id=p')), 'fhir.search.type-unknown')
  assert.equal(faultCode(await client.get('?_type=AuditEvent,Patient')), 'fhir.search.audit-apart')
  assert.equal(faultCode(await client.get('?_type=Condition,Patient&gender=female')), 'fhir.search.parameter-unknown')
})

test('the same search by GET and by POST gives the same answer, whatever it asks for', async () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  for (const query of [
    'code:below=http://example.org/organs|organ&_sort=code&_total=accurate',
    'patient.gender=female&_summary=true',
    '_filter=code%20eq%20valve%20or%20code%20eq%20liver&_elements=code',
    '_count=0',
    '_summary=count&patient=p',
    '_summary=text',
    '_summary=data&_include=Condition:*',
  ]) {
    const got = await client.get(`Condition?${query}`)
    const posted = await client.post('Condition/_search', query, form)
    assert.equal(got.status, 200, got.text)
    assert.deepEqual(posted.body.entry, got.body.entry, query)
    assert.equal(posted.body.total, got.body.total, query)
  }
  const counted = await client.get('Condition?_count=0')
  assert.deepEqual([counted.body.total, counted.body.entry], [4, undefined])
})

test('a thousand parameters, cycles and texts made to be slow are answered or refused', async () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const slow = `${'a'.repeat(20_000)}!`
  for (const [body, code] of [
    ['name=a&'.repeat(1000), 'fhir.search.parameters-too-many'],
    [`_filter=${'('.repeat(3_999)}`, 'fhir.search.filter-too-large'],
    [`_filter=${'not%20('.repeat(500)}`, 'fhir.search.filter-too-large'],
    [`_filter=name%20eq%20%22${'%5C%5C'.repeat(1_900)}`, 'fhir.search.filter-invalid'],
    [`_has:Observation:subject:${'_has:Observation:has-member:'.repeat(400)}code=x`, 'fhir.search.chain-too-long'],
    [`${'link.'.repeat(2_000)}name=x`, 'fhir.search.chain-too-long'],
    [`birthdate=${slow}`, 'fhir.search.value-invalid'],
  ] as const) {
    const answer = await client.post('Patient/_search', body, form)
    assert.equal(faultCode(answer), code, body.slice(0, 60))
    assert.ok(answer.status === 400 || answer.status === 422 || answer.status === 413, String(answer.status))
  }
  for (const body of [
    `name=${slow}`,
    `name:contains=${slow}`,
    `_text=${slow}`,
    `_content=${slow}`,
    `identifier=${slow}|`,
  ])
    assert.equal((await client.post('Patient/_search', body, form)).status, 200, body.slice(0, 20))
})
