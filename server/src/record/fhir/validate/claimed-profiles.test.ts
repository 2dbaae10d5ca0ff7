import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { profile } from '../../../../../test/fixtures/profiles.ts'
import {
  type Answer,
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'
import { claimsChecker } from './claimed-profiles.ts'
import { type ValidationPolicy, writePolicy } from './store.ts'

let server: TestServer
let client: TestClient
const BORN = profile('born', 'Patient', [{ path: 'Patient.birthDate', min: 1 }])
before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  assert.equal((await client.post('StructureDefinition', BORN)).status, 201)
})
after(() => server.close())

const SYSTEM = 'https://salus.health/fhir/validation'
const claiming = (url: string, more: object = {}): Json => ({
  resourceType: 'Patient',
  meta: { profile: [url] },
  ...more,
})
const tagsOf = ({ body }: Answer): string[] =>
  (body.meta?.tag ?? []).filter(({ system }: Json) => system === SYSTEM).map(({ code }: Json) => code)

/** Set it as the command does, and wait until the running server has noticed: it shows in what it does with an unsound resource. */
async function setPolicy(policy: ValidationPolicy, tenant = 1): Promise<void> {
  await writePolicy(server.platform.database, { tenant, policy, since: 0 })
  const probe = await server.client('system/*.cruds', tenant)
  const unsound = claiming('http://example.org/unknown')
  for (;;) {
    const answer = await probe.post('Patient', unsound)
    const seen = answer.status === 422 ? 'reject' : tagsOf(answer).length > 0 ? 'tag' : 'accept'
    if (seen === policy) return
    await sleep(50)
  }
}

test('accept: claims are not checked, and tags are the client’s', async () => {
  const stored = await client.post('Patient', claiming(BORN.url, { gender: 'male' }))
  assert.equal(stored.status, 201)
  assert.deepEqual(tagsOf(stored), [])
})

test('accept: a write waits for nothing and looks nothing up', () => {
  const check = claimsChecker({
    policies: { of: () => 'accept', close: () => Promise.resolve() },
    checks: { of: () => assert.fail('no definitions are looked at') },
    clock: { now: () => assert.fail(), monotonic: () => assert.fail() },
  })
  const caller = { tenant: 1 } as Parameters<typeof check>[0]['caller']
  assert.equal(check({ caller, requests: [], drafts: [] }), undefined)
})

test('tag: each version says how it did, whoever wrote what before', async () => {
  await setPolicy('tag')
  const failed = await client.post('Patient', claiming(BORN.url))
  assert.equal(failed.status, 201)
  assert.deepEqual(tagsOf(failed), ['profile-failed'])
  const { id, meta } = failed.body
  const mended = await client.put(`Patient/${id}`, { ...claiming(BORN.url), id, meta, birthDate: '1980' })
  assert.deepEqual(tagsOf(mended), ['profile-passed'])
  const patched = await client.patch(`Patient/${id}`, [{ op: 'remove', path: '/birthDate' }])
  assert.equal(patched.status, 200)
  assert.deepEqual(tagsOf(await client.get(`Patient/${id}`)), ['profile-failed'])
  assert.deepEqual(tagsOf(await client.post('Patient', claiming('http://example.org/none'))), ['profile-unchecked'])
  const lie = { resourceType: 'Patient', meta: { tag: [{ system: SYSTEM, code: 'profile-passed' }, { code: 'kept' }] } }
  const plain = await client.post('Patient', lie)
  assert.deepEqual(plain.body.meta.tag, [{ code: 'kept' }])
  const found = await client.get(`Patient?_tag=${SYSTEM}|profile-failed&_id=${id}`)
  assert.equal(found.body.entry.length, 1)
})

test('tag: numbers keep the form they were written in', async () => {
  const written = `{"resourceType":"Observation","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/Observation"]},"status":"final","code":{"text":"x"},"valueQuantity":{"value":1.50}}`
  const stored = await client.post('Observation', written)
  assert.match(stored.text, /"value":1\.50/)
  assert.deepEqual(tagsOf(stored), ['profile-passed'])
})

test('reject: what does not conform, or claims what is not known, is refused with the reasons; the rest is stored', async () => {
  await setPolicy('reject')
  const refused = await client.post('Patient', claiming(BORN.url, { name: [{ family: 'Secretname' }] }))
  assert.equal(refused.status, 422)
  assert.equal(faultCode(refused), 'fhir.validate.required')
  assert.deepEqual(refused.body.issue[0].expression, ['Patient'])
  assert.doesNotMatch(refused.text, /Secretname/)
  const unknown = await client.post('Patient', claiming('http://example.org/none'))
  assert.equal(unknown.status, 422)
  assert.deepEqual(unknown.body.issue[0].expression, ['Patient.meta.profile[0]'])
  assert.equal((await client.post('Patient', { resourceType: 'Patient' })).status, 201)
  const sound = await client.post('Patient', claiming(BORN.url, { birthDate: '1980' }))
  assert.equal(sound.status, 201)
  assert.deepEqual(tagsOf(sound), [])
  const { id } = sound.body
  const patch = [{ op: 'remove', path: '/birthDate' }]
  assert.equal((await client.patch(`Patient/${id}`, patch)).status, 422)
  const blind = await server.client('system/Patient.u')
  const untold = await blind.patch(`Patient/${id}`, patch)
  assert.deepEqual([untold.status, faultCode(untold)], [422, 'fhir.validate.profile-not-met'])
  assert.equal((await client.put(`Patient/${id}`, { ...claiming(BORN.url), id })).status, 422)
  assert.equal((await client.get(`Patient/${id}`)).body.birthDate, '1980')
  assert.equal((await client.delete(`Patient/${id}`)).status, 204)
})

test('a profile whose invariant cannot be evaluated is never passed: unchecked under tag, refused under reject', async () => {
  const constraint = [{ key: 'odd-1', severity: 'error', human: 'Odd.', expression: 'name.exists( and' }]
  const odd = profile('odd', 'Patient', [{ path: 'Patient', constraint }])
  assert.equal((await client.post('StructureDefinition', odd)).status, 201)
  const named = claiming(odd.url, { name: [{ family: 'Secretname' }] })
  const refused = await client.post('Patient', named)
  assert.equal(refused.status, 422)
  assert.match(refused.text, /odd-1 could not be evaluated: FHIRPath syntax error at position 13/)
  assert.doesNotMatch(refused.text, /Secretname/)
  await setPolicy('tag')
  assert.deepEqual(tagsOf(await client.post('Patient', named)), ['profile-unchecked'])
  await setPolicy('reject')
})

test('reject: a transaction is refused as a whole with the entry named, a batch by entry', async () => {
  const bundle = (type: string): Json => ({
    resourceType: 'Bundle',
    type,
    entry: [
      { request: { method: 'POST', url: 'Observation' }, resource: observation },
      { request: { method: 'POST', url: 'Patient' }, resource: claiming(BORN.url) },
    ],
  })
  const observation = { resourceType: 'Observation', status: 'final', code: { text: 'only here' } }
  const refused = await client.post('', bundle('transaction'))
  assert.equal(refused.status, 422)
  assert.deepEqual(refused.body.issue[0].expression, ['Bundle.entry[1].resource'])
  assert.equal((await client.get('Observation?_summary=count')).body.total, 1)
  const batch = await client.post('', bundle('batch'))
  assert.deepEqual(
    batch.body.entry.map(({ response }: Json) => response.status),
    ['201', '422'],
  )
})

test('reject: entries of one transaction are seen as the targets of references', async () => {
  const target = 'http://example.org/StructureDefinition/born'
  const seen = profile('of-born', 'Condition', [
    { path: 'Condition.subject', type: [{ code: 'Reference', targetProfile: [target] }] },
  ])
  assert.equal((await client.post('StructureDefinition', seen)).status, 201)
  const urn = 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0'
  const send = (birthDate: object): Promise<Answer> =>
    client.post('', {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        {
          fullUrl: urn,
          request: { method: 'POST', url: 'Patient' },
          resource: { resourceType: 'Patient', ...birthDate },
        },
        {
          request: { method: 'POST', url: 'Condition' },
          resource: { resourceType: 'Condition', meta: { profile: [seen.url] }, subject: { reference: urn } },
        },
      ],
    })
  assert.equal((await send({ birthDate: '1980' })).status, 200)
  const refused = await send({})
  assert.equal(refused.status, 422)
  assert.deepEqual(refused.body.issue[0].expression, ['Bundle.entry[1].resource.subject'])
})

test('reject: what many send at once right after a definition was stored is refused like what comes alone', async () => {
  const url = 'http://example.org/StructureDefinition/flag'
  const flag = {
    ...profile('flag', 'Extension', [
      { path: 'Extension.url', fixedUri: url },
      { path: 'Extension.value[x]', min: 1, type: [{ code: 'boolean' }] },
    ]),
    kind: 'complex-type',
    context: [{ type: 'element', expression: 'Patient' }],
  }
  assert.equal((await client.post('StructureDefinition', flag)).status, 201)
  const bad = claiming('http://hl7.org/fhir/StructureDefinition/Patient', { extension: [{ url, valueString: 'no' }] })
  for (let round = 0; round < 5; round++) {
    assert.equal((await client.post('StructureDefinition', profile(`touch-${round}`, 'Patient', []))).status, 201)
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.post('Patient', bad)))
    assert.deepEqual(
      answers.map(({ status }) => status),
      answers.map(() => 422),
    )
  }
})

test('the modes create and update of $validate foretell what reject refuses', async () => {
  const asked = (mode: string): Promise<Answer> =>
    client.post(`Patient/$validate?mode=${mode}`, { ...claiming('http://example.org/none'), id: 'a' })
  for (const mode of ['create', 'update'])
    assert.ok((await asked(mode)).body.issue.some(({ severity }: Json) => severity === 'error'))
  const plain = await client.post('Patient/$validate', claiming('http://example.org/none'))
  assert.ok(plain.body.issue.every(({ severity }: Json) => severity !== 'error'))
})

test('a policy is its tenant’s own, ends when it is taken back, and holds from the first write of a new process', async () => {
  const stranger = await server.client('system/*.cruds', server.tenants[1])
  assert.equal((await stranger.post('Patient', claiming(BORN.url))).status, 201)
  const fresh = client.at(await server.another())
  assert.equal((await fresh.post('Patient', claiming(BORN.url))).status, 422)
  await setPolicy('accept')
  assert.equal((await client.post('Patient', claiming(BORN.url))).status, 201)
})
