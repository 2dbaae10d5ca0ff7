import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ASYNC, ended, exported, kickOff, linesOf, names } from '../../../../../test/fixtures/bulk.ts'
import {
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'
import { FaultError, metrics, systemClock } from '../../../kernel/index.ts'
import { openLedger } from '../../../platform/audit/index.ts'
import { type Database, openDatabase } from '../../../platform/db/index.ts'
import { parseScope } from '../../../platform/identity/index.ts'
import { openPatientRecords } from '../patient-records/open-patient-records.ts'
import { openRecordStore } from '../store/record-store.ts'
import { BULK_LIMITS } from './bulk-limits.ts'
import { jobNumber } from './job-address.ts'
import { bulkJob } from './job-status.ts'
import { removeExports } from './remove-exports.ts'
import { claimJob, insertChunk, renewLease, stepComposer } from './store.ts'

const MARKER = 'Qwyxnamemarker'
const PATIENTS = 40
const OBSERVATIONS = 2_500

const quiet = { debugs: false, debug() {}, info() {}, warn() {}, error() {} }

let server: TestServer
let all: TestClient
let database: Database

before(async () => {
  server = await startTestServer()
  all = await server.client()
  database = await openDatabase({ url: server.databaseUrl, connections: 2, statementTimeoutMs: 20_000, log: quiet })
  const patients = Array.from({ length: PATIENTS }, (_, index) => ({
    resourceType: 'Patient',
    id: `p${index}`,
    name: [{ family: `${MARKER}${index}` }],
  }))
  const observations = Array.from({ length: OBSERVATIONS }, (_, index) => ({
    resourceType: 'Observation',
    id: `o${index}`,
    status: 'final',
    code: { text: MARKER },
    subject: { reference: `Patient/p${index % PATIENTS}` },
    note: [{ text: `${MARKER} `.repeat(20) }],
  }))
  const upload = [...patients, ...observations].map((one) => JSON.stringify(one)).join('\n')
  const location = await kickOff(all, '$import', upload, { 'content-type': 'application/fhir+ndjson' })
  const { body } = await ended(all, location)
  assert.deepEqual(body.extension, { stored: PATIENTS + OBSERVATIONS, refused: 0 })
  await all.delete(location)
})
after(async () => {
  await database.close()
  await server.close()
})

const numberOf = (location: string): number =>
  jobNumber(server.platform.vault, 1, location.slice(location.lastIndexOf('/') + 1)) as number
const count = async (text: string, values: unknown[] = []): Promise<number> =>
  Number((await database.query({ text }, values))[0]?.[0])

test('an export while everything is written again: each resource once, none newer than transactionTime', async () => {
  const location = await kickOff(all, '$export?_type=Observation')
  let running = true
  const writer = (async () => {
    for (let round = 1; running; round++)
      for (let index = 0; index < OBSERVATIONS && running; index += 50) {
        const entry = Array.from({ length: 50 }, (_, at) => {
          const id = `o${index + at}`
          const resource = {
            resourceType: 'Observation',
            id,
            status: 'amended',
            code: { text: `round ${round}` },
            subject: { reference: `Patient/p${(index + at) % PATIENTS}` },
          }
          return { resource, request: { method: 'PUT', url: `Observation/${id}` } }
        })
        assert.equal((await all.post('', { resourceType: 'Bundle', type: 'transaction', entry })).status, 200)
      }
  })()
  const { body: manifest } = await ended(all, location)
  running = false
  await writer
  const lines = await linesOf(all, manifest.output)
  assert.deepEqual(names(lines), Array.from({ length: OBSERVATIONS }, (_, index) => `Observation/o${index}`).sort())
  assert.ok(
    lines.every(({ meta }: Json) => meta.lastUpdated <= manifest.transactionTime),
    '[153 154 202]',
  )
  assert.ok(await count('select count(*) from record.history'), 'and versions were replaced meanwhile')
})

test('pages end by their bytes, are sealed, and nothing of a request or a page stands in the clear', async () => {
  const filter = encodeURIComponent(`Patient?name=${MARKER}`)
  const { location, manifest } = await exported(all, `$export?_type=Patient,Observation&_typeFilter=${filter}`)
  const job = numberOf(location)
  const pages = await database.query({ text: 'select bytes, resources from record.bulk_page where job = $1' }, [job])
  assert.ok(pages.length > 2, 'several pages')
  assert.ok(pages.every(([bytes]) => (bytes as number) <= BULK_LIMITS.pageBytesMax + BULK_LIMITS.pageRowsMax))
  for (const table of ['bulk_job', 'bulk_page', 'bulk_chunk'])
    assert.equal(await count(`select count(*) from record.${table} t where t::text ~ $1`, [MARKER]), 0, table)
  const hex = Buffer.from(MARKER).toString('hex')
  assert.equal(await count(`select count(*) from record.bulk_chunk t where t::text ~ $1`, [hex]), 0)
  assert.equal(await count(`select count(*) from record.bulk_job t where t::text ~ $1`, [hex]), 0)
  const patients = (await linesOf(all, manifest.output)).filter(({ resourceType }) => resourceType === 'Patient')
  assert.ok(
    patients.every(({ name }: Json) => name[0].family.startsWith(MARKER)),
    'the check has something to find',
  )
})

const jobDependencies = () => ({
  store: openRecordStore({ ...server.platform, clock: systemClock }),
  fhirBase: server.fhirBase,
  isEnabled: server.platform.identity.isEnabled,
})

test('a client that is disabled gets not one page more of a download, and the refusal is audited', async () => {
  const own = await server.client()
  const { location } = await exported(own, '$export?_type=Observation')
  const scopes = parseScope('system/*.rs')
  const caller = { requestId: 'disabled', tenant: 1, client: own.id, actor: own.id, purpose: '', scopes }
  const path = ['_bulk', location.slice(location.lastIndexOf('/') + 1), '1']
  const request = { method: 'GET', path, query: '', prefer: {}, address: `${location}/1` } as const
  const { stream } = await bulkJob(jobDependencies(), caller, request)
  assert.ok(stream)
  const pages = stream[Symbol.asyncIterator]()
  assert.ok(((await pages.next()).value as Buffer).length > 0)
  await server.platform.identity.disableClient(own.id)
  await assert.rejects(
    pages.next(),
    (error) => error instanceof FaultError && error.fault.code === 'fhir.bulk.client-disabled',
  )
  const records = (await server.audit()).filter(({ requestId }) => requestId === 'disabled')
  assert.deepEqual(
    records.map(({ action, patients }) => [action, patients.length > 0]),
    [
      ['refusal', false],
      ['operation', true],
    ],
  )
})

test('an export of a client that is disabled writes nothing more, and nothing of it is kept', async () => {
  const own = await server.client()
  const number = numberOf(await kickOff(own, '$export?_type=Patient'))
  await server.platform.identity.disableClient(own.id)
  for (let waited = 0; waited < 100; waited++) {
    if ((await count('select count(*) from record.bulk_job where number = $1 and state = 1', [number])) === 0) break
    await sleep(100)
  }
  assert.equal(await count('select count(*) from record.bulk_job where number = $1 and state in (1, 2)', [number]), 0)
  assert.equal(await count('select count(*) from record.bulk_page where job = $1', [number]), 0)
  const pages = (await server.audit()).filter(({ client, patients }) => client === own.id && patients.length > 0)
  assert.deepEqual(pages, [])
})

test('a file is read no further than the client takes it, each page is audited first, and one that is removed breaks off', async () => {
  const own = await server.client()
  const { location } = await exported(own, '$export?_type=Observation')
  const scopes = parseScope('system/*.rs')
  const caller = { requestId: 'paged', tenant: 1, client: own.id, actor: own.id, purpose: '', scopes }
  const path = ['_bulk', location.slice(location.lastIndexOf('/') + 1), '1']
  const request = { method: 'GET', path, query: '', prefer: {}, address: `${location}/1` } as const
  const { stream } = await bulkJob(jobDependencies(), caller, request)
  assert.ok(stream)
  const pages = stream[Symbol.asyncIterator]()
  const audited = async (): Promise<number> =>
    (await server.audit()).filter(({ requestId, patients }) => requestId === 'paged' && patients.length > 0).length
  assert.equal(await audited(), 1)
  assert.ok(((await pages.next()).value as Buffer).length > 0)
  assert.equal(await audited(), 1, 'the second page is neither read nor recorded yet')
  assert.ok(((await pages.next()).value as Buffer).length > 0)
  assert.equal(await audited(), 2)
  await own.delete(location)
  await assert.rejects(
    pages.next(),
    (error) => error instanceof FaultError && error.fault.code === 'fhir.bulk.job-unknown',
  )
})

test('whoever lost the lease can make nothing known any more', async () => {
  const own = await server.client()
  // Held by nobody who works: the process that had it is gone.
  const location = await kickOff(own, '$export?_type=Patient')
  const number = numberOf(location)
  await database.query({ text: 'update record.bulk_job set turn = 0 where number = $1' }, [number])
  const now = Date.now()
  const gone = await claimJob(database, { now, until: now + 3_000, not: [], kinds: [1] })
  assert.equal(gone?.number, number)
  assert.equal(
    await claimJob(database, { now, until: now + 3_000, not: [], kinds: [1] }),
    undefined,
    'one process at a time',
  )
  assert.equal((await ended(own, location)).status, 200, 'its lease ran out, and another took the job over')
  const before = await count('select count(*) from record.bulk_page where job = $1', [number])
  await insertChunk(database, { job: number, lease: gone.lease, seq: 1, sealed: Buffer.from('late') })
  const step = {
    job: gone,
    cursor: '{}',
    resources: 7,
    refused: 0,
    leaseUntil: 0,
    page: { seq: 99, kind: 1 as const, file: 1, type: 1, resources: 7, bytes: 4, patients: [] },
  }
  await assert.rejects(
    server.platform.ledger.commit({ records: [], write: { composer: stepComposer, rows: step } }),
    (error) => error instanceof FaultError && error.fault.code === 'audit.ledger.race-lost',
  )
  assert.equal(await renewLease(database, gone, now + 3_000), false)
  assert.equal(await count('select count(*) from record.bulk_page where job = $1', [number]), before)
  assert.equal(await count(`select count(*) from record.bulk_chunk where sealed = 'late'`), 0)
})

test('two processes share the jobs, and each answers for all of them', async () => {
  const other = await server.another()
  const clients = await Promise.all(Array.from({ length: 4 }, () => server.client()))
  const jobs = await Promise.all(
    clients.map((client, index) => kickOff(index % 2 === 0 ? client : client.at(other), '$export?_type=Patient')),
  )
  for (const [index, client] of clients.entries()) {
    const there = client.at(other)
    // Addresses are public ones: asked at the other process they are below its own.
    const at = (url: string): string => url.replace(server.fhirBase, other.fhirBase)
    const answer = await ended(there, at(jobs[index] as string))
    assert.equal(answer.status, 200)
    const lines = await linesOf(
      there,
      answer.body.output.map((file: Json) => ({ ...file, url: at(file.url as string) })),
    )
    assert.equal(new Set(names(lines)).size, PATIENTS)
    assert.equal(lines.length, PATIENTS)
  }
})

test('a job whose time is over is not found, and nothing of it is kept', async () => {
  const own = await server.client()
  const { location, manifest } = await exported(own, '$export?_type=Patient')
  const number = numberOf(location)
  assert.ok((await count('select count(*) from record.bulk_chunk where job = $1', [number])) > 0)
  await database.query({ text: 'update record.bulk_job set expires = $2 where number = $1' }, [number, Date.now()])
  assert.equal((await own.get(location)).status, 404)
  assert.equal((await own.get(manifest.output[0].url)).status, 404)
  for (let waited = 0; waited < 100; waited++) {
    if ((await count('select count(*) from record.bulk_job where number = $1', [number])) === 0) break
    await sleep(100)
  }
  for (const table of ['job where number', 'page where job', 'chunk where job'])
    assert.equal(await count(`select count(*) from record.bulk_${table} = $1`, [number]), 0, table)
})

test('a patient who is erased leaves no export behind: files go, what is under way goes on without', async () => {
  const own = await server.client()
  const whole = await exported(own, '$export?_type=Patient')
  const parameter = [{ name: 'patient', valueReference: { reference: 'Patient/p1' } }]
  const without = await exported(own, 'Patient/$export?_type=Patient', { resourceType: 'Parameters', parameter })
  const running = await kickOff(own, '$export?_type=Patient,Observation')
  const records = openPatientRecords({ ...server.platform, clock: systemClock })
  const patient = (await records.find(1, 'p0')) as number
  await records.shred({ tenant: 1, patient }, { client: 'test', actor: 'test', requestId: 'erase' })
  assert.equal((await own.get(whole.location)).status, 404)
  assert.equal((await own.get(whole.manifest.output[0].url)).status, 404)
  assert.equal(await count('select count(*) from record.bulk_chunk where job = $1', [numberOf(whole.location)]), 0)
  assert.equal((await own.get(without.location)).status, 200, 'an export without that patient stays')
  const answer = await ended(own, running)
  assert.equal(answer.status, 200)
  const lines = await linesOf(own, answer.body.output)
  const left = lines.filter(({ id, subject }: Json) => id === 'p0' || subject?.reference === 'Patient/p0')
  assert.deepEqual(left, [])
  assert.ok(lines.length > 1_000, 'the others are there')
})

/** A job that a process took, wrote a page for and was not heard of again. */
async function strayPage(own: TestClient, heldMs: number): Promise<{ location: string; strays(): Promise<number> }> {
  const location = await kickOff(own, '$export?_type=Patient')
  const job = numberOf(location)
  await database.query({ text: 'update record.bulk_job set turn = 0 where number = $1' }, [job])
  const now = Date.now()
  const held = await claimJob(database, { now, until: now + heldMs, not: [], kinds: [1] })
  assert.equal(held?.number, job)
  await insertChunk(database, { job, lease: held.lease, seq: 1, sealed: Buffer.from('stray') })
  const strays = () => count(`select count(*) from record.bulk_chunk where job = $1 and sealed = 'stray'`, [job])
  assert.equal(await strays(), 1)
  return { location, strays }
}

test('a page that was written and not made known goes with the erasure, and with the next who takes the job', async () => {
  const own = await server.client()
  const erased = await strayPage(own, 60_000)
  const records = openPatientRecords({ ...server.platform, clock: systemClock })
  const patient = (await records.find(1, 'p2')) as number
  await records.shred({ tenant: 1, patient }, { client: 'test', actor: 'test', requestId: 'erase' })
  assert.equal(await erased.strays(), 0)
  assert.equal((await ended(own, erased.location)).status, 200)
  const taken = await strayPage(own, 1_000)
  const { status, body } = await ended(own, taken.location)
  assert.equal(status, 200)
  assert.equal(await taken.strays(), 0)
  assert.ok((await linesOf(own, body.output)).length > 0, 'what was made known is there')
})

test('a page on its way is not written behind an erasure', async () => {
  const own = await server.client()
  const { location, strays } = await strayPage(own, 60_000)
  const job = numberOf(location)
  const text = 'select lease from record.bulk_job where number = $1'
  const lease = (await database.query({ text }, [job]))[0]?.[0] as number
  const slow = await server.platform.database.connect()
  await slow.query({ text: 'begin' })
  await insertChunk(slow, { job, lease, seq: 2, sealed: Buffer.from('stray') })
  const erased = removeExports({ database, clock: systemClock }, 1, [])
  await sleep(300)
  await slow.query({ text: 'commit' })
  await slow.close()
  await erased
  assert.equal(await strays(), 0)
  await own.delete(location)
})

test('a job that cannot be done says so after some tries, and its client may start another', async () => {
  const own = await server.client()
  const location = await kickOff(own, '$export?_type=Patient')
  // What no key opens: a damaged row.
  await database.query({ text: `update record.bulk_job set request = 'damaged', failures = $2 where number = $1` }, [
    numberOf(location),
    BULK_LIMITS.failuresMax - 1,
  ])
  for (let waited = 0; waited < 100; waited++) {
    if ((await count('select state from record.bulk_job where number = $1', [numberOf(location)])) === 3) break
    await sleep(100)
  }
  assert.equal(await count('select state from record.bulk_job where number = $1', [numberOf(location)]), 3)
  const records = (await server.audit()).filter(({ client, outcome }) => client === own.id && outcome === 'failed')
  assert.deepEqual(
    records.map(({ action, actor }) => [action, actor]),
    [['operation', own.id]],
    'its end is recorded, once',
  )
  assert.equal((await own.delete(location)).status, 202)
  assert.equal((await own.get('$export?_type=Patient', ASYNC)).status, 202)
})

test('a cancellation that cannot be recorded does not happen', async () => {
  const own = await server.client()
  const { location } = await exported(own, '$export?_type=Patient')
  const dependencies = jobDependencies()
  // The real ledger of a process that has ended: it takes nothing any more.
  const ledger = await openLedger({ database, clock: systemClock, log: quiet })
  await ledger.close()
  const scopes = parseScope('system/*.rs')
  const caller = { requestId: 'unrecorded', tenant: 1, client: own.id, actor: own.id, purpose: '', scopes }
  const path = ['_bulk', location.slice(location.lastIndexOf('/') + 1)]
  const request = { method: 'DELETE', path, query: '', prefer: {}, address: location } as const
  const store = { ...dependencies.store, ledger }
  await assert.rejects(bulkJob({ ...dependencies, store }, caller, request))
  assert.equal((await own.get(location)).status, 200)
  assert.equal((await bulkJob(dependencies, caller, request)).status, 202)
  assert.equal((await own.get(location)).status, 404)
  const told = (await server.audit()).filter(({ requestId }) => requestId === 'unrecorded')
  assert.equal(told.length, 1)
})

test('of two cancellations of one moment, one is told that there is no such job', async () => {
  const own = await server.client()
  const { location } = await exported(own, '$export?_type=Patient')
  const answers = await Promise.all([own.delete(location), own.delete(location)])
  assert.deepEqual(answers.map(({ status }) => status).sort(), [202, 404])
})

test('kick-offs of one moment get no more places than there are, at two processes as well', async () => {
  const other = await server.another()
  const own = await server.client()
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? own : own.at(other)).get('$export?_type=Basic', ASYNC)),
  )
  const accepted = answers.filter(({ status }) => status === 202)
  assert.equal(accepted.length, BULK_LIMITS.activePerClientMax)
  const codes = new Set(answers.filter(({ status }) => status !== 202).map(faultCode))
  assert.deepEqual([...codes], ['fhir.bulk.client-busy'])
})

test('jobs of one tenant have a limit, and the metrics count resources', async () => {
  const clients = await Promise.all(Array.from({ length: 6 }, () => server.client()))
  const codes: (string | undefined)[] = []
  for (const client of clients)
    for (const _ of [1, 2]) codes.push(faultCode(await client.get('$export?_type=Patient', ASYNC)))
  assert.ok(codes.includes('fhir.bulk.tenant-busy'), codes.join())
  const { values } = await metrics.bulkResources.get()
  assert.ok(values.some(({ labels, value }) => labels.kind === 'export' && value > 1_000))
})
