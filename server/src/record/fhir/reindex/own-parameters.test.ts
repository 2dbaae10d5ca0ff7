import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { typeNumber } from '@salus/fhir-model'
import {
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient
let stranger: TestClient

const READY_MS_MAX = 60_000

before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  stranger = await server.client('system/*.cruds', server.tenants[1])
})
after(() => server.close())

const parameter = (code: string, more: object = {}): Json => ({
  resourceType: 'SearchParameter',
  url: `http://example.org/SearchParameter/${code}`,
  name: code,
  status: 'active',
  description: code,
  code,
  base: ['Patient'],
  type: 'token',
  expression: 'Patient.maritalStatus',
  ...more,
})
const ids = ({ body }: { body: Json }): string[] => (body.entry ?? []).map(({ resource }: Json) => resource.id).sort()

async function stateOf(by: TestClient, id: string): Promise<string> {
  return (await by.get(`SearchParameter/${id}/$salus-reindex-state`)).body.parameter[0].valueCode
}

async function ready(by: TestClient, id: string): Promise<void> {
  for (const end = performance.now() + READY_MS_MAX; performance.now() < end; await sleep(200))
    if ((await stateOf(by, id)) === 'ready') return
  assert.fail('the search parameter did not become ready')
}

test('no date or number of an own parameter stands in the clear, and searches by them are right all the same', async () => {
  const born = (id: string, birthDate: string, mrn: string, stay: Json): Promise<unknown> =>
    client.put(`Patient/${id}`, {
      resourceType: 'Patient',
      id,
      birthDate,
      identifier: [{ value: mrn }],
      extension: [
        { url: 'urn:stay', valuePeriod: stay },
        {
          url: 'urn:weight',
          valueQuantity: { value: Number(mrn), unit: 'g', system: 'http://unitsofmeasure.org', code: 'g' },
        },
      ],
    })
  await born('a', '1961-08-04', '219099999', { start: '2019-05-01', end: '2021-02-01' })
  await born('b', '1975', '5000', { start: '2022-03-03T10:00:00Z', end: '2022-03-03T11:00:00Z' })
  const definitions = [
    parameter('own-born', { type: 'date', expression: 'Patient.birthDate' }),
    parameter('own-stay', { type: 'date', expression: "Patient.extension.where(url = 'urn:stay').value" }),
    parameter('own-number', { type: 'number', expression: 'Patient.identifier.value.first().toInteger()' }),
    parameter('own-weight', { type: 'quantity', expression: "Patient.extension.where(url = 'urn:weight').value" }),
  ]
  const created = await Promise.all(definitions.map((one) => client.post('SearchParameter', one)))
  for (const { body } of created) await ready(client, body.id)
  const found = async (query: string): Promise<string> => ids(await client.get(`Patient?${query}`)).join()
  assert.equal(await found('own-born=1961-08-04'), 'a')
  assert.equal(await found('own-born=lt1970'), 'a')
  assert.equal(await found('own-born=ge1970'), 'b')
  assert.equal(await found('own-stay=gt2020'), 'a,b')
  assert.equal(await found('own-stay=ap2020-06-01'), 'a')
  assert.equal(await found('own-stay=2022-03-03'), 'b')
  assert.equal(await found('own-stay=sa2022-03-03T10:30:00Z'), '')
  assert.equal(await found('own-number=219099999'), 'a')
  assert.equal(await found('own-number=lt6000'), 'b')
  assert.equal(await found('own-weight=5|http://unitsofmeasure.org|kg'), 'b')
  assert.equal(await found('own-number:missing=true'), '')
  for (const table of ['date', 'quantity']) {
    const text = `select count(*) from record.${table} where param >= 20000`
    assert.deepEqual(await server.platform.database.query({ text }), [[0]], table)
  }
})

test('a tenant may have a hundred, and evaluating them is bounded', async () => {
  const slow = `Basic.extension.where(${'%context.extension.count() > 0 and '.repeat(20)}true).value.ofType(string)`
  const entry = Array.from({ length: 90 }, (_, n) => ({
    resource: parameter(`many-${n}`, { base: ['Basic'], type: 'string', expression: slow }),
    request: { method: 'POST', url: 'SearchParameter' },
  }))
  assert.equal((await client.post('', { resourceType: 'Bundle', type: 'transaction', entry })).status, 200)
  const more = Array.from({ length: 10 }, (_, n) => client.post('SearchParameter', parameter(`more-${n}`)))
  const answers = await Promise.all(more)
  const refused = answers.filter(({ status }) => status !== 201)
  assert.ok(refused.every((answer) => faultCode(answer) === 'fhir.search.own-parameters-too-many'))
  assert.equal(
    faultCode(await client.post('SearchParameter', parameter('beyond'))),
    'fhir.search.own-parameters-too-many',
  )
  assert.equal((await client.post('SearchParameter', parameter('draft', { status: 'draft' }))).status, 201)
  await sleep(3_000)
  const extension = Array.from({ length: 3_000 }, (_, n) => ({ url: 'urn:x', valueString: `v${n}` }))
  const basic = { resourceType: 'Basic', code: { text: 'x' }, extension }
  assert.equal((await client.post('Basic', basic)).status, 201)
})

test("one tenant's trouble is not the others': numbers used up, a body that was damaged, jobs without end", async () => {
  const database = server.platform.database
  const used = {
    text: 'update record.search_parameter set number = 32767 where tenant = 1 and number = (select max(number) from record.search_parameter where tenant = 1)',
  }
  await database.query(used)
  for (const code of [
    'many-0',
    'many-1',
    'many-2',
    'many-3',
    'many-4',
    'many-5',
    'many-6',
    'many-7',
    'many-8',
    'many-9',
  ]) {
    const [id] = ids(await client.get(`SearchParameter?code=${code}`))
    assert.equal((await client.delete(`SearchParameter/${id}`)).status, 204)
  }
  const last = await client.post('SearchParameter', parameter('no-number-left'))
  assert.equal(last.status, 201)
  const waiting = Array.from({ length: 14 }, (_, n) =>
    client.post(`${n % 2 ? 'Basic' : 'Patient'}/$reindex`, { resourceType: 'Parameters' }),
  )
  assert.ok((await Promise.all(waiting)).every(({ status }) => status === 200))
  await stranger.put('Patient/s', {
    resourceType: 'Patient',
    id: 's',
    maritalStatus: { text: 'x', coding: [{ code: 'M' }] },
  })
  const own = await stranger.post('SearchParameter', parameter('married'))
  await ready(stranger, own.body.id)
  assert.deepEqual(ids(await stranger.get('Patient?married=M')), ['s'])
  assert.notEqual(await stateOf(client, last.body.id), 'ready')

  await database.query(
    {
      text: `update record.resource set sealed = set_byte(sealed, length(sealed) - 1, 255 - get_byte(sealed, length(sealed) - 1))
      where tenant = 1 and type = $1 and rid = (select rid from record.search_parameter where tenant = 1 and state = 'ready' limit 1)`,
    },
    [typeNumber('SearchParameter')],
  )
  const other = await server.another()
  assert.equal((await client.at(other).post('Patient', { resourceType: 'Patient' })).status, 500)
  assert.equal((await stranger.at(other).post('Patient', { resourceType: 'Patient' })).status, 201)
})

test('a job that fails again and again ends, and its parameter is built anew with its next version', async () => {
  const third = await server.client('system/*.cruds', server.tenants[1])
  const put = await third.post('Basic', { resourceType: 'Basic', code: { text: 'x' } })
  assert.equal(put.status, 201)
  const damage = (): Promise<unknown> =>
    server.platform.database.query(
      {
        text: `update record.resource set sealed = set_byte(sealed, length(sealed) - 1, 255 - get_byte(sealed, length(sealed) - 1))
        where tenant = $1 and type = $2`,
      },
      [server.tenants[1], typeNumber('Basic')],
    )
  await damage()
  const created = await third.post(
    'SearchParameter',
    parameter('fragile', { base: ['Basic'], expression: 'Basic.code' }),
  )
  const jobs = async (): Promise<string[]> =>
    ((await third.get('$salus-reindex-state')).body.parameter ?? []).map(({ part }: Json) => part[1].valueCode)
  for (const end = performance.now() + READY_MS_MAX; performance.now() < end && !(await jobs()).includes('failed'); )
    await sleep(200)
  assert.ok((await jobs()).includes('failed'))
  await damage()
  await third.put(`SearchParameter/${created.body.id}`, created.body)
  await ready(third, created.body.id)
})

test('pages end at their bytes, and what is behind a large resource is indexed too', async () => {
  const by = await server.client('system/*.cruds', server.tenants[1])
  // Noise does not compress: each of these fills more than half a page.
  const large = (): string => randomBytes(2_500_000).toString('base64')
  for (const id of ['l1', 'l2', 'l3', 'l4']) {
    const basis = {
      resourceType: 'Binary',
      id,
      contentType: 'text/plain',
      data: large(),
    }
    assert.equal((await by.put(`Binary/${id}`, basis)).status, 201)
  }
  const created = await by.post(
    'SearchParameter',
    parameter('kind', { base: ['Binary'], expression: 'Binary.contentType' }),
  )
  await ready(by, created.body.id)
  assert.deepEqual(ids(await by.get('Binary?kind=text/plain')), ['l1', 'l2', 'l3', 'l4'])
})

test('how much is stored of a type is told to those alone who may search it', async () => {
  const narrow = await server.client('system/SearchParameter.rs')
  assert.deepEqual((await narrow.get('$salus-reindex-state')).body, { resourceType: 'Parameters' })
})

test('ten jobs of a tenant wait at most', async () => {
  const types = [
    'Observation',
    'Encounter',
    'Condition',
    'Procedure',
    'Device',
    'Group',
    'List',
    'Task',
    'Goal',
    'Slot',
    'Flag',
    'Media',
  ]
  const answers = await Promise.all(
    types.map((type) => stranger.post(`${type}/$reindex`, { resourceType: 'Parameters' })),
  )
  const busy = answers.filter(({ status }) => status === 429)
  for (const answer of busy) assert.equal(faultCode(answer), 'fhir.reindex.too-many')
  assert.ok(answers.some(({ status }) => status === 200))
})
