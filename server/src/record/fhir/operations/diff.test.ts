import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { longestGap } from '../../../../../test/fixtures/longest-gap.ts'
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

before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  const observation = (value: string, more: string): string =>
    `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/anna"},"valueQuantity":{"value":${value},"unit":"kg"}${more}}`
  await client.put('Patient/anna', { resourceType: 'Patient', id: 'anna', name: [{ family: 'A' }] })
  await client.put('Patient/berta', { resourceType: 'Patient', id: 'berta', name: [{ family: 'B' }], active: true })
  await client.put('Observation/o', observation('1.5', ''))
  await client.put('Observation/o', observation('1.50', ',"note":[{"text":"n"}]'))
  await client.put('Observation/o', observation('2.0', ',"note":[{"text":"n"}]').replace('final', 'amended'))
})
after(() => server.close())

const shown = ({ body }: Answer): string[] =>
  (body.parameter ?? []).map(({ part }: Json) => `${part[0].valueCode} ${part[1].valueString}`)

test('what changed since the version before, and between two versions', async () => {
  assert.deepEqual(shown(await client.get('Observation/o/$diff')), [
    'replace Observation.status',
    'replace Observation.value.value',
  ])
  const first = await client.get('Observation/o/$diff?fromVersion=1&toVersion=2')
  assert.deepEqual(shown(first), ['replace Observation.value.value', 'add Observation'])
  assert.ok(first.text.includes('"valueDecimal":1.50'), 'numbers keep their written form')
})

test('the answer, sent as a patch to the first, makes the second', async () => {
  const patch = await client.get('$diff?from=Patient/anna&to=Patient/berta')
  await client.put('Patient/copy', { ...(await client.get('Patient/anna')).body, id: 'copy' })
  const patched = (await client.patch('Patient/copy', patch.body)).body
  const { name, active } = (await client.get('Patient/berta')).body
  assert.deepEqual([patched.name, patched.active], [name, active])
})

test('labels are compared when that is asked', async () => {
  await client.put('Basic/b', { resourceType: 'Basic', id: 'b', code: { text: 'x' } })
  await client.put('Basic/b', { resourceType: 'Basic', id: 'b', code: { text: 'x' }, meta: { tag: [{ code: 't' }] } })
  assert.deepEqual(shown(await client.get('Basic/b/$diff')), [])
  assert.deepEqual(shown(await client.get('Basic/b/$diff?includeMeta=true')), ['add Basic'])
})

test('the right to read is needed, of what the parameters name too', async () => {
  const few = await server.client('system/Observation.cruds system/Patient.cds')
  assert.equal((await few.get('Observation/o/$diff')).status, 200)
  assert.equal(faultCode(await few.get('$diff?from=Patient/anna&to=Patient/berta')), 'fhir.forbidden')
  assert.equal(faultCode(await few.get('Patient/anna/$diff')), 'fhir.forbidden')
  const neighbour = await server.client('system/*.cruds', server.tenants[1])
  assert.equal((await neighbour.get('$diff?from=Patient/anna&to=Patient/berta')).status, 404)
})

test('what cannot be compared is refused', async () => {
  for (const [path, code] of [
    ['$diff', 'fhir.diff.reference'],
    ['$diff?from=Patient/anna&to=nonsense', 'fhir.diff.reference'],
    ['$diff?from=Patient/anna&to=Patient/anna/_history/x', 'fhir.diff.reference'],
    ['Patient/anna/$diff?from=Patient/anna', 'fhir.diff.reference'],
    ['$diff?from=Patient/anna&to=Observation/o', 'fhir.diff.types-differ'],
    ['Patient/anna/$diff', 'fhir.diff.version-missing'],
    ['Patient/anna/$diff?fromVersion=-1', 'fhir.diff.version-missing'],
    ['$diff?from=Patient/anna&to=Patient/nobody', 'fhir.diff.version-missing'],
  ])
    assert.equal(faultCode(await client.get(path as string)), code, path)
})

test('the audit record names the patients of both', async () => {
  const answer = await client.get('$diff?from=Patient/anna&to=Patient/berta')
  const id = answer.headers.get('x-request-id')
  const [record] = (await server.audit({ action: 'operation' })).filter(({ requestId }) => requestId === id)
  assert.equal(record?.patients.length, 2)
})

test('versions that differ in everything are refused, and meanwhile others have their turn', async () => {
  const basic = (at: string): Json => ({
    resourceType: 'Basic',
    id: 'large',
    code: { text: 'x' },
    extension: Array.from({ length: 100_000 }, (_, index) => ({ url: `urn:${at}:${index}`, valueInteger: index })),
  })
  for (const version of ['a', 'b']) assert.ok((await client.put('Basic/large', basic(version))).status < 300)
  const gap = await longestGap(async () => {
    const answer = await client.get('Basic/large/$diff')
    assert.deepEqual([answer.status, faultCode(answer)], [422, 'fhir.diff.too-many'], answer.text.slice(0, 300))
  })
  assert.ok(gap < 1_000, `nothing else ran for ${Math.round(gap)} ms`)
})

test('differences larger than an answer may be are refused', async () => {
  const text = '\n'.repeat(1_000_000)
  for (const letter of ['a', 'b']) {
    const name = Array.from({ length: 5 }, () => ({ text: letter + text }))
    const put = await client.put('Patient/photos', { resourceType: 'Patient', id: 'photos', name })
    assert.ok(put.status < 300, put.text.slice(0, 300))
  }
  const answer = await client.get('Patient/photos/$diff')
  assert.deepEqual([answer.status, faultCode(answer)], [422, 'fhir.diff.too-large'], answer.text.slice(0, 300))
})
