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
let neighbour: TestClient
before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  neighbour = await server.client('system/*.cruds', server.tenants[1])
})
after(() => server.close())

const PATIENT = { resourceType: 'Patient', name: [{ family: 'a'.repeat(60) }] }

async function stored(...definitions: Json[]): Promise<void> {
  for (const one of definitions) assert.equal((await client.post(one.resourceType, one)).status, 201)
}

function against(url: string, resource: object = PATIENT): Promise<Answer> {
  return client.post(`Patient/$validate?profile=${url}`, resource)
}

const codes = ({ body }: Answer): string[] => body.issue.map(({ code }: Json) => code)

/** Others, and the same tenant with other profiles, are served as before. */
async function assertUnharmed(): Promise<void> {
  assert.equal((await neighbour.post('Patient/$validate', PATIENT)).status, 200)
  assert.equal((await client.post('Patient', PATIENT)).status, 201)
}

test('JSON nested 10,000 deep is refused before it is looked at', async () => {
  const deep = `{"resourceType":"Patient","extension":${'[{"extension":'.repeat(5_000)}1${'}]'.repeat(5_000)}}`
  const answer = await client.post('Patient/$validate', deep)
  assert.deepEqual([answer.status, faultCode(answer)], [400, 'fhir.json.too-deep'])
  await assertUnharmed()
})

test('profiles built on each other in a circle cannot be used, and that is said', async () => {
  const one = profile('circle-1', 'Patient', [], 'http://example.org/StructureDefinition/circle-2')
  const two = profile('circle-2', 'Patient', [], 'http://example.org/StructureDefinition/circle-1')
  await stored(one, two)
  const answer = await against(one.url)
  assert.equal(answer.status, 200)
  assert.ok(codes(answer).includes('processing'), answer.text)
  await assertUnharmed()
})

test('a profile that demands itself inside itself ends', async () => {
  const url = 'http://example.org/StructureDefinition/nested'
  const nested = profile('nested', 'Patient', [
    { path: 'Patient.contained', min: 1, type: [{ code: 'Patient', profile: [url] }] },
  ])
  await stored(nested)
  const answer = await against(url, { ...PATIENT, contained: [{ resourceType: 'Patient', id: 'a' }] })
  assert.equal(answer.status, 200)
  await assertUnharmed()
})

test('a pattern that never ends on JavaScript’s engine ends here', async () => {
  const pattern = profile('pattern', 'Patient', [
    { path: 'Patient', constraint: [constraint('evil-1', "name.family.matches('^(a+)+$|^(a|a)*b$')")] },
    {
      path: 'Patient.name.family',
      type: [
        {
          code: 'string',
          extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/regex', valueString: '(a+)+b' }],
        },
      ],
    },
  ])
  await stored(pattern)
  assert.equal((await against(pattern.url)).status, 200)
  await assertUnharmed()
})

test('an invariant that costs too much is a finding', async () => {
  const bomb = profile('bomb', 'Patient', [{ path: 'Patient', constraint: [constraint('bomb-1', BOMB)] }])
  await stored(bomb)
  const answer = await against(bomb.url, large(200))
  assert.equal(answer.status, 200)
  assert.ok(codes(answer).includes('too-costly'), answer.text)
  await assertUnharmed()
})

test('invariants that each just stay below the limit end together, and that is a finding', async () => {
  const constraints = Array.from({ length: 400 }, (_, index) => constraint(`slow-${index}`, SLOW))
  const bombs = profile('bombs', 'Patient', [{ path: 'Patient', constraint: constraints }])
  await stored(bombs)
  const answer = await against(bombs.url, large(120))
  assert.equal(answer.status, 200)
  assert.match(answer.text, /No further invariants were evaluated/)
  await assertUnharmed()
})

test('value sets that draw each other in, and a resource beyond the size, end with a clear answer', async () => {
  const set = (name: string, other: string): Json => ({
    resourceType: 'ValueSet',
    url: `http://example.org/${name}`,
    status: 'active',
    compose: { include: [{ valueSet: [`http://example.org/${other}`] }] },
  })
  const bound = profile('bound', 'Patient', [
    { path: 'Patient.maritalStatus', binding: { strength: 'required', valueSet: 'http://example.org/one' } },
  ])
  for (const one of [set('one', 'two'), set('two', 'one'), bound])
    assert.equal((await neighbour.post(one.resourceType, one)).status, 201)
  const married = { ...PATIENT, maritalStatus: { coding: [{ system: 'http://example.org/cs', code: 'a' }] } }
  assert.equal((await neighbour.post(`Patient/$validate?profile=${bound.url}`, married)).status, 200)
  const huge = { ...PATIENT, name: [{ family: 'a'.repeat(4 * 1024 * 1024) }] }
  const answer = await neighbour.post('Patient/$validate', huge)
  assert.deepEqual([answer.status, faultCode(answer)], [422, 'fhir.validate.too-costly'])
})

test('of very many findings the gravest are listed', async () => {
  const name = Array.from({ length: 600 }, () => ({ nonsense: 1 }))
  const answer = await neighbour.post('Patient/$validate', { resourceType: 'Patient', name })
  assert.equal(answer.status, 200)
  assert.ok(answer.body.issue.length <= 502)
  assert.ok(codes(answer).includes('too-costly'))
})

/** Every element, for every element, for every element. */
const BOMB =
  '%resource.descendants().select(%resource.descendants().select(%resource.descendants().count())).count() < 0'

/** Every element, for every element. */
const SLOW = '%resource.descendants().select(%resource.descendants().count()).count() < 0'

function constraint(key: string, expression: string): object {
  return { key, severity: 'error', human: 'It must cost too much.', expression }
}

function large(length: number): object {
  const name = Array.from({ length }, (_, index) => ({ family: `f${index}`, given: ['a', 'b', 'c'] }))
  return { ...PATIENT, name }
}
