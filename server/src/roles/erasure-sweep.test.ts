import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { typeNumber } from '@salus/fhir-model'
import { openConnection } from '#db'
import { openPatientRecords } from '#fhir'
import { systemClock } from '#kernel'
import { startTestServer, type TestClient, type TestServer } from '../../../test/fixtures/server.ts'
import { sweepErased } from './erasure-sweep.ts'

let server: TestServer
let client: TestClient
before(async () => {
  server = await startTestServer()
  client = await server.client()
})
after(() => server.close())

/** A patient with an observation, as rows that outlive the key: what a write that held it leaves behind. */
async function erased(): Promise<number> {
  const { id } = (await client.post('Patient', { resourceType: 'Patient', name: [{ family: 'Erasmus' }] })).body
  const subject = { reference: `Patient/${id}` }
  await client.post('Observation', { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject })
  const rid = server.platform.vault.ridOf(1, typeNumber('Patient') as number, id) as number
  await server.platform.vault.shred(1, rid)
  return rid
}

async function rowsOf(patient: number): Promise<number> {
  const owner = await openConnection({ url: server.databaseUrl })
  try {
    const [row] = await owner.query({ text: `select count(*) from record.resource where patient = ${patient}` })
    return Number(row?.[0])
  } finally {
    await owner.close()
  }
}

test('what was written of a patient while the key was destroyed is removed at the next start, and recorded', async () => {
  const living = (await client.post('Patient', { resourceType: 'Patient', active: true })).body.id
  const patient = await erased()
  assert.equal(await rowsOf(patient), 2)
  await server.another()
  assert.equal(await rowsOf(patient), 0)
  const [record] = (await server.audit({ action: 'key' })).filter((one) => one.client === 'server')
  assert.deepEqual([record?.rid, record?.patients, record?.count, record?.outcome], [patient, [patient], 2, 'success'])
  assert.ok(record?.detail)
  assert.equal((await client.get(`Patient/${living}`)).status, 200)
})

test('a sweep looks at the erasures since the given time only, and finds nothing twice', async () => {
  const { database, ledger, vault } = server.platform
  const sweeper = { vault, patients: openPatientRecords({ database, ledger, vault, clock: systemClock }) }
  const patient = await erased()
  assert.equal(await sweepErased(sweeper, systemClock.now() + 60_000), 0)
  assert.equal(await rowsOf(patient), 2)
  assert.equal(await sweepErased(sweeper, systemClock.now() - 60_000), 2)
  assert.equal(await sweepErased(sweeper, 0), 0)
})
