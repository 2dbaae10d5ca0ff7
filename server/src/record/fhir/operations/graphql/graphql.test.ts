import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { longestGap } from '../../../../../../test/fixtures/longest-gap.ts'
import {
  type Answer,
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient
let neighbour: TestClient

const to = (reference: string): Json => ({ reference })

before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  neighbour = await server.client('system/*.cruds', server.tenants[1])
  const resources: Json[] = [
    { resourceType: 'Practitioner', id: 'doctor', name: [{ family: 'Doctor' }] },
    {
      resourceType: 'Patient',
      id: 'anna',
      active: true,
      name: [
        { use: 'official', family: 'Anna', given: ['A', 'B'] },
        { use: 'usual', given: ['C'] },
      ],
      generalPractitioner: [to('Practitioner/doctor'), to('Practitioner/nobody')],
    },
    { resourceType: 'Patient', id: 'berta', active: true, name: [{ family: 'Berta' }] },
    { resourceType: 'Condition', id: 'c1', code: { text: 'one' }, subject: to('Patient/anna') },
    { resourceType: 'Condition', id: 'c2', code: { text: 'two' }, subject: to('Patient/anna') },
    { resourceType: 'Condition', id: 'of-berta', code: { text: 'other' }, subject: to('Patient/berta') },
  ]
  for (const one of resources) assert.equal((await client.put(`${one.resourceType}/${one.id}`, one)).status, 201)
  const weight =
    '{"resourceType":"Observation","id":"w","status":"final","code":{"text":"w"},"subject":{"reference":"Patient/anna"},"valueQuantity":{"value":1.50}}'
  assert.equal((await client.put('Observation/w', weight)).status, 201)
  await neighbour.put('Patient/anna', { resourceType: 'Patient', id: 'anna', active: false })
})
after(() => server.close())

const ask = (query: string, path = '', by = client): Promise<Answer> => by.post(`${path}$graphql`, { query })

function dataOf(answer: Answer): Json {
  assert.equal(answer.status, 200, answer.text)
  return answer.body.data
}

test('by GET and by POST, with variables and one of several queries', async () => {
  const query =
    'query a($id: ID!) { Patient(id: $id) { id } } query b($id: ID = "berta") { p: Patient(id: $id) { id active } }'
  const variables = encodeURIComponent('{"id":"anna"}')
  const got = await client.get(`$graphql?query=${encodeURIComponent(query)}&operationName=a&variables=${variables}`)
  assert.deepEqual(dataOf(got), { Patient: { id: 'anna' } })
  const posted = await client.post('$graphql', { query, operationName: 'b' }, { 'content-type': 'application/json' })
  assert.deepEqual(dataOf(posted), { p: { id: 'berta', active: true } })
})

test('fragments, what refers to a resource, and what it refers to', async () => {
  const answer = await ask(
    `{ ...P ConditionList(_reference: patient, _sort: "_id") { code { text } } }
     fragment P on Patient { generalPractitioner { resource(optional: true) { ... on Practitioner { name { family } } } } }`,
    'Patient/anna/',
  )
  assert.deepEqual(dataOf(answer), {
    generalPractitioner: [{ resource: { name: [{ family: 'Doctor' }] } }, {}],
    ConditionList: [{ code: { text: 'one' } }, { code: { text: 'two' } }],
  })
})

test('numbers keep their written form', async () => {
  assert.ok((await ask('{ valueQuantity { value } }', 'Observation/w/')).text.includes('"value":1.50'))
})

test('pages of a connection, by cursors that hold for this client alone', async () => {
  const page = (given: string): string =>
    `{ PatientConnection(${given}) { count next previous edges { resource { id } } } }`
  const first = dataOf(await ask(page('active: true, _count: 1'))).PatientConnection
  assert.deepEqual([first.count, first.edges.length], [2, 1])
  const second = dataOf(await ask(page(`_cursor: "${first.next}"`))).PatientConnection
  const ids = [...first.edges, ...second.edges].map(({ resource }: Json) => resource.id)
  assert.deepEqual(ids.toSorted(), ['anna', 'berta'])
  assert.equal(second.next, undefined)
  assert.equal(faultCode(await ask(page(`_cursor: "${first.next}"`), '', neighbour)), 'fhir.search.page-unknown')
  assert.equal(
    faultCode(await ask(`{ ConditionConnection(_cursor: "${first.next}") { next } }`)),
    'fhir.graphql.argument-invalid',
  )
})

test('another tenant sees its own; what may not be read is not there, and by name refused', async () => {
  assert.deepEqual(dataOf(await ask('{ PatientList { id active } }', '', neighbour)), {
    PatientList: [{ id: 'anna', active: false }],
  })
  assert.equal((await ask('{ id }', 'Observation/w/', neighbour)).status, 404)
  const few = await server.client('system/Patient.rs system/Condition.r')
  const broken = await ask('{ generalPractitioner { resource { id } } }', 'Patient/anna/', few)
  assert.equal(faultCode(broken), 'fhir.graphql.reference-broken')
  const optional = await ask('{ generalPractitioner { resource(optional: true) { id } } }', 'Patient/anna/', few)
  assert.deepEqual(dataOf(optional), { generalPractitioner: [{}, {}] })
  for (const [query, path] of [
    ['{ Practitioner(id: doctor) { id } }', ''],
    ['{ PractitionerList { id } }', ''],
    ['{ ConditionList(_reference: patient) { id } }', 'Patient/anna/'],
    ['{ id }', 'Observation/w/'],
  ])
    assert.equal(faultCode(await ask(query as string, path, few)), 'fhir.forbidden', query)
})

test('the audit names whose data was read, also when the query is then refused', async () => {
  const recordOf = async (answer: Answer): Promise<Json[]> => {
    const id = answer.headers.get('x-request-id')
    return (await server.audit({ action: 'operation' })).filter(({ requestId }) => requestId === id)
  }
  const [done] = await recordOf(await ask('{ PatientList { id } }'))
  assert.deepEqual([done.patients.length, done.count, done.outcome], [2, 2, 'success'])
  const refused = await ask('{ Patient(id: anna) { name { given @singleton } } }')
  assert.equal(faultCode(refused), 'fhir.graphql.not-singleton')
  const [failed] = await recordOf(refused)
  assert.deepEqual([failed.patients.length, failed.outcome], [1, 'failed'])
})

test('what cannot be answered is refused, whatever the data', async () => {
  for (const [query, code] of [
    ['{', 'fhir.graphql.syntax'],
    ['{ id', 'fhir.graphql.syntax'],
    ['mutation { PatientDelete(id: x) { id } }', 'fhir.graphql.operation-unknown'],
    ['query a { id } query b { id }', 'fhir.graphql.operation-unknown'],
    ['query ($x: Boolean!) { id @skip(if: $x) }', 'fhir.graphql.variables'],
    ['{ id @skip(if: $x) }', 'fhir.graphql.variables'],
    ['{ ...missing }', 'fhir.graphql.fragment-unknown'],
    ['{ nonsense }', 'fhir.graphql.field-unknown'],
    ['{ photo { nonsense } }', 'fhir.graphql.field-unknown'],
    ['{ __schema { types { name } } }', 'fhir.graphql.field-unknown'],
    ['{ __proto__: id }', 'fhir.graphql.field-unknown'],
    ['{ constructor }', 'fhir.graphql.field-unknown'],
    ['{ name(nonsense: 1) { given } }', 'fhir.graphql.argument-invalid'],
    ['{ name(use: {a: 1}) { given } }', 'fhir.graphql.argument-invalid'],
    ['{ name(_count: -1) { given } }', 'fhir.graphql.argument-invalid'],
    ['{ ConditionList { id } }', 'fhir.graphql.argument-invalid'],
    ['{ ConditionList(_reference: patient, _elements: "id") { id } }', 'fhir.graphql.argument-invalid'],
    ['{ name }', 'fhir.graphql.selection'],
    ['{ id { a } }', 'fhir.graphql.selection'],
    ['{ generalPractitioner { resource { id } } }', 'fhir.graphql.reference-broken'],
    ['{ name @flatten { family given @singleton } }', 'fhir.graphql.not-singleton'],
    ['{ id @nonsense }', 'fhir.graphql.directive-invalid'],
    ['{ name @slice { given } }', 'fhir.graphql.directive-invalid'],
    ['{ name(fhirpath: "((") { given } }', 'fhir.graphql.fhirpath-invalid'],
    ['{ ConditionList(_reference: nonsense) { id } }', 'fhir.search.parameter-unknown'],
  ]) {
    const answer = await ask(query as string, 'Patient/anna/')
    assert.equal(answer.status, 400, query)
    assert.equal(faultCode(answer), code, query)
    assert.ok(!answer.text.includes('Anna'))
  }
  assert.equal(faultCode(await client.get('$graphql')), 'fhir.graphql.query-missing')
  assert.equal(faultCode(await client.post('$graphql', { query: '{ id }', variables: [] })), 'fhir.graphql.variables')
  assert.equal(faultCode(await client.get('$graphql?query=%7Bid%7D&variables=%7B')), 'fhir.graphql.variables')
  assert.equal(faultCode(await ask('{ id }')), 'fhir.graphql.field-unknown')
  assert.equal(faultCode(await ask('{ Patient { id } }')), 'fhir.graphql.argument-invalid')
})

/** Told apart from the seconds that compiling once for each value took. */
const GAP_MS = 1_000

test('an expression is compiled once, pays for its length at each value, and leaves others their turn', async () => {
  const contact = Array.from({ length: 2_000 }, (_, at) => ({ name: { family: `F${at % 2}` } }))
  const put = await client.put('Patient/contacts', { resourceType: 'Patient', id: 'contacts', contact })
  assert.equal(put.status, 201, put.text)
  const [is, long] = ["name.family = 'F1'", Array.from({ length: 1_000 }, () => 'true').join(' and ')]
  for (const filter of ['contact(fhirpath: "$") { id }', 'contact @flatten @slice(path: "$") { id }']) {
    const gap = await longestGap(async () => {
      const answer = await ask(`{ ${filter.replace('"$"', `"${long}"`)} }`, 'Patient/contacts/')
      assert.deepEqual([answer.status, faultCode(answer)], [422, 'fhir.graphql.too-costly'], answer.text.slice(0, 200))
    })
    assert.ok(gap < GAP_MS, `nothing else ran for ${Math.round(gap)} ms`)
  }
  const short = dataOf(await ask(`{ contact(fhirpath: "${is}") { name { family } } }`, 'Patient/contacts/'))
  assert.equal(short.contact.length, 1_000)
  const sliced = dataOf(
    await ask('{ contact @flatten @slice(path: "name.family") { name { family } } }', 'Patient/contacts/'),
  )
  assert.equal(sliced['name.F1'].length, 1_000)
})

test('the expressions of a query are few and short, and share one budget', async () => {
  const names = (expressions: string[]): string =>
    `{ ${expressions.map((one, at) => `a${at}: name(fhirpath: "${one}") { family }`).join(' ')} }`
  const distinct = (length: number): string[] => Array.from({ length }, (_, at) => `use != 'u${at}'`)
  const wide = Array.from({ length: 900 }, () => 'true').join(' or ')
  assert.equal((await ask(names(distinct(20)), 'Patient/anna/')).status, 200)
  assert.equal((await ask(names(Array.from({ length: 50 }, () => 'true')), 'Patient/anna/')).status, 200)
  assert.equal((await ask(names([wide, 'false']), 'Patient/anna/')).status, 200)
  const every = '%resource.descendants().select(%resource.descendants().select(%resource.descendants())).count() > 0'
  assert.equal((await ask(names([every]), 'Patient/anna/')).status, 200)
  for (const expressions of [distinct(21), [wide, `${wide} `], Array.from({ length: 20 }, () => every)])
    assert.equal(faultCode(await ask(names(expressions), 'Patient/anna/')), 'fhir.graphql.too-costly')
})

test('brackets nested by the thousand are refused and overflow nothing', async () => {
  const n = 4_990
  for (const query of [
    `{ name(use: ${'['.repeat(n)}${']'.repeat(n)}) { family } }`,
    `${'{a'.repeat(n)}${'}'.repeat(n)}`,
    `{ name(use: ${'['.repeat(n)}`,
    `query ($x: ${'['.repeat(n)}Int${']'.repeat(n)}) { id }`,
  ]) {
    const answer = await ask(query, 'Patient/anna/')
    assert.deepEqual([answer.status, faultCode(answer)], [400, 'fhir.graphql.too-nested'], query.slice(0, 30))
  }
  // Brackets within a text are none.
  const text = await ask(`{ name(use: "${'['.repeat(n)}") { family } }`, 'Patient/anna/')
  assert.deepEqual(dataOf(text), {})
})

test('queries made to cost much end', async () => {
  const nested = (depth: number): string => (depth === 0 ? '{ url }' : `{ extension ${nested(depth - 1)} }`)
  const doubling = Array.from(
    { length: 19 },
    (_, at) => `fragment f${at} on Patient { ...f${at + 1} ...f${at + 1} }`,
  ).join(' ')
  // Every element, for every element, four times over.
  const every = (inner: string): string =>
    Array.from({ length: 4 }).reduce<string>((of) => `%resource.descendants().select(${of})`, inner)
  for (const query of [
    nested(25),
    `{ ...f0 } ${doubling} fragment f19 on Patient { id }`,
    '{ ...a } fragment a on Patient { ...a }',
    `{ name(fhirpath: "${every('1')}") { given } }`,
    `{ ${Array.from({ length: 501 }, (_, at) => `a${at}: ConditionList(_reference: patient, code: "${at}") { id }`).join(' ')} }`,
  ]) {
    const answer = await ask(query, 'Patient/anna/')
    assert.deepEqual([answer.status, faultCode(answer)], [422, 'fhir.graphql.too-costly'], query.slice(0, 80))
  }
  const long = await ask(`{ ${'id '.repeat(12_000)} }`, 'Patient/anna/')
  assert.equal(faultCode(long), 'fhir.graphql.syntax')
})
