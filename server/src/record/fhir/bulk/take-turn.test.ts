import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { kickOff } from '../../../../../test/fixtures/bulk.ts'
import { startTestServer, type TestServer } from '../../../../../test/fixtures/server.ts'
import { type Log, outboundGet, systemClock } from '../../../kernel/index.ts'
import { openRecordStore, type RecordStore } from '../store/record-store.ts'
import { type Job, KIND } from './bulk-job.ts'
import { inputAtPace } from './input-pace.ts'
import { ndjsonLines } from './ndjson-lines.ts'
import type { Held } from './run-export.ts'
import { claimJob } from './store.ts'
import { type TurnOptions, takeTurn } from './take-turn.ts'

let files: Server
let host: string
let trickling = 0
let server: TestServer
let store: RecordStore

before(async () => {
  files = createServer((_request, response) => {
    trickling++
    const timer = setInterval(() => response.write(' '), 100)
    response.on('close', () => {
      clearInterval(timer)
      trickling--
    })
  })
  await new Promise<void>((listening) => files.listen(0, '127.0.0.1', listening))
  host = `127.0.0.1:${(files.address() as AddressInfo).port}`
  server = await startTestServer({ environment: { SALUS_IMPORT_ALLOW: host } })
  store = openRecordStore({ ...server.platform, clock: systemClock })
  // The server's only place for imports is taken: the jobs of the tests are left to the tests.
  await kickOff(await server.client(), '$import', manifest())
  while (trickling === 0) await new Promise((resolve) => setTimeout(resolve, 20))
})
after(async () => {
  await server.close()
  files.closeAllConnections()
  files.close()
})

const manifest = () => ({ input: [{ type: 'Patient', url: `http://${host}/x` }] })
const quiet: Log = { debugs: false, debug() {}, info() {}, warn() {}, error() {} }

/** A job of a client of its own, in the hands of the test. */
async function held(): Promise<Job> {
  await kickOff(await server.client(), '$import', manifest())
  const now = Date.now()
  const job = await claimJob(store.database, { now, until: now + 60_000, not: [], kinds: [KIND.import] })
  assert.ok(job)
  return job
}

/** Reads what never comes to the end of a line, as an import does. */
async function readOn({ signal }: Held): Promise<void> {
  const outbound = outboundGet({ allow: host })
  const pieces = inputAtPace((over) => outbound(`http://${host}/x`, { signal: over }), { clock: systemClock, signal })
  const limits = { lineBytesMax: 1_000, bytesMax: 1_000_000 }
  for await (const _ of ndjsonLines(pieces, limits, { clock: systemClock, signal })) assert.fail('no line')
}

function options(run: (held: Held) => Promise<void> = readOn, turnMs = 60_000): TurnOptions {
  const either = { [KIND.export]: run, [KIND.import]: run }
  return {
    store,
    clock: systemClock,
    log: quiet,
    run: either,
    turnMs: { [KIND.export]: turnMs, [KIND.import]: turnMs },
  }
}

async function rowOf({ number }: Job): Promise<{ state: number; failures: number; code: string; turn: number }> {
  const text = 'select state, failures, code, turn from record.bulk_job where number = $1'
  const [row] = await store.database.query({ text }, [number])
  const [state, failures, code, turn] = row as [number, number, string, number]
  return { state, failures, code, turn }
}

const never = new AbortController().signal

test('the end of its turn ends what an import waits for; one that came no further has failed to', async () => {
  const job = await held()
  await takeTurn(options(readOn, 500), job, never)
  const once = await rowOf(job)
  assert.deepEqual([once.state, once.failures, once.code], [1, 1, ''])
  assert.ok(once.turn > Date.now(), 'others are first')
  job.failures = 4
  await takeTurn(options(readOn, 500), job, never)
  const last = await rowOf(job)
  assert.deepEqual([last.state, last.code], [3, 'fhir.bulk.input-slow'])
})

test('a turn in which lines were stored is no failure', async () => {
  const job = await held()
  const further = async (of: Held): Promise<void> => {
    of.job.cursor = JSON.stringify({ ...JSON.parse(of.job.cursor), line: 1 })
    await readOn(of)
  }
  await takeTurn(options(further, 500), job, never)
  const { state, failures, turn } = await rowOf(job)
  assert.deepEqual([state, failures], [1, 0])
  assert.ok(turn <= Date.now(), 'it goes on when it is its turn')
})

test('an import whose lease is lost to another ends what it waits for', async () => {
  const job = await held()
  await store.database.query({ text: 'update record.bulk_job set lease = lease + 1 where number = $1' }, [job.number])
  const began = Date.now()
  await takeTurn(options(), job, never)
  assert.ok(Date.now() - began < 30_000, 'long before its time is over')
  assert.deepEqual((await rowOf(job)).failures, 0)
})

test('the end of the process ends what an import waits for, and is no failure of it', async () => {
  const job = await held()
  const closing = new AbortController()
  setTimeout(() => closing.abort(), 200)
  await takeTurn(options(), job, closing.signal)
  const { state, failures, turn } = await rowOf(job)
  assert.deepEqual([state, failures], [1, 0])
  assert.ok(turn <= Date.now())
})

test('a fault that comes after the time is over counts as one', async () => {
  const job = await held()
  const late = async ({ signal }: Held): Promise<void> => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    throw new Error('the statement took too long')
  }
  await takeTurn(options(late, 200), job, never)
  assert.equal((await rowOf(job)).failures, 1)
})
