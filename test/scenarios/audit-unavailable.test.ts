import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Connection, openConnection } from '../../server/src/platform/db/index.ts'
import {
  type Answer,
  accessToken,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../fixtures/server.ts'

const SECRET = 'Unmistakable'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

let server: TestServer
let owner: Connection
let client: TestClient
let id: string

before(async () => {
  server = await startTestServer()
  owner = await openConnection({ url: server.databaseUrl })
  client = await server.client()
  const created = await client.post('Patient', patient())
  id = created.body.id
  await client.put(`Patient/${id}`, patient({ id, active: true }))
})

after(async () => {
  await owner.close()
  await server.close()
})

function patient(more: object = {}): Json {
  return { resourceType: 'Patient', name: [{ family: SECRET }], ...more }
}

/** Every way to get at a resource, to change one, and to learn whether one is there. */
function requests(reader: TestClient): Record<string, () => Promise<Answer>> {
  const entry = [
    { request: { method: 'GET', url: `Patient/${id}` } },
    { request: { method: 'GET', url: `Patient?name=${SECRET}` } },
    { resource: patient(), request: { method: 'POST', url: 'Patient' } },
  ]
  return {
    read: () => client.get(`Patient/${id}`),
    'unchanged read': () => client.get(`Patient/${id}`, { 'if-none-match': 'W/"2"' }),
    'read of nothing': () => client.get('Patient/nobody'),
    vread: () => client.get(`Patient/${id}/_history/1`),
    history: () => client.get(`Patient/${id}/_history`),
    'history of all': () => client.get('_history'),
    search: () => client.get(`Patient?name=${SECRET}`),
    'empty search': () => client.get('Patient?name=nobody'),
    count: () => client.get('Patient?_summary=count'),
    'search by form': () => client.send('POST', 'Patient/_search', `name=${SECRET}`, FORM),
    compartment: () => client.get(`Patient/${id}/Observation`),
    'audit search': () => client.get('AuditEvent'),
    create: () => client.post('Patient', patient()),
    'conditional create': () => client.post('Patient', patient(), { 'if-none-exist': `name=${SECRET}` }),
    update: () => client.put(`Patient/${id}`, patient({ id })),
    patch: () => client.patch(`Patient/${id}`, [{ op: 'replace', path: '/active', value: false }]),
    delete: () => client.delete(`Patient/${id}`),
    transaction: () => client.post('', { resourceType: 'Bundle', type: 'transaction', entry }),
    forbidden: () => reader.get(`Patient/${id}`),
  }
}

/** How the log can refuse, and how it is mended. */
const FAILURES: Record<string, { broken: string; mended: string }> = {
  'a trigger that raises': {
    broken: `create function audit_breaks() returns trigger language plpgsql as $$ begin raise exception '${SECRET}'; end $$;
      create trigger breaks before insert on audit.log execute function audit_breaks()`,
    mended: 'drop trigger breaks on audit.log; drop function audit_breaks()',
  },
  'no right to insert': {
    broken: 'revoke insert on audit.log from salus_app',
    mended: 'grant insert on audit.log to salus_app',
  },
  'a table that is gone': {
    broken: 'alter table audit.log rename to lost',
    mended: 'alter table audit.lost rename to log',
  },
}

for (const [failure, { broken, mended }] of Object.entries(FAILURES)) {
  test(`while the audit log refuses (${failure}), nothing is answered and nothing is stored`, async () => {
    const reader = await server.client('system/Observation.rs')
    const before = await state()
    await run(broken)
    try {
      for (const [name, request] of Object.entries(requests(reader))) assertNothingSaid(name, await request())
      const batch = await client.post('', {
        resourceType: 'Bundle',
        type: 'batch',
        entry: [{ request: { method: 'GET', url: `Patient/${id}` } }, { request: { method: 'GET', url: 'Patient' } }],
      })
      for (const entry of batch.body?.entry ?? [{ response: { status: String(batch.status) } }])
        assert.match(entry.response.status, /^50[03]$/)
      assert.ok(!batch.text.includes(SECRET))
      await assert.rejects(accessToken(server.url, client.id, `secret-of-${client.id}`), /answered 50[03]/)
      assert.equal((await client.get('metadata')).status, 200, 'what is public stays so')
    } finally {
      await run(mended)
    }
    assert.deepEqual(await state(), before, 'nothing was written meanwhile')
    const read = await client.get(`Patient/${id}`)
    assert.equal(read.body.name[0].family, SECRET)
    assert.equal((await client.put(`Patient/${id}`, patient({ id }))).status, 200)
    assert.ok((await accessToken(server.url, client.id, `secret-of-${client.id}`)).length > 0)
    assert.ok(!server.logLines.some((line) => line.includes(SECRET)), 'nor did the log repeat what PostgreSQL said')
  })
}

function assertNothingSaid(name: string, answer: Answer): void {
  assert.ok(answer.status === 503 || answer.status === 500, `${name} was answered ${answer.status}`)
  assert.ok(!answer.text.includes(SECRET), `${name} let data out`)
  assert.equal(answer.body.resourceType, 'OperationOutcome')
  for (const header of ['etag', 'last-modified', 'location']) assert.equal(answer.headers.get(header), null, name)
}

async function state(): Promise<unknown> {
  const rows = await owner.query({
    text: 'select count(*), sum(version), (select count(*) from record.history) from record.resource',
  })
  const outbox = await owner.query({ text: 'select count(*) from events.outbox' })
  return [rows, outbox]
}

async function run(sql: string): Promise<void> {
  // One at a time: the extended protocol takes one statement.
  for (const text of sql.split(/;\s*(?=create trigger|drop function)/)) await owner.query({ text })
}
