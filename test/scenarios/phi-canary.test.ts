import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { type Connection, openConnection } from '../../server/src/platform/db/index.ts'
import { serverHome } from '../fixtures/server-process.ts'
import { moveMarked, moveWrongly } from './phi-canary-bulk.ts'
import {
  bundleMarked,
  done,
  type Load,
  markedPatient,
  readMarked,
  sendWrongly,
  writeMarked,
} from './phi-canary-load.ts'
import { DIGITS, expanded, type Hit, hitsBelow, hitsIn, marker, STEM } from './phi-canary-markers.ts'
import { operateMarked } from './phi-canary-operations.ts'

const PLAINTEXT_SERVER = join(import.meta.dirname, '..', 'fixtures', 'plaintext-server.ts')
/** Keys are secret by themselves, and hold no patient's data. */
const EXCEPT = ['keys']

test('nothing that tells who a patient is stands in the data directory, its WAL, logs, metrics, traces or errors', async (t) => {
  const home = await serverHome()
  t.after(() => home.remove())
  const collector = await startCollector()
  t.after(() => collector.close())
  await prepare(home)
  const environment = { SALUS_LOG_LEVEL: 'debug', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }
  const server = await home.start({ environment })
  const load: Load = { client: await home.client(), url: home.url, refusals: [] }
  const id = await writeMarked(load)
  await bundleMarked(load)
  await readMarked(load, id)
  await moveMarked(load)
  await operateMarked(load, id)
  await sendWrongly(load, id)
  await moveWrongly(load)

  const answers = load.refusals.flatMap(({ what, answer }) =>
    hitsIn(what, Buffer.from(`${JSON.stringify([...answer.headers])}\n${answer.text}`)),
  )
  assert.deepEqual(answers, [], 'refusals repeat nothing of the request')
  assert.ok(load.refusals.length >= 60)
  const metrics = await (await fetch(`${home.url}/metrics`)).text()
  assert.match(metrics, /salus_http_request_seconds_count/)
  assert.deepEqual(hitsIn('metrics', Buffer.from(metrics)), [])

  const values = await storedValues(await home.databaseUrl())
  assert.ok(values.length > 100)
  assert.deepEqual(
    values.flatMap(({ where, value }) => [value, ...expanded(value)].flatMap((reading) => hitsIn(where, reading))),
    [],
    'nothing is stored compressed but unsealed',
  )
  await server.stop()
  assert.deepEqual(hitsIn('output', Buffer.from(home.output())), [])
  assert.match(home.output(), /"event"/, 'the server logged something')
  assert.ok(collector.received.length > 0, 'traces were exported')
  assert.deepEqual(hitsIn('traces', Buffer.concat(collector.received)), [])
  const files = hitsBelow(home.dataDir, EXCEPT)
  assert.deepEqual(files.hits, [])
  assert.ok(files.bytes > 40_000_000 && existsSync(join(home.dataDir, 'postgres', 'data', 'pg_wal')))
})

test('the search for markers finds them when sealing is off, and in each encoding', async (t) => {
  const home = await serverHome()
  t.after(() => home.remove())
  await prepare(home)
  const server = await home.start({ program: PLAINTEXT_SERVER })
  const client = await home.client()
  await done('create', client.post('Patient', markedPatient()))
  await done('search', client.get(`Patient?name=${marker('family')}`))
  const unsealed = (await storedValues(await home.databaseUrl())).flatMap(({ where, value }) =>
    expanded(value).flatMap((reading) => hitsIn(where, reading)),
  )
  const found = new Set(unsealed.map(({ where }) => where))
  assert.ok(found.has('record.resource.sealed'), 'bodies that are compressed but not sealed are found')
  assert.ok(
    unsealed.some(({ pattern }) => pattern.startsWith(DIGITS)),
    'digits too',
  )
  const connection = await openConnection({ url: await home.databaseUrl() })
  await plant(connection)
  await connection.close()
  await server.stop()

  const { hits } = hitsBelow(home.dataDir, EXCEPT)
  for (const place of ['/base/', '/pg_wal/']) {
    const patterns = new Set(hits.filter(({ where }) => where.includes(place)).map(({ pattern }) => pattern))
    for (const encoding of ENCODINGS) assert.ok(patterns.has(`${STEM} in ${encoding}`), `${encoding} in ${place}`)
    assert.ok(
      [...patterns].some((pattern) => pattern.endsWith('as bigint')),
      `a birth date as a number in ${place}`,
    )
  }
  const logged: Hit[] = hitsIn('log', Buffer.from(`{"event":"x","name":"${marker('log')}"}`))
  assert.equal(logged.length, 1)
})

const ENCODINGS = [
  'UTF-8',
  'UTF-16LE',
  'UTF-16BE',
  'hex',
  'base64, shifted by 0',
  'base64, shifted by 1',
  'base64, shifted by 2',
]

/** A leak of each kind, as a careless module would leave it. */
async function plant(connection: Connection): Promise<void> {
  const utf16 = Buffer.from(STEM, 'utf16le')
  const base64 = [0, 1, 2].map((shift) => Buffer.from('x'.repeat(shift) + STEM).toString('base64'))
  const texts = [STEM, Buffer.from(STEM).toString('hex'), ...base64]
  await connection.query({ text: 'create table leak (text text, bytes bytea, day bigint)' })
  for (const text of texts) await connection.query({ text: 'insert into leak (text) values ($1)' }, [text])
  for (const bytes of [utf16, Buffer.from(utf16).swap16()])
    await connection.query({ text: 'insert into leak (bytes) values ($1::bytea)' }, [bytes])
  await connection.query({ text: 'insert into leak (day) values ($1::bigint)' }, [Date.parse('1871-03-29')])
  await connection.query({ text: 'checkpoint' })
}

/**
 * Make the cluster first and switch off WAL compression: page images compressed by PostgreSQL could not be searched, and
 * what they hold is on the pages too, but perhaps no longer.
 */
async function prepare(home: Awaited<ReturnType<typeof serverHome>>): Promise<void> {
  const first = await home.start()
  await first.stop()
  writeFileSync(join(home.dataDir, 'postgres', 'data', 'conf.d', 'site.conf'), 'wal_compression = off\n', {
    mode: 0o644,
  })
}

/** Every value of every bytea column of the product's schemas, after a checkpoint. */
async function storedValues(url: string): Promise<{ where: string; value: Buffer }[]> {
  const connection = await openConnection({ url })
  try {
    await connection.query({ text: 'checkpoint' })
    const columns = await connection.query({
      text: `select c.table_schema, c.table_name, c.column_name, c.udt_name from information_schema.columns c
        join information_schema.tables t using (table_schema, table_name)
        where t.table_type = 'BASE TABLE' and c.udt_name in ('bytea', '_bytea')
          and c.table_schema not in ('pg_catalog', 'information_schema')`,
    })
    const values: { where: string; value: Buffer }[] = []
    for (const [schema, table, column, kind] of columns.map((row) => row.map(String))) {
      const value = kind === '_bytea' ? `unnest("${column}")` : `"${column}"`
      const rows = await connection.query({ text: `select ${value} from "${schema}"."${table}"` })
      for (const [bytes] of rows)
        if (bytes) values.push({ where: `${schema}.${table}.${column}`, value: bytes as Buffer })
    }
    return values
  } finally {
    await connection.close()
  }
}

/** A collector of OpenTelemetry that keeps what it is sent. */
async function startCollector(): Promise<{ url: string; received: Buffer[]; close(): void }> {
  const received: Buffer[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      received.push(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body)
      response.end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
