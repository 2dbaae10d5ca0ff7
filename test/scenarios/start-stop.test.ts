import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openConnection } from '../../server/src/platform/db/index.ts'
import { goneWithin, type ServerHome, serverHome } from '../fixtures/server-process.ts'

test('Ctrl-C answers what is under way, takes nothing new, and leaves no process', async (t) => {
  const home = await serverHome()
  t.after(() => home.remove())
  const server = await home.start()
  const client = await home.client()
  const { id } = (await client.post('Basic', BASIC)).body
  const owner = await openConnection({ url: await home.databaseUrl() })
  // What is under way: a read that waits for a lock, and a create whose body is still arriving.
  await owner.query({ text: 'begin' })
  await owner.query({ text: 'lock table record.resource in access exclusive mode' })
  const read = client.get(`Basic/${id}`)
  const slow = slowCreate(home, client.token)
  await slow.begun
  await sleep(200)
  const stopped = server.stop('SIGINT')
  await goneWithin(() => (server.stdout.includes('Stopping') ? [] : ['running']), 5_000)
  assert.equal(await statusOfNew(home), 'refused')
  await owner.query({ text: 'commit' })
  await owner.close()
  slow.finish()
  assert.equal((await read).status, 200)
  assert.equal(await slow.status, 201)
  assert.deepEqual(await stopped, { code: 0, signal: null })
  assert.match(server.stdout, /Stopped\.\n$/)
  assert.deepEqual(home.databaseProcesses(), [])
})

test('a stop does not wait for ever on a client that never finishes', async (t) => {
  const home = await serverHome()
  t.after(() => home.remove())
  const server = await home.start()
  const slow = slowCreate(home, (await home.client()).token)
  await slow.begun
  await sleep(200)
  assert.deepEqual(await server.stop('SIGTERM'), { code: 0, signal: null })
  assert.equal(await slow.status, 0)
  assert.deepEqual(home.databaseProcesses(), [])
})

test('two workers share one port, are started again when they die, and stop together', async (t) => {
  const home = await serverHome()
  t.after(() => home.remove())
  const server = await home.start({ environment: { SALUS_WORKERS: '2' } })
  const client = await home.client()
  const both = await answering(home, 2)
  const [worker] = workersOf(server.pid)
  assert.ok(worker !== undefined)
  const { id } = (await client.post('Basic', BASIC)).body
  for (let reads = 0; reads < 20; reads++)
    assert.equal((await client.get(`Basic/${id}`, { connection: 'close' })).status, 200)

  process.kill(worker, 'SIGKILL')
  await goneWithin(() => workersOf(server.pid).filter((pid) => pid === worker), 5_000)
  const after = await answering(home, 2)
  assert.equal([...after].filter((started) => both.has(started)).length, 1, 'one is new, one is the first process')
  assert.match(server.stderr, /worker ended/)

  const workers = workersOf(server.pid)
  assert.equal(workers.length, 1)
  assert.deepEqual(await server.stop('SIGINT'), { code: 0, signal: null })
  assert.deepEqual(workers.filter(isAlive), [])
  assert.deepEqual(home.databaseProcesses(), [])
})

test('workers and database end with a server that is killed', async (t) => {
  const home = await serverHome()
  t.after(() => home.remove())
  const server = await home.start({ environment: { SALUS_WORKERS: '2' } })
  await answering(home, 2)
  const workers = workersOf(server.pid)
  await server.stop('SIGKILL')
  assert.deepEqual(await goneWithin(() => workers.filter(isAlive), 20_000), [])
  assert.deepEqual(await goneWithin(home.databaseProcesses, 20_000), [])
  const again = await home.start()
  assert.deepEqual(await again.stop(), { code: 0, signal: null })
})

const BASIC = { resourceType: 'Basic', code: { text: 'slow' } }

/** A create whose body comes in two halves. `status`: 0 when the connection was cut without an answer. */
function slowCreate(home: ServerHome, token: string) {
  const body = JSON.stringify(BASIC)
  const sending = request(`${home.fhirBase}/Basic`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/fhir+json',
      'content-length': body.length,
      expect: '100-continue',
    },
  })
  const status = new Promise<number>((resolve) => {
    sending.once('response', (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    sending.once('error', () => resolve(0))
  })
  // The server says `continue` once it has the headers.
  const begun = once(sending, 'continue').then(() => sending.write(body.slice(0, 10)))
  sending.flushHeaders()
  return { begun, status, finish: () => sending.end(body.slice(10)) }
}

async function statusOfNew(home: ServerHome): Promise<'refused' | 'accepted'> {
  const socket = connect(Number(new URL(home.url).port), '127.0.0.1')
  return new Promise((resolve) => {
    socket.once('connect', () => {
      socket.destroy()
      resolve('accepted')
    })
    socket.once('error', () => resolve('refused'))
  })
}

/** Start times of the processes that answer on the port, asked until there are `count` of them. */
async function answering(home: ServerHome, count: number): Promise<Set<string>> {
  const seen = new Set<string>()
  for (let asked = 0; asked < 400 && seen.size < count; asked++) {
    const text = await metricsOverNewConnection(home)
    const started = /^salus_process_start_time_seconds (\S+)/m.exec(text)?.[1]
    if (started !== undefined) seen.add(started)
    if (asked > 20) await sleep(25)
  }
  assert.equal(seen.size, count, 'so many processes answer')
  return seen
}

/** Empty when the connection breaks: the kernel may give it to a worker that has just been killed. */
async function metricsOverNewConnection(home: ServerHome): Promise<string> {
  return new Promise((resolve) => {
    const asking = request(`${home.url}/metrics`, { agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    })
    asking.on('error', () => resolve(''))
    asking.end()
  })
}

/** Server processes that `parent` forked. */
function workersOf(parent: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => {
    const command = read(`/proc/${pid}/cmdline`)
    return (
      command.includes('worker-process.ts') && read(`/proc/${pid}/stat`).split(') ')[1]?.split(' ')[1] === `${parent}`
    )
  })
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
