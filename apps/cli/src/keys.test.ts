import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLog, FaultError, loadConfig } from '../../../server/src/kernel/index.ts'
import { openConnection } from '../../../server/src/platform/db/index.ts'
import { openAdmin } from '../../../server/src/roles/admin.ts'
import { rotatePatient } from '../../../server/src/roles/admin-keys.ts'
import { type CliPlace, salus } from '../../../test/fixtures/cli.ts'
import { startTestServer, type TestClient, type TestServer } from '../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient
let place: CliPlace
before(async () => {
  server = await startTestServer()
  client = await server.client()
  place = { dataDir: server.dataDir, databaseUrl: server.databaseUrl }
})
after(() => server.close())

async function newPatient(): Promise<{ id: string; reference: string }> {
  const answer = await client.post('Patient', { resourceType: 'Patient', name: [{ family: 'Rotate' }] })
  return { id: answer.body.id, reference: `Patient/${answer.body.id}` }
}

const observation = (reference: string, text: string): object => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text },
  subject: { reference },
})

async function keyVersions(): Promise<Map<number, number>> {
  const owner = await openConnection({ url: server.databaseUrl })
  try {
    const rows = await owner.query({ text: 'select key_version, count(*) from vault.patient_key group by 1' })
    return new Map(rows.map(([version, count]) => [Number(version), Number(count)]))
  } finally {
    await owner.close()
  }
}

test('root and branch keys are rotated while the server goes on', async () => {
  const { reference } = await newPatient()
  const before = await salus(place, 'keys', 'list', '--json')
  assert.equal(before.code, 0, before.stderr)
  assert.deepEqual([before.json.rootKey, before.json.branchKeys.length], ['file', 1])
  assert.equal((await salus(place, 'keys', 'rotate', 'root')).code, 0)
  const branch = await salus(place, 'keys', 'rotate', 'branch', '--json')
  assert.equal(branch.code, 0, branch.stderr)
  assert.ok(branch.json.keys > 0)
  const list = await salus(place, 'keys', 'list', '--json')
  const [old, fresh] = list.json.branchKeys
  assert.equal(old.patientKeys, 0)
  assert.ok(old.retired > 0 && fresh.retired === null && fresh.patientKeys > 0)
  assert.equal((await client.get(reference)).status, 200)
  assert.equal((await client.post('Observation', observation(reference, 'after'))).status, 201)
  const acts = (await server.audit({ action: 'key' })).filter(({ client: by }) => by === 'cli')
  assert.equal(acts.length, 8)
})

test('a patient is sealed again under a new key while others write, and stays readable in every version', async () => {
  const { id, reference } = await newPatient()
  const other = await newPatient()
  const made: string[] = []
  for (let n = 0; n < 30; n++) made.push((await client.post('Observation', observation(reference, `v${n}`))).body.id)
  const first = made[0] as string
  await client.put(`Observation/${first}`, { ...observation(reference, 'changed'), id: first })
  await client.delete(`Observation/${made[1]}`)

  let writing = true
  const writer = (async () => {
    for (let n = 0; writing; n++) {
      const update = { ...observation(reference, `w${n}`), id: made[2] }
      assert.equal((await client.put(`Observation/${made[2]}`, update)).status, 200)
      await sleep(5)
    }
    return (await client.get(`Observation/${made[2]}`)).body.code.text as string
  })()
  const rotated = await salus(place, 'keys', 'rotate', 'patient', reference, '--no-wait', '--json')
  writing = false
  const last = await writer
  assert.equal(rotated.code, 0, rotated.stderr)
  assert.equal(rotated.json.isFinished, false)
  assert.ok(rotated.json.versions >= 33, rotated.stdout)
  assert.equal((await keyVersions()).get(2), 1)

  const admin = await openAdmin({
    config: loadConfig({ SALUS_DATA_DIR: place.dataDir, SALUS_DATABASE_URL: server.databaseUrl }),
    log: createLog({ level: 'error' }),
    operator: 'test',
  })
  try {
    const options = { wait: false, onProgress: () => undefined, onWait: () => undefined, settledMs: 0 }
    const finished = await rotatePatient(admin, { tenant: 1, id }, options)
    assert.equal(finished.isFinished, true)
  } finally {
    await admin.close()
  }
  const history = await client.get(`Observation/${first}/_history`)
  assert.equal(history.body.entry.length, 2)
  assert.equal((await client.get(`Observation/${first}/_history/1`)).body.code.text, 'v0')
  assert.equal((await client.get(`Observation/${made[2]}`)).body.code.text, last)
  assert.equal((await client.get(`Observation/${made[1]}`)).status, 410)
  assert.equal((await client.get(`Observation?patient=${reference}&_count=100`)).body.entry.length, 29)
  assert.equal((await client.get(other.reference)).status, 200)
  assert.equal((await keyVersions()).get(2), 1, 'only the new version of this patient is left')
  assert.equal((await salus(place, 'audit', 'verify')).code, 0)
})

test('an erased patient has no key to rotate', async () => {
  const { id, reference } = await newPatient()
  assert.equal((await salus(place, 'keys', 'shred', reference, '--yes')).code, 0)
  const rotate = await salus(place, 'keys', 'rotate', 'patient', reference)
  assert.equal(rotate.code, 7)
  assert.match(rotate.stderr, /vault\.shredded/)
  const failed = (await server.audit({ action: 'key' })).filter(({ outcome }) => outcome === 'failed')
  assert.equal(failed.length, 1)
  const admin = server.platform
  const patient = admin.vault.ridOf(1, failed[0]?.type ?? 0, id) as number
  assert.deepEqual(failed[0]?.patients, [patient])
  const { openPatientRecords } = await import('../../../server/src/record/fhir/index.ts')
  const records = openPatientRecords({ ...admin, clock: { now: () => 1, monotonic: () => 1 } })
  // Nothing of an erased patient is left to open, so sealing again finds noise and stops.
  const by = { client: 'test', actor: 'test', requestId: '' }
  await assert.rejects(
    records.reseal({ tenant: 1, patient, version: 2 }, by),
    (error) => error instanceof FaultError && error.fault.code === 'fhir.store.patient-erased',
  )
})

test('words and options that do not belong are misuse', async () => {
  for (const args of [
    ['keys'],
    ['keys', 'burn'],
    ['keys', 'rotate', 'patient', 'x'],
    ['keys', 'list', '--yes'],
    ['keys', 'rotate', 'branch', '--tenant', 'x'],
  ]) {
    const { code, stderr } = await salus(place, ...args)
    assert.equal(code, 2, args.join(' '))
    assert.match(stderr, /--help/)
  }
  assert.match((await salus(place, 'keys', 'rotate', 'branch', '--tenant', '77')).stderr, /vault\.tenant-unknown/)
  assert.equal((await salus(place, 'keys', '--help')).code, 0)
})
