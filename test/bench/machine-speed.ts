import { createDecipheriv, createSecretKey, hash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { median } from './median.ts'

/**
 * How fast the machine is at this moment. Virtual machines share processors: the same code takes up to twice the CPU a
 * quarter of an hour later, so figures of two runs compare only where these are alike.
 */
export interface MachineSpeed {
  /** Parsing and writing a small JSON document, hashing it and opening 64 sealed bytes, in microseconds. */
  codeUs: number
  /** One message to another socket of this machine and back, in microseconds: system calls and waking. */
  socketUs: number
}

const ROUNDS = 9
const CODE_TIMES = 4_000
const MESSAGES = 400

/** All other cores are kept busy meanwhile: under a load they are, and a core may share its hardware with another. */
export async function machineSpeed(): Promise<MachineSpeed> {
  const busy = Array.from({ length: availableParallelism() - 1 }, () => new Worker(BUSY, { eval: true }))
  await Promise.all(busy.map((worker) => once(worker, 'online')))
  try {
    const code: number[] = []
    for (let round = 0; round < ROUNDS; round++) code.push(timed(CODE_TIMES, fixedWork))
    return { codeUs: rounded(median(code)), socketUs: rounded(await roundTrip()) }
  } finally {
    await Promise.all(busy.map((worker) => worker.terminate()))
  }
}

const BUSY = 'for (let text = JSON.stringify(process.versions); ; ) JSON.stringify(JSON.parse(text))'

const DOCUMENT = JSON.stringify({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8302-2', display: 'Body height' }] },
  subject: { reference: 'Patient/example' },
  valueQuantity: { value: 166.03, unit: 'cm', system: 'http://unitsofmeasure.org', code: 'cm' },
})
const BYTES = Buffer.from(DOCUMENT)
const KEY = createSecretKey(Buffer.alloc(32, 1))
const NONCE = Buffer.alloc(12)

function fixedWork(): void {
  JSON.stringify(JSON.parse(DOCUMENT))
  hash('sha256', BYTES, 'buffer')
  createDecipheriv('aes-256-gcm', KEY, NONCE).update(BYTES.subarray(0, 64))
}

function timed(times: number, work: () => void): number {
  const began = performance.now()
  for (let n = 0; n < times; n++) work()
  return ((performance.now() - began) * 1_000) / times
}

async function roundTrip(): Promise<number> {
  const server = createServer((socket) => socket.setNoDelay().pipe(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket: Socket = connect((server.address() as { port: number }).port, '127.0.0.1').setNoDelay()
  await once(socket, 'connect')
  const trips: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now()
    for (let n = 0; n < MESSAGES; n++) {
      socket.write(BYTES)
      await once(socket, 'data')
    }
    trips.push(((performance.now() - began) * 1_000) / MESSAGES)
  }
  socket.destroy()
  server.close()
  return median(trips)
}

const rounded = (us: number): number => Math.round(us * 10) / 10
