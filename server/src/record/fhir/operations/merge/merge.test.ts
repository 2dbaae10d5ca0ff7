import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
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
let serial = 0

before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  neighbour = await server.client('system/*.cruds', server.tenants[1])
})
after(() => server.close())

const to = (reference: string): Json => ({ reference })
const numbers = '"valueQuantity":{"value":1.50}'

interface Scene {
  source: string
  target: string
}

/** Two patients with resources of each, and some that name both or the source beside another. */
async function scene(by = client): Promise<Scene> {
  const n = ++serial
  const names = { source: `s${n}`, target: `t${n}` }
  const observation = { resourceType: 'Observation', status: 'final', code: { text: 'x' } }
  const resources: Json[] = [
    { resourceType: 'Patient', id: names.source, active: true, name: [{ family: 'Source' }] },
    { resourceType: 'Patient', id: names.target, name: [{ family: 'Target' }] },
    {
      ...observation,
      id: `of-source-${n}`,
      subject: to(`Patient/${names.source}`),
      focus: [to(`Patient/${names.target}`)],
    },
    { ...observation, id: `of-target-${n}`, subject: to(`Patient/${names.target}`) },
    {
      ...observation,
      id: `focus-${n}`,
      subject: to(`Patient/${names.target}`),
      focus: [to(`Patient/${names.source}`)],
    },
    {
      resourceType: 'Group',
      id: `group-${n}`,
      type: 'person',
      actual: true,
      member: [{ entity: to(`Patient/${names.source}`) }],
    },
    { resourceType: 'Basic', id: `past-${n}`, code: { text: 'x' }, subject: to(`Patient/${names.source}/_history/1`) },
  ]
  for (const one of resources) {
    const answer = await by.put(`${one.resourceType}/${one.id}`, one)
    assert.equal(answer.status, 201, answer.text)
  }
  const exact = `{"resourceType":"Observation","id":"exact-${n}","status":"final","code":{"text":"x"},"subject":{"reference":"${server.fhirBase}/Patient/${names.source}"},${numbers}}`
  assert.equal((await by.put(`Observation/exact-${n}`, exact)).status, 201)
  return names
}

function merge({ source, target }: Scene, by = client, more: Json[] = []): Promise<Answer> {
  const parameter = [
    { name: 'source-patient', valueReference: to(`Patient/${source}`) },
    { name: 'target-patient', valueReference: to(`Patient/${target}`) },
    ...more,
  ]
  return by.post('Patient/$merge', { resourceType: 'Parameters', parameter })
}

const of = (answer: Answer, name: string): Json => answer.body.parameter.find((one: Json) => one.name === name)

async function subjects(query: string): Promise<string[]> {
  const answer = await client.get(`Observation?${query}&_count=100`)
  return ((answer.body.entry ?? []) as Json[]).map(({ resource }) => resource.id.replace(/-\d+$/, '')).toSorted()
}

test('what referred to the source refers to the target, under its key, and the source is replaced', async () => {
  const names = await scene()
  const { source, target } = names
  const answer = await merge(names)
  assert.equal(answer.status, 200, answer.text)
  assert.match(of(answer, 'outcome').resource.issue[0].details.text, /^Merged: 4 resources/)
  assert.deepEqual(of(answer, 'result').resource.link, [{ other: to(`Patient/${source}`), type: 'replaces' }])
  const left = (await client.get(`Patient/${source}`)).body
  assert.deepEqual([left.active, left.link], [false, [{ other: to(`Patient/${target}`), type: 'replaced-by' }]])
  assert.deepEqual(await subjects(`patient=${source}`), [])
  assert.deepEqual(await subjects(`patient=${target}`), ['exact', 'focus', 'of-source', 'of-target'])
  assert.deepEqual(await subjects(`focus=Patient/${source}`), [])
  assert.ok((await client.get(`Observation/exact-${serial}`)).text.includes(numbers), 'numbers keep their written form')
  assert.equal((await client.get(`Basic/past-${serial}`)).body.meta.versionId, '1', 'what names a version stays')
  const provenance = (await client.get(of(answer, 'provenance').valueReference.reference)).body
  assert.equal(provenance.target.length, 6)
  assert.equal(provenance.activity.coding[0].code, 'merge')
})

test('what was moved is sealed under the key of the target', async () => {
  const names = await scene()
  await merge(names)
  const { platform } = server
  const rows = await platform.database.query({
    text: 'select r.patient, count(*) from record.resource r where r.tenant = 1 group by 1 order by 2 desc',
  })
  const [id] = ((await client.get(`Patient/${names.target}`)).headers.get('x-request-id') ?? '').split(' ')
  const read = (await server.audit({ action: 'read' })).find(({ requestId }) => requestId === id)
  const [patient] = read?.patients ?? []
  // The target itself, and the four observations; the group and the provenance belong to nobody alone.
  assert.equal(rows.find(([owner]) => owner === patient)?.[1], 5)
})

test('unmerge puts everything back, also beside later changes', async () => {
  const names = await scene()
  const n = serial
  const merged = await merge(names)
  const { reference } = of(merged, 'provenance').valueReference
  const moved = (await client.get(`Observation/of-source-${n}`)).body
  await client.put(`Observation/of-source-${n}`, { ...moved, note: [{ text: 'later' }] })
  await client.delete(`Group/group-${n}`)
  assert.equal((await client.post(`${reference}/$salus-unmerge?preview=true`)).body.parameter[0].valueInteger, 3)
  assert.deepEqual(await subjects(`patient=${names.source}`), [])
  const answer = await client.post(`${reference}/$salus-unmerge`)
  assert.deepEqual([answer.status, answer.body.parameter?.[0].valueInteger], [200, 3], answer.text)
  assert.deepEqual(await subjects(`patient=${names.source}`), ['exact', 'of-source'])
  assert.deepEqual(await subjects(`patient=${names.target}`), ['focus', 'of-target'])
  const back = (await client.get(`Observation/of-source-${n}`)).body
  assert.deepEqual([back.note, back.focus], [[{ text: 'later' }], [to(`Patient/${names.target}`)]])
  const source = (await client.get(`Patient/${names.source}`)).body
  assert.deepEqual([source.active, source.link], [true, undefined])
  assert.equal((await client.get(`Patient/${names.target}`)).body.link, undefined)
})

test('a merge that was changed since is not undone by half', async () => {
  const names = await scene()
  const { reference } = of(await merge(names), 'provenance').valueReference
  await client.patch(`Observation/exact-${serial}`, [
    { op: 'replace', path: '/subject/reference', value: 'Patient/other' },
  ])
  const answer = await client.post(`${reference}/$salus-unmerge`)
  assert.deepEqual([answer.status, faultCode(answer)], [409, 'fhir.merge.changed-since'])
  assert.deepEqual(await subjects(`patient=${names.source}`), [])
})

test('a preview changes nothing', async () => {
  const names = await scene()
  const answer = await merge(names, client, [{ name: 'preview', valueBoolean: true }])
  assert.match(of(answer, 'outcome').resource.issue[0].details.text, /^A merge would change: 4 resources/)
  assert.equal(of(answer, 'provenance'), undefined)
  assert.equal((await client.get(`Patient/${names.source}`)).body.meta.versionId, '1')
})

test('merged again it takes what came in since; into another it is refused', async () => {
  const names = await scene()
  const other = await scene()
  await merge(names)
  await client.put('Observation/late', {
    resourceType: 'Observation',
    id: 'late',
    status: 'final',
    code: { text: 'x' },
    subject: to(`Patient/${names.source}`),
  })
  assert.match(of(await merge(names), 'outcome').resource.issue[0].details.text, /^Merged: 1 resources/)
  assert.equal(faultCode(await merge({ source: names.source, target: other.target })), 'fhir.merge.source-merged')
  assert.equal(faultCode(await merge({ source: other.source, target: names.source })), 'fhir.merge.target-merged')
})

test('the scopes of all that is changed are needed, or nothing is', async () => {
  const names = await scene()
  for (const scope of [
    'system/Patient.cruds system/Provenance.c system/Observation.cruds',
    'system/Patient.cruds system/*.r',
    'system/*.rs',
  ]) {
    const few = await server.client(scope)
    assert.equal(faultCode(await merge(names, few)), 'fhir.forbidden', scope)
  }
  assert.equal((await client.get(`Patient/${names.source}`)).body.meta.versionId, '1')
  const { reference } = of(await merge(names), 'provenance').valueReference
  const few = await server.client('system/Provenance.cruds system/Patient.cruds system/Observation.r')
  assert.equal(faultCode(await few.post(`${reference}/$salus-unmerge`)), 'fhir.forbidden')
})

test('of another tenant nothing is merged', async () => {
  const names = await scene()
  const theirs = await scene(neighbour)
  assert.equal(faultCode(await merge(names, neighbour)), 'fhir.store.not-found')
  assert.equal(faultCode(await merge({ source: names.source, target: theirs.target })), 'fhir.store.not-found')
})

test('what cannot be merged is refused', async () => {
  const names = await scene()
  assert.equal(faultCode(await merge({ source: names.source, target: names.source })), 'fhir.merge.patients')
  assert.equal(faultCode(await merge({ source: 'a/b', target: names.target })), 'fhir.merge.patients')
  assert.equal(faultCode(await client.post('Patient/$merge')), 'fhir.merge.patients')
  assert.equal(faultCode(await merge({ source: names.source, target: 'nobody' })), 'fhir.store.not-found')
  const plain = {
    resourceType: 'Provenance',
    target: [to('Patient/x')],
    recorded: '2020-01-01T00:00:00Z',
    agent: [{ who: { display: 'x' } }],
  }
  const made = (await client.post('Provenance', plain)).body
  assert.equal(faultCode(await client.post(`Provenance/${made.id}/$salus-unmerge`)), 'fhir.merge.not-a-merge')
  const entry = Array.from({ length: 2_001 }, () => ({
    resource: { resourceType: 'Basic', code: { text: 'x' }, subject: to(`Patient/${names.source}`) },
    request: { method: 'POST', url: 'Basic' },
  }))
  assert.equal((await client.post('', { resourceType: 'Bundle', type: 'transaction', entry })).status, 200)
  assert.equal(faultCode(await merge(names)), 'fhir.merge.too-large')
})

test('a merge beside writes to the same resources loses none of them', async () => {
  const names = await scene()
  const n = serial
  const patches = Array.from({ length: 5 }, (_, at) =>
    client.patch(`Observation/of-source-${n}`, [{ op: 'add', path: '/note', value: [{ text: `n${at}` }] }]),
  )
  const [merged, ...written] = await Promise.all([merge(names), ...patches])
  assert.ok(written.every(({ status }) => status === 200))
  assert.ok(merged.status === 200 || faultCode(merged) === 'fhir.write.version-differs', merged.text)
  const observation = (await client.get(`Observation/of-source-${n}`)).body
  assert.equal(observation.subject.reference, `Patient/${merged.status === 200 ? names.target : names.source}`)
  assert.equal(observation.note.length, 1)
})

test('the audit names both patients', async () => {
  const answer = await merge(await scene())
  const id = answer.headers.get('x-request-id')
  const records = (await server.audit()).filter(({ requestId }) => requestId === id)
  assert.deepEqual(records.map(({ action }) => action).toSorted(), ['operation', 'transaction'])
  assert.ok(records.every(({ patients }) => patients.length >= 2))
})

test('a resource that names the source by the thousand is moved and put back, without a stop', async () => {
  const names = await scene()
  const n = serial
  const member = Array.from({ length: 4_000 }, () => ({ entity: to(`Patient/${names.source}`) }))
  const group = `{"resourceType":"Group","id":"many-${n}","type":"person","actual":true,"characteristic":[{"code":{"text":"c"},${numbers},"exclude":false}],"member":${JSON.stringify(member)}}`
  assert.equal((await client.put(`Group/many-${n}`, group)).status, 201)
  const merged = await merge(names)
  assert.equal(merged.status, 200, merged.text)
  const count = (text: string, id: string): number => text.split(`"Patient/${id}"`).length - 1
  const moved = (await client.get(`Group/many-${n}`)).text
  assert.deepEqual([count(moved, names.source), count(moved, names.target)], [0, 4_000])
  assert.ok(moved.includes(numbers), 'numbers keep their written form')
  const gap = await longestGap(async () => {
    const answer = await client.post(`${of(merged, 'provenance').valueReference.reference}/$salus-unmerge`)
    assert.equal(answer.status, 200, answer.text)
  })
  const back = (await client.get(`Group/many-${n}`)).text
  assert.deepEqual([count(back, names.source), count(back, names.target)], [4_000, 0])
  assert.ok(back.includes(numbers), 'numbers keep their written form')
  // Told apart from the seconds that walking the resource once for each reference took.
  assert.ok(gap < 1_000, `nothing else ran for ${Math.round(gap)} ms`)
})

test('numbers beside many references in one element keep their written form', async () => {
  const names = await scene()
  const n = serial
  const item = Array.from({ length: 600 }, (_, at) => ({
    linkId: `i${at}`,
    answer: [{ valueReference: to(`Patient/${names.source}`) }],
  }))
  const response = `{"resourceType":"QuestionnaireResponse","id":"many-${n}","status":"completed","item":[{"linkId":"q","answer":[{${numbers}}]},${JSON.stringify(item).slice(1, -1)}],"source":{"reference":"Patient/${names.source}"}}`
  assert.equal((await client.put(`QuestionnaireResponse/many-${n}`, response)).status, 201)
  const merged = await merge(names)
  assert.equal(merged.status, 200, merged.text)
  const { text } = await client.get(`QuestionnaireResponse/many-${n}`)
  assert.ok(text.includes(numbers) && !text.includes(`Patient/${names.source}"`), text.slice(0, 400))
})

test('what only a search parameter of the tenant knows to refer to the source is moved too', async () => {
  const names = await scene()
  const n = serial
  const url = 'http://example.org/witness'
  const parameter = {
    resourceType: 'SearchParameter',
    url: `http://example.org/SearchParameter/witness-${n}`,
    name: 'witness',
    status: 'active',
    description: 'who saw it',
    code: 'witness',
    base: ['Basic'],
    type: 'reference',
    target: ['Patient'],
    expression: `Basic.extension.where(url = '${url}').value.as(Reference)`,
  }
  const created = await client.post('SearchParameter', parameter)
  assert.equal(created.status, 201, created.text)
  for (const end = performance.now() + 60_000; ; await sleep(200)) {
    const { body } = await client.get(`SearchParameter/${created.body.id}/$salus-reindex-state`)
    if (body.parameter?.[0]?.valueCode === 'ready') break
    assert.ok(performance.now() < end, 'the search parameter did not become ready')
  }
  const basic = {
    resourceType: 'Basic',
    id: `seen-${n}`,
    code: { text: 'x' },
    extension: [{ url, valueReference: to(`Patient/${names.source}`) }],
  }
  assert.equal((await client.put(`Basic/seen-${n}`, basic)).status, 201)
  assert.match(of(await merge(names), 'outcome').resource.issue[0].details.text, /^Merged: 5 resources/)
  const moved = (await client.get(`Basic/seen-${n}`)).body
  assert.equal(moved.extension[0].valueReference.reference, `Patient/${names.target}`)
})

test('the answer repeats what was understood, and nothing that came beside it', async () => {
  const names = await scene()
  const parameter = [
    { name: 'source-patient', valueReference: { ...to(`Patient/${names.source}`), secret: 'x' } },
    { name: 'target-patient', valueReference: to(`Patient/${names.target}`) },
    { name: 'preview', valueBoolean: true },
  ]
  const answer = await client.post('Patient/$merge', { resourceType: 'Parameters', parameter })
  assert.equal(answer.status, 200, answer.text)
  assert.ok(!answer.text.includes('secret'))
  assert.deepEqual(of(answer, 'input').resource.parameter, [
    { name: 'source-patient', valueReference: to(`Patient/${names.source}`) },
    { name: 'target-patient', valueReference: to(`Patient/${names.target}`) },
    { name: 'preview', valueBoolean: true },
  ])
})
