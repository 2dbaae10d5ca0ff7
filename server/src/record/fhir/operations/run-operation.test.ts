import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type Answer,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'
import { openDetail } from '../rest/audit-detail.ts'

let server: TestServer
let client: TestClient

before(async () => {
  server = await startTestServer()
  client = await server.client()
  await client.put('Patient/anna', { resourceType: 'Patient', id: 'anna', name: [{ family: 'Lind' }] })
})
after(() => server.close())

/** What the audit of an answer's request keeps sealed of the question; checks that it is sealed. */
async function questionsOf(answer: Answer): Promise<string[]> {
  const id = answer.headers.get('x-request-id')
  const records = (await server.audit({ action: 'operation' })).filter(({ requestId }) => requestId === id)
  return records.map(({ detail }) => {
    assert.ok(detail)
    assert.doesNotMatch(detail.toString('latin1'), /Lind|Nobody|anna/)
    return openDetail(server.platform.vault, 1, detail)
  })
}

const parameters = (...parameter: Json[]): Json => ({ resourceType: 'Parameters', parameter })
const nobody = { resourceType: 'Patient', name: [{ family: 'Nobody' }], birthDate: '1980-01-01' }

test('a question by POST that finds nobody leaves what was asked, sealed', async () => {
  const patients = parameters({ name: 'subject', valueString: 'Patient/anna' }, { name: 'code', valueString: 'x' })
  for (const [path, body, asked] of [
    ['$graphql', { query: '{ PatientList(family: "Nobody") { id } }' }, 'PatientList(family: \\"Nobody\\")'],
    ['Patient/$match', parameters({ name: 'resource', resource: nobody }), '"family":"Nobody"'],
    ['Observation/$lastn', patients, 'Patient/anna'],
    ['DocumentReference/$docref', parameters({ name: 'patient', valueId: 'anna' }), 'anna'],
    [
      '$diff',
      parameters({ name: 'from', valueString: 'Patient/anna' }, { name: 'to', valueString: 'Patient/anna' }),
      'Patient/anna',
    ],
    ['Patient/anna/$everything', parameters({ name: '_type', valueString: 'Observation' }), 'Observation'],
  ] as const) {
    const answer = await client.post(path, body)
    assert.equal(answer.status, 200, answer.text)
    const [question, ...more] = await questionsOf(answer)
    assert.ok(question?.startsWith(`${path.slice(path.indexOf('$'))} `) && question.includes(asked), question)
    assert.deepEqual(more, [])
  }
})

test('so does one that is refused after it was looked at', async () => {
  const answer = await client.post('$graphql', {
    query: '{ Patient(id: anna) { name { family @singleton } id { x } } }',
  })
  assert.equal(answer.status, 400)
  assert.match((await questionsOf(answer))[0] ?? '', /Patient\(id: anna\)/)
})

test('a question by GET is there once, and a long one as its digest', async () => {
  const got = await client.get(`$graphql?query=${encodeURIComponent('{ PatientList { id } }')}`)
  assert.deepEqual(await questionsOf(got), [`$graphql?query=${encodeURIComponent('{ PatientList { id } }')}`])
  const contact = [{ name: { text: 'Nobody'.repeat(1_000) } }]
  const long = parameters({ name: 'resource', resource: { ...nobody, contact } })
  const [question = ''] = await questionsOf(await client.post('Patient/$match', long))
  assert.match(question, /^\$match sha256:[0-9a-f]{64} of \d+ characters$/)
  const [again] = await questionsOf(await client.post('Patient/$match', long))
  assert.equal(again, question)
})

test('what is sent to be checked is no question, and not kept', async () => {
  const answer = await client.post('Patient/$validate', nobody)
  assert.equal(answer.status, 200)
  assert.deepEqual(await questionsOf(answer), ['$validate'])
})
