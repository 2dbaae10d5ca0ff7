import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { readPolicies } from '../../../server/src/record/fhir/index.ts'
import { type CliPlace, salus } from '../../../test/fixtures/cli.ts'
import { startTestServer, type TestServer } from '../../../test/fixtures/server.ts'

let server: TestServer
let place: CliPlace
before(async () => {
  server = await startTestServer({ tenants: 2 })
  place = { dataDir: server.dataDir, databaseUrl: server.databaseUrl }
})
after(() => server.close())

test('a policy set on the command line is followed by the running server; showing and setting are recorded', async () => {
  const client = await server.client()
  const claiming = { resourceType: 'Patient', meta: { profile: ['http://example.org/none'] } }
  assert.equal((await client.post('Patient', claiming)).status, 201)
  const shown = await salus(place, 'validation')
  assert.equal(shown.stdout, 'Tenant 1: accept, profiles that resources claim are not checked.\n')
  const set = await salus(place, 'validation', 'reject', '--json')
  assert.deepEqual(set.json, { tenant: 1, policy: 'reject' }, set.stderr)
  while ((await client.post('Patient', claiming)).status !== 422) await sleep(50)
  assert.deepEqual((await salus(place, 'validation', '--tenant', '2', '--json')).json, { tenant: 2, policy: 'accept' })
  assert.deepEqual((await salus(place, 'validation', '--json')).json, { tenant: 1, policy: 'reject' })
  const records = (await server.audit({ action: 'admin' })).filter(({ client: by }) => by === 'cli')
  assert.equal(records.length, 8)
})

test('a tenant that does not exist has no policy and gets none', async () => {
  for (const words of [[], ['reject']]) {
    const refused = await salus(place, 'validation', '--tenant', '9', ...words)
    assert.equal(refused.code, 2)
    assert.equal(refused.stdout, '')
    assert.match(refused.stderr, /^salus: There is no tenant with this number\. .*\[identity\.tenant-unknown\]\n$/)
  }
  assert.equal((await readPolicies(server.platform.database)).has(9), false)
})

test('what is meant wrongly is told, and nothing is done', async () => {
  for (const words of [['refuse'], ['tag', 'reject'], ['tag', '--tenant', 'one']])
    assert.equal((await salus(place, 'validation', ...words)).code, 2, words.join(' '))
})
