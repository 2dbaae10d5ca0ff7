import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestServer, type TestServer } from '../../../test/fixtures/server.ts'
import { countedRefusals } from './counted-refusals.ts'

let server: TestServer
before(async () => {
  server = await startTestServer()
})
after(() => server.close())

const still = { now: () => 0, monotonic: () => 0 }

test('a flood of refusals becomes ten records and one for each second, with their number', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const records: number[] = []
  const refusals = countedRefusals(async (count) => void records.push(count), still)
  const all = Array.from({ length: 1_000 }, () => refusals.add())
  assert.deepEqual(records, Array(10).fill(1))
  t.mock.timers.tick(1_000)
  await Promise.all(all)
  assert.deepEqual(records, [...Array(10).fill(1), 990])
  const next = [refusals.add(), refusals.add()]
  t.mock.timers.tick(1_000)
  await Promise.all(next)
  assert.deepEqual(records.slice(10), [990, 2])
})

test('no refusal is answered before its record, none when the record fails, and what waits is recorded at the end', async () => {
  const clock = { ...still, at: 0, monotonic: () => clock.at }
  const records: number[] = []
  let isAway = false
  const refusals = countedRefusals(async (count) => {
    if (isAway) throw new Error('away')
    records.push(count)
  }, clock)
  await Promise.all(Array.from({ length: 10 }, () => refusals.add()))
  let isAnswered = false
  const waits = refusals.add().then(() => {
    isAnswered = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isAnswered, false)
  await refusals.close()
  await waits
  assert.deepEqual(records, Array(11).fill(1))
  clock.at = 2_000
  isAway = true
  await assert.rejects(refusals.add(), /away/)
  const fails = assert.rejects(Promise.all([refusals.add(), refusals.add(), refusals.add()]), /away/)
  await refusals.close()
  await fails
})

test('bad tokens and unknown clients are counted together; a known client has a record for each refusal', async () => {
  const url = `${server.url}/oauth2/token`
  const login = (id: string): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${id}:wrong`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
  const bad = (): Promise<Response> => fetch(`${server.fhirBase}/Patient`, { headers: { authorization: 'Bearer no' } })
  const answers = await Promise.all([...Array.from({ length: 60 }, bad), login('nobody'), login('nobody')])
  assert.ok(answers.every(({ status }) => status === 401))
  const nobody = await server.audit({ tenant: 0, action: 'login' })
  assert.ok(nobody.length < 20, `${nobody.length} records`)
  assert.equal(
    nobody.reduce((sum, { count }) => sum + count, 0),
    62,
  )
  assert.ok(nobody.every(({ client, outcome }) => client === '' && outcome === 'refused'))
  const { id } = await server.client()
  for (let attempt = 0; attempt < 3; attempt++) assert.equal((await login(id)).status, 401)
  const known = (await server.audit({ action: 'login' })).filter(
    (one) => one.client === id && one.outcome === 'refused',
  )
  assert.deepEqual(
    known.map(({ count }) => count),
    [0, 0, 0],
  )
})
