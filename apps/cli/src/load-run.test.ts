import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { type Fault, FaultError } from '@salus/server/kernel'
import { classify, packOf } from './load-classify.ts'
import { openConnection } from './load-connection.ts'
import { newPatience } from './load-patience.ts'
import { contentKey, type Piece } from './load-piece.ts'
import { type LoadReport, newReport } from './load-report.ts'
import { runLoad } from './load-run.ts'
import { openLoadState } from './load-state.ts'
import { type TokenSource, tokenSource } from './load-token.ts'
import { openProgress } from './progress.ts'

/** Stands in for a server in trouble; a healthy one is the real one, in load.test.ts. */
type Behaviour = (request: IncomingMessage, body: string, response: ServerResponse) => void
interface Sent {
  type: string
  entry: { resource?: { resourceType: string; id?: string } }[]
}

let behaviours: Behaviour[] = []
const bodies: Sent[] = []
const tokens: (string | undefined)[] = []
const server: Server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('error', () => undefined)
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString()
    bodies.push(JSON.parse(body) as Sent)
    tokens.push(request.headers.authorization)
    ;(behaviours.shift() ?? store)(request, body, response)
  })
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const directory = mkdtempSync(join(tmpdir(), 'salus-load-run-'))
after(() => {
  server.closeAllConnections()
  server.close()
  rmSync(directory, { recursive: true })
})
beforeEach(() => {
  behaviours = []
  bodies.length = 0
  tokens.length = 0
})

const answer =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  (_request, _body, response) =>
    response.writeHead(status, headers).end('{}')
const store: Behaviour = (_request, body, response) =>
  statuses(...(JSON.parse(body) as Sent).entry.map(() => '201 Created'))(_request, body, response)
const statuses =
  (...all: string[]): Behaviour =>
  (_request, _body, response) =>
    response.end(JSON.stringify({ resourceType: 'Bundle', entry: all.map((status) => ({ response: { status } })) }))
const cut: Behaviour = (request) => void request.socket.destroy()

const pieceOf = (value: object): Piece => {
  const bytes = Buffer.from(JSON.stringify(value))
  const found = classify(bytes, { file: 'a.json', place: '' })
  assert.ok(found.ok)
  const piece = found.value.kind === 'piece' ? found.value.piece : packOf(found.value.loose)
  return { ...piece, keys: [contentKey(bytes)] }
}
const patients = (...ids: string[]): object[] => ids.map((id) => ({ resourceType: 'Patient', id }))
const transaction = (id: string): Piece =>
  pieceOf({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [{ resource: { resourceType: 'Patient', id }, request: { method: 'POST', url: 'Patient' } }],
  })
const puts = (...ids: string[]): Piece =>
  pieceOf({ resourceType: 'Bundle', type: 'collection', entry: patients(...ids).map((resource) => ({ resource })) })

interface Options {
  name: string
  retryUnknown?: boolean
  token?: TokenSource
  parallel?: number
  stop?: AbortController
}

async function load(pieces: Piece[], options: Options): Promise<{ report: LoadReport; fault: Fault | undefined }> {
  const { parallel = 1, stop = new AbortController(), retryUnknown = false } = options
  const token = options.token ?? tokenSource(() => Promise.resolve({ access_token: 'good', expires_in: 900 }))
  const connection = openConnection({ url, parallel })
  const state = openLoadState({ path: join(directory, options.name), url, fresh: false })
  const report = newReport(url, 1)
  const delivery = { connection, token, patience: newPatience(stop.signal, 1e6), path: '/fhir/R4' }
  const progress = openProgress({ label: '', things: '', total: 0, silent: true })
  const fault = await runLoad({
    phases: [
      async function* (context) {
        for (const piece of pieces)
          if (context.admit(piece.keys[0] as string, { file: 'a.json', place: '' }, () => piece.repeatable)) yield piece
      },
    ],
    delivery,
    state,
    report,
    progress,
    parallel,
    retryUnknown,
    stop,
  })
  state.close()
  connection.close()
  return { report, fault }
}

test('a server that is busy or away for a while gets the same request again', async () => {
  behaviours = [answer(503), answer(429, { 'retry-after': '1' }), answer(408)]
  const { report } = await load([transaction('a')], { name: 'busy' })
  assert.deepEqual(report.resources, { stored: 1, existing: 0, refused: 0 })
  assert.equal(bodies.length, 4)
  assert.ok(report.complete)
})

test('a server that stays away ends the load with cli.server-lost; nothing is taken for stored', async () => {
  behaviours = Array.from({ length: 100 }, () => answer(503))
  const { report, fault } = await load([transaction('a'), transaction('b')], { name: 'lost' })
  assert.equal(fault?.code, 'cli.server-lost')
  assert.equal(report.complete, false)
  assert.equal(report.resources.stored, 0)
  behaviours = []
  const next = await load([transaction('a'), transaction('b')], { name: 'lost' })
  assert.equal(next.report.resources.stored, 2)
})

test('a transaction whose connection was lost after it was sent is reported and never sent again by itself', async () => {
  behaviours = [cut]
  const first = await load([transaction('a'), transaction('b')], { name: 'cut' })
  assert.deepEqual(first.report.unknown, [{ file: 'a.json', place: '' }])
  assert.equal(first.report.resources.stored, 1)
  assert.equal(bodies.length, 2)
  const second = await load([transaction('a'), transaction('b')], { name: 'cut' })
  assert.equal(second.report.unknown.length, 1)
  assert.equal(second.report.storedBefore, 1)
  assert.equal(bodies.length, 2)
  const third = await load([transaction('a')], { name: 'cut', retryUnknown: true })
  assert.equal(third.report.resources.stored, 1)
})

test('a proxy that lost the server leaves the same doubt', async () => {
  behaviours = [answer(502)]
  const { report } = await load([transaction('a')], { name: 'proxy' })
  assert.equal(report.unknown.length, 1)
  assert.equal(bodies.length, 1)
})

test('a server that does not know whether it stored leaves the same doubt, for a Bundle and for entries of a batch', async () => {
  const body = { issue: [{ severity: 'error', details: { coding: [{ code: 'audit.ledger.outcome-unknown' }] } }] }
  behaviours = [(_request, _body, response) => response.writeHead(504).end(JSON.stringify(body))]
  const whole = await load([transaction('a')], { name: 'outcome-unknown' })
  assert.deepEqual([whole.report.unknown.length, whole.report.resources.stored, bodies.length], [1, 0, 1])
  behaviours = [answer(400), statuses('504')]
  const entries = await load([transaction('b')], { name: 'outcome-unknown-entry' })
  assert.equal(entries.report.resources.stored, 0)
  assert.equal(bodies.length, 2)
  behaviours = [statuses('201', '504'), statuses('200')]
  const again = await load([puts('c', 'd')], { name: 'outcome-unknown-puts' })
  assert.equal(again.report.resources.stored, 2)
})

test('resources with ids are sent again after a lost connection: that stores them once', async () => {
  behaviours = [cut, answer(504)]
  const { report } = await load([puts('a', 'b')], { name: 'puts' })
  assert.deepEqual(report.unknown, [])
  assert.equal(report.resources.stored, 2)
  assert.equal(bodies.length, 3)
})

test('nothing listens: the request was not sent, and the next run sends it', async () => {
  const gone = createServer()
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve))
  const { port } = gone.address() as AddressInfo
  await new Promise((resolve) => gone.close(resolve))
  const connection = openConnection({ url: `http://127.0.0.1:${port}`, parallel: 1 })
  await assert.rejects(connection.post('/', Buffer.from('{}'), {}), { name: 'ConnectionLost', sent: false })
})

test('a silent server is a lost connection', async () => {
  behaviours = [() => undefined]
  const connection = openConnection({ url, parallel: 1, silentMs: 30 })
  await assert.rejects(connection.post('/', Buffer.from('{}'), {}), { name: 'ConnectionLost', sent: true })
  connection.close()
})

test('a token that is refused is replaced once', async () => {
  let fetched = 0
  const token = tokenSource(() => Promise.resolve({ access_token: `t${++fetched}`, expires_in: 900 }))
  behaviours = [answer(401)]
  const first = await load([transaction('a')], { name: 'token', token })
  assert.equal(first.report.resources.stored, 1)
  assert.deepEqual(tokens, ['Bearer t1', 'Bearer t2'])
  behaviours = [answer(401), answer(401)]
  const second = await load([transaction('b')], { name: 'token', token })
  assert.deepEqual(
    second.report.refusals.map(({ status }) => status),
    [401],
  )
})

test('a client that is refused ends the load, and what was waiting is not in doubt', async () => {
  const fault: Fault = { category: 'unauthenticated', code: 'cli.client-refused', message: 'refused' }
  const token = tokenSource(() => Promise.reject(new FaultError(fault)))
  assert.equal((await load([transaction('a')], { name: 'refused', token })).fault, fault)
  assert.equal((await load([transaction('a')], { name: 'refused' })).report.resources.stored, 1)
})

test('a pack that is refused goes again as a batch: what is right is stored, what is wrong is named', async () => {
  behaviours = [answer(422), statuses('201', '422', '200')]
  const { report } = await load([puts('a', 'b', 'c')], { name: 'batch' })
  assert.deepEqual(
    bodies.map(({ type }) => type),
    ['transaction', 'batch'],
  )
  assert.deepEqual(report.resources, { stored: 2, existing: 0, refused: 1 })
  assert.deepEqual(report.refusals, [
    { file: 'a.json', place: 'entry 1', type: 'Patient', status: 422, code: 'http.422' },
  ])
})

test('entries of a batch for which there was no room go again by themselves', async () => {
  behaviours = [answer(400), statuses('201', '503', '429'), statuses('201', '429'), statuses('201')]
  const { report } = await load([puts('a', 'b', 'c')], { name: 'rest' })
  assert.deepEqual(
    bodies.map(({ entry }) => entry.map(({ resource }) => resource?.id).join()),
    ['a,b,c', 'a,b,c', 'b,c', 'c'],
  )
  assert.deepEqual(report.resources, { stored: 3, existing: 0, refused: 0 })
})

test('a transaction of somebody else is refused as a whole, never divided, and sent again by the next run', async () => {
  behaviours = [answer(422)]
  const { report } = await load([transaction('a')], { name: 'whole' })
  assert.equal(bodies.length, 1)
  assert.deepEqual(report.resources, { stored: 0, existing: 0, refused: 1 })
  assert.equal((await load([transaction('a')], { name: 'whole' })).report.resources.stored, 1)
})

test('an answer that is no Bundle ends the load with cli.server-strange and leaves the piece in doubt', async () => {
  behaviours = [(_request, _body, response) => void response.end('<html>')]
  assert.equal((await load([transaction('a')], { name: 'strange' })).fault?.code, 'cli.server-strange')
  assert.equal((await load([transaction('a')], { name: 'strange' })).report.unknown.length, 1)
})

test('equal content is sent once in a run', async () => {
  const { report } = await load([transaction('a'), transaction('a')], { name: 'twice', parallel: 2 })
  assert.equal(report.resources.stored, 1)
  assert.equal(report.storedBefore, 1)
})

test('a stop lets the requests under way end, begins nothing new, and the next run does the rest', async () => {
  const stop = new AbortController()
  behaviours = [
    (request, body, response) => {
      stop.abort()
      store(request, body, response)
    },
  ]
  const first = await load([transaction('a'), transaction('b')], { name: 'stop', stop })
  assert.equal(first.report.resources.stored, 1)
  assert.equal(first.report.complete, false)
  assert.equal(bodies.length, 1)
  const second = await load([transaction('a'), transaction('b')], { name: 'stop' })
  assert.equal(second.report.resources.stored, 1)
  assert.equal(second.report.storedBefore, 1)
  assert.equal(second.report.complete, true)
})

test('a stop during a pause does not wait for its end, and the piece is not in doubt', async () => {
  const stop = new AbortController()
  behaviours = [
    (_request, _body, response) => {
      stop.abort()
      response.writeHead(503).end()
    },
  ]
  const first = await load([transaction('a')], { name: 'pause', stop })
  assert.equal(first.fault, undefined)
  assert.equal((await load([transaction('a')], { name: 'pause' })).report.resources.stored, 1)
})
