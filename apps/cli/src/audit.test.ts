import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openConnection } from '../../../server/src/platform/db/index.ts'
import { type CliPlace, salus } from '../../../test/fixtures/cli.ts'
import { startTestServer, type TestClient, type TestServer } from '../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient
let place: CliPlace
let dir = ''
let publicKey = ''
before(async () => {
  server = await startTestServer()
  client = await server.client()
  place = { dataDir: server.dataDir, databaseUrl: server.databaseUrl }
  dir = mkdtempSync('/tmp/salus-audit-cli-')
  publicKey = join(server.dataDir, 'keys', 'audit-signing.pub')
  await client.post('Patient', { resourceType: 'Patient', name: [{ family: 'Audited' }] })
  await server.platform.checkpointer.checkpoint()
})
after(async () => {
  await server.close()
  rmSync(dir, { recursive: true, force: true })
})

/** Where only an export and the public key are: another machine. */
const elsewhere = (): CliPlace => ({ dataDir: join(dir, 'elsewhere') })

test('the log is verified beside the server, and an export on another machine with the public key alone', async () => {
  const live = await salus(place, 'audit', 'verify', '--json')
  assert.equal(live.code, 0, live.stderr)
  assert.ok(live.json.ok && live.json.anchored > 0 && live.json.logs[0].leaves > 0)
  const out = join(dir, 'export')
  const exported = await salus(place, 'audit', 'export', '--out', out, '--json')
  assert.equal(exported.code, 0, exported.stderr)
  assert.ok(exported.json.leaves > 0 && exported.json.recorded)
  const offline = await salus(elsewhere(), 'audit', 'verify', '--export', out, '--public-key', publicKey, '--json')
  assert.equal(offline.code, 0, offline.stderr + offline.stdout)
  assert.ok(offline.json.anchored > 0)
  assert.ok((await server.audit({ action: 'admin' })).some((record) => record.client === 'cli'))

  const early = join(dir, 'early')
  assert.equal((await salus(place, 'audit', 'export', '--out', early, '--to', '2001-01-01', '--json')).json.leaves, 0)
  const late = await salus(place, 'audit', 'export', '--out', join(dir, 'late'), '--from', '2101-01-01', '--json')
  assert.equal(late.code, 0, late.stderr)
  assert.deepEqual(
    readdirSync(join(dir, 'late')).filter((name) => name.startsWith('audit-0-0-')),
    [],
    'from the last checkpoint on',
  )
  const backwards = ['--from', '2026-01-02', '--to', '2026-01-01']
  for (const window of [['--to', 'yesterday'], ['--from', '2026-02-30'], ['--to', '2026'], backwards])
    assert.equal((await salus(place, 'audit', 'export', '--out', early, ...window)).code, 2, window.join(' '))
})

test('a month that is not over is not archived; removing asks first, and an archive without months does not verify', async () => {
  const archived = await salus(place, 'audit', 'archive', '--json')
  assert.equal(archived.code, 0, archived.stderr)
  assert.deepEqual([archived.json.files, archived.json.removed.rows], [[], 0])
  const unasked = await salus(place, 'audit', 'archive', '--remove')
  assert.equal(unasked.code, 2)
  assert.match(unasked.stderr, /Nobody is at the terminal/)
  assert.equal((await salus(place, 'audit', 'archive', '--remove', '--yes')).code, 0)
  assert.equal((await salus(place, 'audit', 'archive', 'now')).code, 2)
  const nothing = await salus(place, 'audit', 'verify', '--archive', join(dir, 'nowhere'))
  assert.match(nothing.stderr, /audit\.nothing-there/)
})

test('an empty or missing export does not pass as intact', async () => {
  mkdirSync(join(dir, 'empty'))
  for (const name of ['empty', 'missing']) {
    const answer = await salus(elsewhere(), 'audit', 'verify', '--export', join(dir, name), '--public-key', publicKey)
    assert.equal(answer.code, 2)
    assert.match(answer.stderr, /audit\.nothing-there/)
  }
  assert.equal((await salus(elsewhere(), 'audit', 'verify', '--export', dir)).code, 7, 'no public key')
  assert.match((await salus(elsewhere(), 'audit', 'verify', '--public-key', publicKey)).stderr, /db\.no-record/)
  const typo = join(dir, 'typo.pub')
  const out = join(dir, 'export')
  const mistyped = await salus(elsewhere(), 'audit', 'verify', '--export', out, '--public-key', typo)
  assert.ok(mistyped.stderr.startsWith(`salus: Cannot read the public key ${typo} (ENOENT). `), mistyped.stderr)
  assert.doesNotMatch(mistyped.stderr, /sign/)
})

test('one record is proved, and the proof holds with the public key alone', async () => {
  const file = join(dir, 'proof.json')
  const proved = await salus(place, 'audit', 'prove', 'AuditEvent/log-0-0', '--out', file)
  assert.equal(proved.code, 0, proved.stderr)
  const checked = await salus(elsewhere(), 'audit', 'prove', '--check', file, '--public-key', publicKey, '--json')
  assert.equal(checked.code, 0, checked.stderr)
  assert.deepEqual([checked.json.ok, checked.json.node, checked.json.index], [true, 0, 0])

  const bundle = JSON.parse(readFileSync(file, 'utf8')) as { index: number }
  writeFileSync(file, JSON.stringify({ ...bundle, index: bundle.index + 1 }))
  assert.equal((await salus(elsewhere(), 'audit', 'prove', '--check', file, '--public-key', publicKey)).code, 8)
  writeFileSync(file, 'no proof')
  const unreadable = await salus(elsewhere(), 'audit', 'prove', '--check', file, '--public-key', publicKey)
  assert.equal(unreadable.code, 2)
  assert.match(unreadable.stderr, /audit\.proof\.unreadable/)
  assert.match((await salus(place, 'audit', 'prove', 'log-x')).stderr, /audit\.proof\.id-malformed/)
  assert.equal((await salus(place, 'audit', 'prove')).code, 2)
})

test('an altered record is named, with its own exit code', async () => {
  const owner = await openConnection({ url: server.databaseUrl })
  try {
    for (const text of [
      'alter table audit.log disable trigger only_grows',
      'update audit.log set leaves[1] = set_byte(leaves[1], 20, (get_byte(leaves[1], 20) + 1) % 256) where node = 0 and first = 0',
      'alter table audit.log enable always trigger only_grows',
    ])
      await owner.query({ text })
  } finally {
    await owner.close()
  }
  const found = await salus(place, 'audit', 'verify', '--json')
  assert.equal(found.code, 8, found.stdout)
  assert.deepEqual([found.json.ok, found.json.finding.what, found.json.finding.index], [false, 'flipped', 0])
  assert.match((await salus(place, 'audit', 'verify')).stdout, /BAD: flipped in log 0, leaf 0/)
})
