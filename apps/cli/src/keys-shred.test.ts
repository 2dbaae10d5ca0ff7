import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { typeNumber } from '@salus/fhir-model'
import { createLog, loadConfig } from '../../../server/src/kernel/index.ts'
import { openConnection } from '../../../server/src/platform/db/index.ts'
import { startServerProcess } from '../../../server/src/roles/server-process.ts'
import { type CliPlace, salus } from '../../../test/fixtures/cli.ts'
import { emptyDatabase } from '../../../test/fixtures/database.ts'
import { type Json, startTestServer, type TestClient, type TestServer } from '../../../test/fixtures/server.ts'
import { freePort } from '../../../test/fixtures/server-process.ts'

let server: TestServer
let one: TestClient
let two: TestClient
let place: CliPlace
let dir = ''
before(async () => {
  server = await startTestServer()
  one = await server.client()
  two = one.at(await server.another())
  place = { dataDir: server.dataDir, databaseUrl: server.databaseUrl }
  dir = mkdtempSync('/tmp/salus-shred-')
})
after(async () => {
  await server.close()
  rmSync(dir, { recursive: true, force: true })
})

async function created(type: string, resource: object): Promise<string> {
  const answer = await one.post(type, { resourceType: type, ...resource })
  assert.equal(answer.status, 201, answer.text)
  return `${type}/${answer.body.id}`
}

/** A patient with two versions, an observation, a condition, and resources of nobody alone that mention the patient. */
async function population() {
  const patient = await created('Patient', { name: [{ family: 'Erasmus' }], birthDate: '1970-01-01' })
  const other = await created('Patient', { name: [{ family: 'Erasmus' }] })
  const subject = { reference: patient }
  const id = patient.slice('Patient/'.length)
  assert.equal(
    (await one.put(patient, { resourceType: 'Patient', id, name: [{ family: 'Erasmus', given: ['E'] }] })).status,
    200,
  )
  const code = { coding: [{ system: 'http://loinc.org', code: '8867-4' }] }
  const observation = await created('Observation', {
    status: 'final',
    code,
    subject,
    effectiveDateTime: '2024-01-01',
    valueQuantity: { value: 7, unit: 'mg', system: 'http://unitsofmeasure.org', code: 'mg' },
  })
  const condition = await created('Condition', { subject, onsetDateTime: '2023-01-01' })
  const kept = await created('Observation', { status: 'final', code, subject: { reference: other } })
  const group = await created('Group', {
    type: 'person',
    actual: true,
    member: [{ entity: subject }, { entity: { reference: other } }],
  })
  const list = await created('List', {
    status: 'current',
    mode: 'working',
    entry: [{ item: { reference: observation } }],
  })
  const appointment = await created('Appointment', {
    status: 'booked',
    participant: [subject, { reference: other }].map((actor) => ({ actor, status: 'accepted' })),
  })
  return { patient, other, observation, condition, kept, mentions: [group, list, appointment] }
}

async function rowsOf(url: string, table: string, where: string): Promise<number> {
  const owner = await openConnection({ url })
  try {
    const [row] = await owner.query({ text: `select count(*) from record.${table} where ${where}` })
    return Number(row?.[0])
  } finally {
    await owner.close()
  }
}

async function names(client: TestClient, query: string): Promise<string[]> {
  const answer = await client.get(query)
  assert.equal(answer.status, 200, answer.text)
  return (answer.body.entry ?? []).map(({ resource }: Json) => `${resource.resourceType}/${resource.id}`)
}

test('an erased patient is gone on every process, nobody else is, and no backup brings them back', async () => {
  const { patient, other, observation, condition, kept, mentions } = await population()
  const rid = server.platform.vault.ridOf(1, typeNumber('Patient') as number, patient.slice('Patient/'.length))
  const backup = join(dir, 'before.salus')
  assert.equal((await salus(place, 'backup', '--out', backup)).code, 0)
  await one.post('Observation', {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'later' },
    subject: { reference: other },
  })

  const shred = await salus(place, 'keys', 'shred', patient, '--yes', '--json')
  assert.equal(shred.code, 0, shred.stderr)
  assert.equal(shred.json.keyDestroyed, true)
  assert.equal(shred.json.resources, 3)
  assert.deepEqual(shred.json.mentions.map(({ type, id }: Json) => `${type}/${id}`).sort(), [...mentions].sort())
  assert.doesNotMatch(shred.stdout, /Erasmus/)

  for (const client of [one, two]) {
    for (const gone of [
      patient,
      observation,
      condition,
      `${patient}/_history/1`,
      `${patient}/_history/3`,
      `${observation}/_history/1`,
      `${patient}/_history`,
      `${patient}/_history?_count=1`,
      `${patient}/_history?_since=2999-01-01T00:00:00Z`,
    ])
      assert.equal((await client.get(gone)).status, 404, gone)
    assert.deepEqual(await names(client, 'Patient?family=erasmus'), [other])
    assert.deepEqual(await names(client, `Observation?patient=${patient}`), [])
    assert.deepEqual(await names(client, `Observation?patient=${other}&code=8867-4`), [kept])
    assert.equal((await client.get(other)).status, 200)
    assert.doesNotMatch((await client.get('Patient/_history')).text, new RegExp(patient))
    const patched = await client.patch(patient, [{ op: 'replace', path: '/active', value: true }])
    assert.equal(patched.status, 404)
    assert.equal((await client.delete(patient)).headers.get('etag'), null)
    const write = await client.post('Observation', {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'x' },
      subject: { reference: patient },
    })
    assert.equal(write.status, 410)
  }
  for (const table of ['resource', 'code']) assert.equal(await rowsOf(server.databaseUrl, table, `patient = ${rid}`), 0)
  for (const table of ['date', 'quantity', 'reference'])
    assert.equal(
      await rowsOf(server.databaseUrl, table, `src in (select rid from record.history where patient = ${rid})`),
      0,
    )

  const acts = (await server.audit({ action: 'key' })).filter((record) => record.client === 'cli')
  assert.ok(acts.some((record) => record.rid === rid && record.count === 3 && record.patients.includes(rid)))
  const verified = await salus(place, 'audit', 'verify', '--json')
  assert.equal(verified.code, 0, verified.stdout)

  const again = await salus(place, 'keys', 'shred', patient, '--yes', '--json')
  assert.deepEqual([again.code, again.json.keyDestroyed, again.json.resources], [0, false, 0])
  await restoredElsewhere(backup, { gone: [patient, observation, condition], there: [other, kept], rid: rid as number })
})

/** The same keys, anchors and shred list, as kept apart, and a backup from before the erasure. */
async function restoredElsewhere(
  backup: string,
  expected: { gone: string[]; there: string[]; rid: number },
): Promise<void> {
  const dataDir = join(dir, 'restored')
  for (const kept of ['keys', 'anchors']) cpSync(join(server.dataDir, kept), join(dataDir, kept), { recursive: true })
  const database = await emptyDatabase()
  const elsewhere = { dataDir, databaseUrl: database.url }
  const log = createLog({ level: 'error' })
  try {
    const restored = await salus(elsewhere, 'restore', backup, '--yes', '--json')
    assert.equal(restored.code, 0, restored.stderr)
    assert.equal(restored.json.erasedPatients, 1)
    assert.equal(restored.json.erasedResources, 3)
    assert.ok(restored.json.acceptedAs > 0)
    assert.equal(await rowsOf(database.url, 'resource', `patient = ${expected.rid}`), 0)
    const verified = await salus(elsewhere, 'audit', 'verify', '--json')
    assert.equal(verified.code, 0, verified.stdout)
    assert.equal(verified.json.restores.length, 1)
    const port = await freePort()
    const config = loadConfig({ SALUS_DATA_DIR: dataDir, SALUS_HTTP_PORT: String(port), SALUS_PUBLIC_URL: server.url })
    const process = await startServerProcess({ config, databaseUrl: database.url, log })
    try {
      const client = one.at({ fhirBase: `http://127.0.0.1:${port}/fhir/R4` })
      for (const gone of expected.gone) assert.equal((await client.get(gone)).status, 404, gone)
      for (const there of expected.there) assert.equal((await client.get(there)).status, 200)
      assert.deepEqual(await names(client, 'Patient?family=erasmus'), [expected.there[0]])
    } finally {
      await process.close()
    }
  } finally {
    await database.drop()
  }
}

test('without --yes and without a terminal nothing is erased', async () => {
  const patient = await created('Patient', { name: [{ family: 'Stays' }] })
  const answer = await salus(place, 'keys', 'shred', patient)
  assert.equal(answer.code, 2)
  assert.match(answer.stderr, /--yes/)
  assert.equal((await one.get(patient)).status, 200)
  assert.doesNotMatch(readFileSync(join(server.dataDir, 'keys', 'shredded.ndjson'), 'utf8'), /Stays/)
})

test('a patient nobody knows is refused, and so is anything that is no patient', async () => {
  const unknown = await salus(place, 'keys', 'shred', 'Patient/nobody', '--yes')
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /fhir\.patient-unknown/)
  assert.equal((await salus(place, 'keys', 'shred', 'Observation/x', '--yes')).code, 2)
  assert.match(
    (await salus(place, 'keys', 'shred', 'Patient/nobody', '--tenant', '77', '--yes')).stderr,
    /vault\.tenant-unknown/,
  )
})
