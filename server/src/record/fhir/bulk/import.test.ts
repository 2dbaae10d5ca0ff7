import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { ASYNC, ended, kickOff, linesOf } from '../../../../../test/fixtures/bulk.ts'
import {
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'

const NDJSON = { 'content-type': 'application/fhir+ndjson' }

let files: Server
/** Connections to files that never come to an end of a line. */
let trickling = 0
/** Sends the second half of the file that comes in two. */
let sendRest: (() => void) | undefined
let address: string
/** What lies on the file server, by path. */
const content = new Map<string, string>()
let server: TestServer
let all: TestClient

before(async () => {
  files = createServer((request, response) => {
    const found = content.get(request.url ?? '')
    if (request.url === '/halves') {
      response.write(`${text(...hundred('first'))}\n`)
      sendRest = () => response.end(text(...hundred('second')))
    } else if (request.url === '/trickle') {
      trickling++
      const timer = setInterval(() => response.write(' '), 200)
      response.on('close', () => {
        clearInterval(timer)
        trickling--
      })
    } else if (request.url === '/moved') response.writeHead(302, { location: '/patients' }).end()
    else if (found === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': 'application/fhir+ndjson' }).end(found)
  })
  await new Promise<void>((listening) => files.listen(0, '127.0.0.1', listening))
  address = `127.0.0.1:${(files.address() as AddressInfo).port}`
  server = await startTestServer({ environment: { SALUS_IMPORT_ALLOW: address } })
  all = await server.client()
})
after(async () => {
  await server.close()
  files.closeAllConnections()
  files.close()
})

const patient = (id: string | undefined, family: string): Json => ({
  resourceType: 'Patient',
  ...(id === undefined ? {} : { id }),
  name: [{ family }],
})
const text = (...resources: Json[]): string =>
  resources.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n')

/** As many as one commit stores. */
const hundred = (family: string): Json[] =>
  Array.from({ length: 100 }, (_, index) => patient(`${family}-${index}`, family))

const outcomes = (lines: Json[]): [string, string][] =>
  lines.map(({ issue }) => [issue[0].details.coding[0].code, issue[0].diagnostics.split(':')[0]])

test('an upload: resources with ids are put, others created, and what is refused is told by its line without its content', async () => {
  const marker = 'Zyxmarkername'
  const upload = text(
    patient('up-1', 'One'),
    patient(undefined, 'Created'),
    '',
    `{"resourceType":"Patient","name":[{"family":"${marker}"}`,
    { resourceType: 'Observation', id: 'up-o', status: marker, code: { text: 'x' } },
    {
      resourceType: 'Observation',
      id: 'up-o2',
      status: 'final',
      code: { text: 'x' },
      subject: { reference: 'Patient/up-1' },
    },
    { resourceType: 'AuditEvent', id: 'forged' },
    patient('up-1', 'Two'),
  )
  const location = await kickOff(all, '$import', upload, NDJSON)
  const { status, body } = await ended(all, location)
  assert.equal(status, 200)
  assert.deepEqual(body.extension, { stored: 4, refused: 3 })
  assert.deepEqual(body.output, [{ count: 4 }])
  const [kept] = await server.platform.database.query({
    text: 'select count(*) from record.bulk_chunk where lease = 0',
  })
  assert.deepEqual(kept, [0], 'the upload is not kept when it is stored')
  const errors = await linesOf(all, body.error)
  assert.deepEqual(
    outcomes(errors).map(([, where]) => where),
    ['Input 1, line 4', 'Input 1, line 5', 'Input 1, line 7'],
  )
  assert.ok(!JSON.stringify(errors).includes(marker), 'no content in the errors')
  assert.equal((await all.get('Patient/up-1')).body.name[0].family, 'Two')
  assert.equal((await all.get('Observation/up-o2')).status, 200)
  assert.equal((await all.get('Observation/up-o')).status, 404)
  assert.equal((await all.get('Patient?name=Created&_total=accurate')).body.total, 1)
})

test('a line of more than 16 MB is passed over, and the next is stored', async () => {
  const upload = `${'x'.repeat(16 * 1024 * 1024 + 1)}\n${JSON.stringify(patient('behind', 'Behind'))}`
  const { body } = await ended(all, await kickOff(all, '$import', upload, NDJSON))
  assert.deepEqual(outcomes(await linesOf(all, body.error)), [['fhir.bulk.line-too-long', 'Input 1, line 1']])
  assert.equal((await all.get('Patient/behind')).status, 200)
})

test('a manifest, as JSON and as Parameters: files are fetched, and counts and errors are told', async () => {
  content.set('/patients', text(patient('m-1', 'A'), patient('m-2', 'B')))
  content.set('/mixed', text(patient('m-3', 'C'), { resourceType: 'Basic', id: 'x', code: { text: 'x' } }))
  const input = ['patients', 'mixed'].map((path) => ({ type: 'Patient', url: `http://${address}/${path}` }))
  const manifest = {
    inputFormat: 'application/fhir+ndjson',
    inputSource: 'https://example.org',
    storageDetail: { type: 'https' },
    input,
  }
  const { status, body } = await ended(all, await kickOff(all, '$import', manifest))
  assert.equal(status, 200)
  assert.deepEqual(body.output, [
    { type: 'Patient', inputUrl: input[0]?.url, count: 2 },
    { type: 'Patient', inputUrl: input[1]?.url, count: 1 },
  ])
  assert.deepEqual(outcomes(await linesOf(all, body.error)), [['fhir.bulk.type-differs', 'Input 2, line 2']])
  for (const id of ['m-1', 'm-2', 'm-3']) assert.equal((await all.get(`Patient/${id}`)).status, 200)
  content.set('/more', text(patient('m-4', 'D')))
  const parameter = [
    { name: 'inputFormat', valueCode: 'application/fhir+ndjson' },
    {
      name: 'input',
      part: [
        { name: 'type', valueCode: 'Patient' },
        { name: 'url', valueUri: `http://${address}/more` },
      ],
    },
  ]
  const second = await ended(all, await kickOff(all, '$import', { resourceType: 'Parameters', parameter }))
  assert.deepEqual([second.status, second.body.output[0].count], [200, 1])
})

async function until(holds: () => boolean, ms: number): Promise<boolean> {
  const began = Date.now()
  while (!holds() && Date.now() - began < ms) await new Promise((resolve) => setTimeout(resolve, 50))
  return holds()
}

test('a file that never comes to the end of a line holds up no other import once its job is deleted', async () => {
  const own = await server.client()
  const url = `http://${address}/trickle`
  const stuck = await kickOff(own, '$import', { input: [{ type: 'Patient', url }] })
  assert.ok(await until(() => trickling === 1, 10_000), 'it is being fetched')
  const waiting = await kickOff(all, '$import', text(patient('waiting', 'W')), NDJSON)
  assert.equal((await own.delete(stuck)).status, 202)
  assert.ok(await until(() => trickling === 0, 15_000), 'nobody goes on fetching for a job that is gone')
  assert.equal((await ended(all, waiting)).status, 200)
  assert.equal((await all.get('Patient/waiting')).status, 200)
})

test('an address that may not be fetched, a redirect and an answer that is no file end the job', async () => {
  const refusedWith = async (url: string): Promise<string | undefined> => {
    const own = await server.client()
    const answer = await ended(own, await kickOff(own, '$import', { input: [{ type: 'Patient', url }] }))
    assert.equal(answer.status, 500)
    return faultCode(answer)
  }
  assert.equal(await refusedWith('https://127.0.0.1:1/x'), 'kernel.outbound.address-refused')
  assert.equal(await refusedWith('https://[::1]/x'), 'kernel.outbound.address-refused')
  assert.equal(await refusedWith(`http://${address}/moved`), 'kernel.outbound.answer-refused')
  assert.equal(await refusedWith(`http://${address}/nothing`), 'kernel.outbound.answer-refused')
})

test('what is refused at the kick-off', async () => {
  const code = async (client: TestClient, body: unknown, headers: Record<string, string> = {}) =>
    faultCode(await client.post('$import', body, { ...ASYNC, ...headers }))
  const input = [{ type: 'Patient', url: 'https://example.org/x' }]
  assert.equal(await code(all, {}), 'fhir.bulk.manifest-malformed')
  assert.equal(await code(all, { input: [] }), 'fhir.bulk.manifest-malformed')
  assert.equal(
    await code(all, { input: [{ type: 'Nothing', url: 'https://example.org' }] }),
    'fhir.bulk.parameter-invalid',
  )
  assert.equal(await code(all, { input: [{ type: 'Patient', url: 'x' }] }), 'fhir.bulk.parameter-invalid')
  assert.equal(
    await code(all, { input: [{ type: 'Patient', url: 'file:///etc/passwd' }] }),
    'fhir.bulk.parameter-invalid',
  )
  assert.equal(await code(all, { inputFormat: 'text/csv', input }), 'fhir.bulk.parameter-invalid')
  assert.equal(faultCode(await all.post('$import', { input })), 'fhir.bulk.async-only')
  assert.equal(faultCode(await all.get('$import', ASYNC)), 'fhir.http.method')
  assert.equal(faultCode(await all.post('Patient/$import', { input }, ASYNC)), 'fhir.operation.unknown')
  const reader = await server.client('system/*.rs')
  assert.equal(await code(reader, { input }), 'fhir.forbidden')
  assert.equal(await code(reader, text(patient('n', 'N')), NDJSON), 'fhir.forbidden')
})

test('lines of types that the token may not write are refused one by one, and the refusal is audited', async () => {
  const narrow = await server.client('system/Patient.cruds')
  const upload = text(patient('s-1', 'S'), { resourceType: 'Basic', id: 's-2', code: { text: 'x' } })
  const { body } = await ended(narrow, await kickOff(narrow, '$import', upload, NDJSON))
  assert.deepEqual(body.extension, { stored: 1, refused: 1 })
  assert.deepEqual(outcomes(await linesOf(narrow, body.error)), [['fhir.forbidden', 'Input 1, line 2']])
  const refusals = (await server.audit({ action: 'refusal' })).filter(({ client }) => client === narrow.id)
  assert.equal(refusals.length, 1)
  assert.equal((await all.get('Basic/s-2')).status, 404)
})

test('the import of a client that is disabled while it runs stores nothing more, and is gone', async () => {
  const own = await server.client()
  const job = await kickOff(own, '$import', { input: [{ type: 'Patient', url: `http://${address}/halves` }] })
  const stored = async (family: string): Promise<number> =>
    (await all.get(`Patient?name=${family}&_total=accurate&_summary=count`)).body.total
  for (let waited = 0; waited < 100 && (await stored('first')) < 100; waited++)
    await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal(await stored('first'), 100)
  await server.platform.identity.disableClient(own.id)
  sendRest?.()
  const database = server.platform.database
  const jobs = async (): Promise<number> => {
    const text = 'select count(*) from record.bulk_job where client = $1 and state <> 4'
    return (await database.query({ text }, [own.id]))[0]?.[0] as number
  }
  for (let waited = 0; waited < 100 && (await jobs()) > 0; waited++)
    await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal(await jobs(), 0)
  assert.equal(await stored('second'), 0)
  // Its token is dead as well.
  assert.equal((await own.get(job)).status, 401)
})
