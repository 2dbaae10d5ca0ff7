import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { typeNumber } from '@salus/fhir-model'
import type { FastifyInstance } from 'fastify'
import { allowExpunge } from '../../../../../test/fixtures/expunge.ts'
import {
  cancelJob,
  OPERATION_HEADERS,
  OPERATION_SAMPLES,
  PROBED,
  PROBES,
  type Probe,
} from '../../../../../test/fixtures/route-probes.ts'
import {
  type Answer,
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
  testClient,
} from '../../../../../test/fixtures/server.ts'
import { checkList, readList } from '../../../../../tools/tidy/shrinking-list.ts'
import { INTERACTIONS } from './dispatch.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..', '..', '..')
const OPEN = readList(
  ROOT,
  'routes-without-authorization',
  'Routes that answer without a token or any scope. This list may only shrink.',
)
const UNAUDITED = readList(
  ROOT,
  'routes-without-audit',
  'Routes that leave no audit record. This list may only shrink.',
)
/** Types on which an operation of many is called. */
const TYPES_MAX = 3

let server: TestServer
let all: TestClient
let nobody: TestClient
let unscoped: TestClient
const registered = new Set<string>()
/** What really answered without authorization, and what really left no audit record. */
const open = new Map<string, { path: string; line: number }>()
const unaudited = new Map<string, { path: string; line: number }>()
const HERE = { path: 'server/src/record/fhir/rest/every-interaction.test.ts', line: 1 }

before(async () => {
  const onFastify = (message: unknown): void => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', ({ url }) => void registered.add(url))
  }
  subscribe('fastify.initialization', onFastify)
  server = await startTestServer()
  unsubscribe('fastify.initialization', onFastify)
  await allowExpunge(server)
  all = await server.client()
  unscoped = await server.client('system/Basic.cruds')
  nobody = testClient({ fhirBase: server.fhirBase, id: 'nobody', token: '' })
  for (const resource of PROBED)
    assert.ok((await all.put(`${resource.resourceType}/${resource.id}`, resource)).status <= 201)
})
after(() => server.close())

/** All that was examined, to be asked for once more without a token. */
const examined: Probe[] = []

/** Calls the route without its scope and with it, and looks for the records of both. */
async function examine({ name, ask }: Probe): Promise<void> {
  examined.push({ name, ask })
  const refused = await ask(unscoped)
  if (refused.status !== 403) open.set(name, HERE)
  else assert.deepEqual(await recordsOf(refused), [['refusal', 'refused']], `${name}: the refusal's audit record`)
  const allowed = await ask(all)
  assert.ok(allowed.status >= 200 && allowed.status < 300, `${name}: ${allowed.status} ${allowed.text}`)
  const records = await recordsOf(allowed)
  if (!records.some(([, outcome]) => outcome === 'success')) unaudited.set(name, HERE)
}

async function recordsOf(answer: Answer): Promise<[string, string][]> {
  const id = answer.headers.get('x-request-id')
  const records = await server.audit({ limit: 100 })
  return records.filter(({ requestId }) => requestId === id).map(({ action, outcome }) => [action, outcome])
}

test('every interaction has a probe', () => {
  const probed = [...Object.keys(PROBES), 'operation']
  assert.deepEqual(probed.sort(), [...INTERACTIONS].sort())
})

for (const probes of Object.values(PROBES))
  for (const [name, ask] of Object.entries(probes))
    test(`${name}: its scope, and its records in the audit`, () => examine({ name, ask }))

test('options: its scope, and its records in the audit', () =>
  examine({ name: 'options', ask: (client) => client.send('OPTIONS', 'Patient/one') }))

test('every operation that is announced, at each of its addresses: its scope, and its records in the audit', async () => {
  const [rest] = (await all.get('metadata')).body.rest
  const types = new Map<string, string[]>(rest.operation.map(({ name }: Json) => [name, []]))
  for (const { type, operation = [] } of rest.resource as Json[])
    for (const { name } of operation as Json[]) types.set(name, [...(types.get(name) ?? []), type])
  for (const [name, of] of types) {
    const sample = OPERATION_SAMPLES[name] ?? assert.fail(`$${name} has no sample in test/fixtures/route-probes.ts`)
    const addresses = [
      { level: 'system', type: undefined, path: `$${name}` },
      // First those of which there is one, so that operations on instances have theirs.
      ...of
        .toSorted((a, b) => Number(hasProbed(b)) - Number(hasProbed(a)))
        .slice(0, TYPES_MAX)
        .flatMap((type) => [
          { level: 'type', type, path: `${type}/$${name}` },
          { level: 'instance', type, path: `${type}/one/$${name}` },
        ]),
    ]
    let answered = 0
    for (const { level, type, path } of addresses) {
      if (level === 'instance' && type !== undefined && !hasProbed(type)) continue
      const ask: Probe['ask'] = async (client) =>
        cancelJob(client, await client.post(path, sample(type, level), OPERATION_HEADERS[name]))
      if (faultCode(await ask(all)) === 'fhir.operation.unknown') continue
      answered++
      await examine({ name: path, ask })
    }
    assert.ok(answered > 0, `$${name} answers at none of its addresses`)
  }
})

function hasProbed(type: string): boolean {
  assert.ok(typeNumber(type) !== undefined)
  return PROBED.some(({ resourceType, id }) => resourceType === type && id === 'one')
}

test('without a token all of these are refused', async () => {
  // At once, because refusals of nobody known share one audit record a second.
  const answers = await Promise.all(examined.map(({ ask }) => ask(nobody)))
  for (const [index, { status }] of answers.entries()) if (status !== 401) open.set(examined[index]?.name ?? '', HERE)
})

test('a token is issued to a client that proves itself only, and both ends are in the audit', async () => {
  const logins = async (): Promise<string[]> =>
    (await server.audit({ action: 'login' })).map(({ client, outcome }) => `${client} ${outcome}`)
  const ask = (secret: string): Promise<Response> =>
    fetch(`${server.url}/oauth2/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${all.id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
  assert.equal((await ask('wrong')).status, 401)
  assert.equal((await ask(`secret-of-${all.id}`)).status, 200)
  const [newest, before] = await logins()
  assert.deepEqual([newest, before], [`${all.id} success`, `${all.id} refused`])
})

/** Routes whose authorization and audit the tests above look at. */
const EXAMINED = ['/fhir/R4', '/fhir/R4/*', '/oauth2/*']

test('every other route of the server, and what else lies at the OAuth addresses, is in the lists', async () => {
  assert.ok(
    EXAMINED.every((route) => registered.has(route)),
    [...registered].join(),
  )
  const others = [...registered].filter((route) => !EXAMINED.includes(route))
  for (const route of [
    ...others,
    '/oauth2/jwks',
    '/oauth2/auth',
    '/oauth2/token/introspection',
    '/oauth2/reg',
    '/oauth2/me',
  ]) {
    const before = (await server.audit()).length
    const { status } = await fetch(server.url + route)
    if (status === 404 || status === 405) continue
    assert.equal(status, 200, route)
    open.set(route, HERE)
    if ((await server.audit()).length === before) unaudited.set(route, HERE)
  }
})

test('what needs no authorization, and what leaves no audit record, is exactly what the lists give a reason for', () => {
  const problems = [
    ...checkList(OPEN, open, 'answers without a token or any scope, and the list gives no reason'),
    ...checkList(UNAUDITED, unaudited, 'leaves no audit record, and the list gives no reason'),
  ]
  assert.deepEqual(
    problems.map(({ message }) => message),
    [],
  )
})
