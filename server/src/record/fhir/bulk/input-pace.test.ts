import assert from 'node:assert/strict'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { FaultError, outboundGet, systemClock } from '#kernel'
import { inputAtPace, type Pace } from './input-pace.ts'

/** A file server, the address of a file on it, and what resolves when its connection is closed. */
async function serving(t: TestContext, answer: (response: ServerResponse) => void) {
  const closed = Promise.withResolvers<void>()
  const listener: RequestListener = (_request, response) => {
    response.on('close', closed.resolve)
    answer(response)
  }
  const server = createServer(listener)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, closed: closed.promise }
}

function sending(piece: string, everyMs: number): (response: ServerResponse) => void {
  return (response) => {
    const timer = setInterval(() => response.write(piece), everyMs)
    response.on('close', () => clearInterval(timer))
  }
}

const PACE: Pace = { windowBytes: 100, windowMs: 300, totalMs: 1_500 }

function reading(host: string, signal: AbortSignal = new AbortController().signal, pace: Pace = PACE) {
  const outbound = outboundGet({ allow: host })
  return inputAtPace((over) => outbound(`http://${host}/x`, { signal: over }), { clock: systemClock, signal, pace })
}

async function bytesOf(pieces: AsyncIterable<Buffer>, pauseMs = 0): Promise<number> {
  let bytes = 0
  for await (const piece of pieces) {
    bytes += piece.length
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  return bytes
}

const isSlow = (error: unknown): boolean => error instanceof FaultError && error.fault.code === 'fhir.bulk.input-slow'

test('a file that comes is read to its end, however long its reader takes', async (t) => {
  const { host } = await serving(t, (response) => {
    response.write('x'.repeat(10))
    setTimeout(() => response.end('y'.repeat(5)), 50)
  })
  const pace = { windowBytes: 100, windowMs: 5_000, totalMs: 5_000 }
  assert.equal(await bytesOf(reading(host, new AbortController().signal, pace), 3_000), 15)
})

test('one byte now and then is too slow, and its connection is closed', async (t) => {
  const { host, closed } = await serving(t, sending(' ', 20))
  const began = Date.now()
  await assert.rejects(bytesOf(reading(host)), isSlow)
  assert.ok(Date.now() - began >= PACE.windowMs - 5)
  await closed
})

test('a server that never comes to its status line is too slow as well', async (t) => {
  const { host, closed } = await serving(t, () => undefined)
  await assert.rejects(bytesOf(reading(host)), isSlow)
  await closed
})

test('a file that keeps the pace and never ends is too long', async (t) => {
  const { host, closed } = await serving(t, sending('x'.repeat(200), 20))
  const pace = { ...PACE, windowMs: 60_000 }
  const began = Date.now()
  await assert.rejects(bytesOf(reading(host, new AbortController().signal, pace)), isSlow)
  // What is not waiting does not count.
  assert.ok(Date.now() - began >= pace.totalMs - 5)
  await closed
})

test('when the signal is aborted nobody waits any longer, and the connection is closed', async (t) => {
  const { host, closed } = await serving(t, sending(' ', 20))
  const ending = new AbortController()
  const pace = { windowBytes: 100, windowMs: 60_000, totalMs: 60_000 }
  const read = bytesOf(reading(host, ending.signal, pace))
  setTimeout(() => ending.abort(), 100)
  await assert.rejects(read, (error) => error === ending.signal.reason)
  await closed
})

test('what is read no further is closed', async (t) => {
  const { host, closed } = await serving(t, sending('x', 5))
  for await (const _ of reading(host)) break
  await closed
})
