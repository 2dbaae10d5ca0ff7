import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { demoBundle } from '@salus/demo'
import { startTestServer, type TestClient, type TestServer } from '../../../test/fixtures/server.ts'
import type { LoadReport } from './load-report.ts'

/** The test corpora stand beside the repository and are never part of it. */
const SYNTHEA = join(import.meta.dirname, '../../../../shared/corpora/synthea-r4-bundles')

let server: TestServer
let client: TestClient
const directory = mkdtempSync(join(tmpdir(), 'salus-load-'))
before(async () => {
  server = await startTestServer()
  client = await server.client()
})
after(async () => {
  await server.close()
  rmSync(directory, { recursive: true })
})

interface Ended {
  code: number | null
  out: string
  err: string
}

function salus(args: string[], env: Record<string, string> = {}): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
    env: {
      PATH: process.env['PATH'],
      SALUS_DATA_DIR: join(directory, 'data'),
      SALUS_PUBLIC_URL: server.url,
      SALUS_BOOTSTRAP_CLIENT: 'bootstrap:bootstrap-secret',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, out, err })))
  return { child, ended }
}

const run = (args: string[], env?: Record<string, string>): Promise<Ended> => salus(args, env).ended
const loaded = async (args: string[]): Promise<{ code: number | null; report: LoadReport }> => {
  const { code, out, err } = await run([...args, '--json'])
  assert.equal(err, '')
  return { code, report: JSON.parse(out) as LoadReport }
}
const total = async (query: string): Promise<number> => {
  const answer = await client.get(`${query}&_total=accurate&_count=1`)
  return (JSON.parse(answer.text) as { total: number }).total
}
const file = (name: string, content: string | Buffer): string => {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}

test('demo patients are loaded once, however often and however many are asked for', async () => {
  const args = ['demo', '--patients', '2', '--seed', '5', '--until', '2025-06-30']
  const first = await loaded(args)
  assert.equal(first.code, 0)
  const bundles = [0, 1, 2].map((index) => demoBundle({ seed: 5, index, endDate: '2025-06-30' }))
  const entries = bundles.slice(0, 2).reduce((sum, { entry }) => sum + entry.length, 0)
  assert.equal(first.report.resources.stored + first.report.resources.existing, entries)
  assert.equal((await loaded(args)).report.storedBefore, 2)
  const third = await loaded(['demo', '--patients', '3', '--seed', '5', '--until', '2025-06-30'])
  assert.equal(third.report.storedBefore, 2)
  const observations = bundles.reduce(
    (sum, { entry }) => sum + entry.filter(({ request }) => request.url === 'Observation').length,
    0,
  )
  assert.equal(await total('Observation?_tag=HTEST'), observations)
  assert.equal(await total('Patient?identifier=http://example.org/fhir/demo/patient|DEMO-5-1'), 1)
})

test('demo patients in files are the same as in the server, and load from there', async () => {
  const out = join(directory, 'files')
  const written = await run(['demo', '--patients', '2', '--seed', '6', '--until', '2025-06-30', '--out', out])
  assert.equal(written.code, 0)
  assert.deepEqual(readdirSync(out), ['demo-6-0.json', 'demo-6-1.json'])
  assert.deepEqual(
    JSON.parse(readFileSync(join(out, 'demo-6-1.json'), 'utf8')),
    demoBundle({ seed: 6, index: 1, endDate: '2025-06-30' }),
  )
  const { code, out: text } = await run(['load', out])
  assert.equal(code, 0)
  assert.match(text, /^Stored \d+ resources of 2 files in /)
  assert.equal(await total('Patient?identifier=DEMO-6-0,DEMO-6-1'), 2)
})

test('resources of all formats are stored under their ids with their numbers as written', async () => {
  const observation =
    '{"resourceType":"Observation","id":"load-1","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.50}}'
  const paths = [
    file('one.json', observation),
    file(
      'two.json.gz',
      gzipSync(
        JSON.stringify({
          resourceType: 'Bundle',
          type: 'collection',
          entry: [{ resource: { resourceType: 'Patient', id: 'load-2', birthDate: '1980' } }],
        }),
      ),
    ),
    file(
      'many.ndjson.gz',
      gzipSync(
        Array.from({ length: 600 }, (_, index) =>
          JSON.stringify({ resourceType: 'Patient', id: `line-${index}`, active: true }),
        ).join('\n'),
      ),
    ),
  ]
  const { code, report } = await loaded(['load', ...paths])
  assert.deepEqual(
    { code, resources: report.resources },
    { code: 0, resources: { stored: 602, existing: 0, refused: 0 } },
  )
  assert.match((await client.get('Observation/load-1')).text, /"value":1\.50\b/)
  assert.equal((await client.get('Patient/load-2')).status, 200)
  assert.equal((await client.get('Patient/line-599')).status, 200)
})

test('what is wrong is refused and named without its values, and the rest is stored', async () => {
  const lines = [{ id: 'right-1' }, { id: 'wrong', gender: 'Rumpelstilzchen' }, { id: 'right-2' }].map((rest) =>
    JSON.stringify({ resourceType: 'Patient', ...rest }),
  )
  const wrong = file('wrong.ndjson', [...lines, '{"resourceType":"Patient","name":"Rumpelstilzchen'].join('\n'))
  const path = join(directory, 'report.json')
  const { code, out } = await run(['load', wrong, '--report', path])
  assert.equal(code, 9)
  const written = readFileSync(path, 'utf8')
  for (const text of [out, written]) assert.doesNotMatch(text, /Rumpelstilzchen/)
  const { resources, refusals } = JSON.parse(written) as LoadReport
  assert.deepEqual(resources, { stored: 2, existing: 0, refused: 2 })
  assert.deepEqual(
    refusals.map(({ place, type, status, expression }) => ({ place, type, status, expression })),
    [
      { place: 'line 4', type: '', status: 0, expression: undefined },
      { place: 'line 2', type: 'Patient', status: 422, expression: 'Patient.gender' },
    ],
  )
  assert.equal((await client.get('Patient/right-2')).status, 200)
  assert.equal((await client.get('Patient/wrong')).status, 404)
})

test('Synthea bundles are stored whole', async (t) => {
  if (!existsSync(SYNTHEA)) return t.diagnostic('skipped: corpora absent')
  const { code, report } = await loaded(['load', SYNTHEA])
  const entries = readdirSync(SYNTHEA)
    .filter((name) => name.endsWith('.json.gz'))
    .map((name) => JSON.parse(gunzipSync(readFileSync(join(SYNTHEA, name))).toString()) as { entry: unknown[] })
    .reduce((sum, { entry }) => sum + entry.length, 0)
  assert.deepEqual(
    { code, resources: report.resources },
    { code: 0, resources: { stored: entries, existing: 0, refused: 0 } },
  )
})

test('Ctrl-C ends a load cleanly, and the same command goes on: nothing is lost or stored twice', async () => {
  const args = ['demo', '--patients', '40', '--seed', '7', '--until', '2025-06-30', '--parallel', '2']
  const { child, ended } = salus(args)
  while (
    (await total('Patient?identifier=http://example.org/fhir/demo/patient|DEMO-7-0')) === 0 &&
    child.exitCode === null
  )
    await new Promise((resolve) => setTimeout(resolve, 5))
  child.kill('SIGINT')
  const { code, out } = await ended
  assert.equal(code, 130)
  assert.match(out, /run the same command again to go on/)
  const rest = await loaded(args)
  assert.equal(rest.code, 0)
  assert.ok(rest.report.storedBefore > 0 && rest.report.storedBefore < 40)
  assert.equal(
    await total('Patient?identifier=http://example.org/fhir/demo/patient|&birthdate=gt1900-01-01&_tag=HTEST'),
    45,
  )
})

test('wrong use, a wrong client and no server are told in one line, with an exit code of their own', async () => {
  const secret = file('secret', 'not-the-secret')
  const cases: [string[], number, RegExp, Record<string, string>?][] = [
    [['load'], 2, /\[cli\.usage\]/],
    [['demo', 'ten'], 2, /\[cli\.usage\]/],
    [['demo', '--patients', 'ten'], 2, /\[cli\.option\]/],
    [['demo', '--until', '2025-02-30'], 2, /\[cli\.option\]/],
    [['demo', '--parallel', '65'], 2, /\[cli\.option\]/],
    [['load', join(directory, 'nowhere')], 2, /\[cli\.load\.no-such-path\]/],
    [['demo', '--client', 'x'], 3, /\[cli\.no-client\]/],
    [['demo'], 3, /\[cli\.no-client\]/, { SALUS_BOOTSTRAP_CLIENT: '' }],
    [['demo', '--client', 'bootstrap', '--secret-file', secret], 10, /\[cli\.client-refused\]/],
    [['demo', '--url', 'http://127.0.0.1:1'], 10, /\[cli\.server-away\]/],
  ]
  for (const [args, code, pattern, env] of cases) {
    const ended = await run(args, env)
    assert.equal(ended.code, code, args.join(' '))
    assert.match(ended.err, pattern)
    assert.equal(ended.err.trim().split('\n').length, 1)
  }
})
