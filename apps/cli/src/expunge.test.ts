import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type CliPlace, salus } from '../../../test/fixtures/cli.ts'
import { faultCode, startTestServer, type TestServer } from '../../../test/fixtures/server.ts'

let server: TestServer
let place: CliPlace
before(async () => {
  server = await startTestServer({ tenants: 2 })
  place = { dataDir: server.dataDir, databaseUrl: server.databaseUrl }
})
after(() => server.close())

test('what the command says holds at once in the running server; showing and setting are recorded', async () => {
  const client = await server.client()
  await client.put('Patient/a', { resourceType: 'Patient', id: 'a' })
  const ask = () => client.post('Patient/a/$expunge', PARAMETERS)
  assert.equal((await salus(place, 'expunge')).stdout, 'Tenant 1: nothing is removed from the history.\n')
  assert.equal(faultCode(await ask()), 'fhir.expunge.not-allowed')
  assert.deepEqual((await salus(place, 'expunge', 'allow', '--json')).json, { tenant: 1, expunge: 'allow' })
  assert.equal((await ask()).status, 200)
  assert.deepEqual((await salus(place, 'expunge', '--tenant', '2', '--json')).json, { tenant: 2, expunge: 'forbid' })
  assert.equal((await salus(place, 'expunge', 'forbid')).code, 0)
  assert.equal(faultCode(await ask()), 'fhir.expunge.not-allowed')
  const records = (await server.audit({ action: 'admin' })).filter(({ client: by }) => by === 'cli')
  assert.equal(records.length, 8)
})

const PARAMETERS = {
  resourceType: 'Parameters',
  parameter: [{ name: 'expungePreviousVersions', valueBoolean: true }],
}

test('a tenant that does not exist, and what is meant wrongly, change nothing', async () => {
  const refused = await salus(place, 'expunge', '--tenant', '9', 'allow')
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /\[identity\.tenant-unknown\]\n$/)
  for (const words of [['on'], ['allow', 'forbid'], ['allow', '--tenant', 'one']])
    assert.equal((await salus(place, 'expunge', ...words)).code, 2, words.join(' '))
  assert.deepEqual((await salus(place, 'expunge', '--json')).json, { tenant: 1, expunge: 'forbid' })
})
