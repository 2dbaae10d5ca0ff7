import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openConnection } from '../../../server/src/platform/db/index.ts'
import { BACKED_UP_SCHEMAS } from '../../../server/src/roles/admin-backup.ts'
import { type CliPlace, salus } from '../../../test/fixtures/cli.ts'
import { emptyDatabase } from '../../../test/fixtures/database.ts'
import { type ServerHome, serverHome } from '../../../test/fixtures/server-process.ts'

let home: ServerHome
let dir = ''
before(async () => {
  home = await serverHome()
  dir = mkdtempSync('/tmp/salus-restore-')
})
after(async () => {
  await home.remove()
  rmSync(dir, { recursive: true, force: true })
})

test('a backup made beside the running server is restored into a new data directory and served from there', async () => {
  const place: CliPlace = { dataDir: home.dataDir }
  const file = join(dir, 'backup.salus')
  const running = await home.start()
  const client = await home.client()
  const before = await client.post('Patient', { resourceType: 'Patient', name: [{ family: 'Backedup' }] })
  const backup = await salus(place, 'backup', '--out', file, '--json')
  assert.equal(backup.code, 0, backup.stderr)
  assert.ok(backup.json.summary.rows > 0 && backup.json.keepApart.length === 4)
  assert.ok(!readFileSync(file).includes('Backedup'))
  assert.match((await salus(place, 'backup', '--out', file)).stderr, /db\.backup-exists/)
  const lost = await client.post('Patient', { resourceType: 'Patient', name: [{ family: 'Lost' }] })
  const beside = await salus(place, 'restore', file, '--yes')
  assert.match(beside.stderr, /db\.restore-beside-server/)
  assert.equal(
    (await salus(place, 'doctor', '--json')).json.findings.find(({ check }: { check: string }) => check === 'audit lag')
      .ok,
    true,
  )
  await running.stop()
  assert.match((await salus(place, 'restore', file, '--yes')).stderr, /db\.not-empty/)

  const other = await serverHome()
  try {
    for (const kept of ['keys', 'anchors'])
      cpSync(join(home.dataDir, kept), join(other.dataDir, kept), { recursive: true })
    const restored = await salus({ dataDir: other.dataDir }, 'restore', file, '--yes', '--json')
    assert.equal(restored.code, 0, restored.stderr)
    assert.ok(restored.json.acceptedAs > 0)
    await other.start()
    const reader = await other.client()
    assert.equal((await reader.get(`Patient/${before.body.id}`)).status, 200)
    assert.equal((await reader.get(`Patient/${lost.body.id}`)).status, 404)
    for (let n = 0; n < 5; n++) {
      const fresh = await reader.post('Patient', { resourceType: 'Patient' })
      assert.notEqual(fresh.body.id, lost.body.id, 'an id that a client holds must not become another patient')
    }
    const verified = await salus({ dataDir: other.dataDir }, 'audit', 'verify', '--json')
    assert.equal(verified.code, 0, verified.stdout)
    assert.equal(verified.json.restores.length, 1)
    const again = await salus({ dataDir: other.dataDir }, 'restore', '--yes')
    assert.match(again.stderr, /db\.restore-beside-server/)
  } finally {
    await other.remove()
  }
})

test('without its keys, or from a damaged file, nothing is restored', async () => {
  const file = join(dir, 'backup.salus')
  assert.equal((await salus({ dataDir: dir }, 'restore', '--check', file)).code, 0)
  const bare = join(dir, 'bare')
  mkdirSync(bare)
  const withoutKeys = await salus({ dataDir: bare }, 'restore', file, '--yes')
  assert.equal(withoutKeys.code, 7)
  assert.match(withoutKeys.stderr, /vault\.root-key-missing/)
  assert.ok(!existsSync(join(bare, 'postgres')) && !existsSync(join(bare, 'keys', 'root.key')))

  cpSync(join(home.dataDir, 'keys'), join(bare, 'keys'), { recursive: true })
  const database = await emptyDatabase()
  const place = { dataDir: bare, databaseUrl: database.url }
  try {
    const bytes = readFileSync(file)
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1)
    const damaged = join(dir, 'damaged.salus')
    writeFileSync(damaged, bytes)
    assert.equal((await salus(place, 'restore', '--check', damaged)).code, 5)
    assert.match((await salus(place, 'restore', damaged, '--yes')).stderr, /db\.backup-damaged/)
    assert.match((await salus(place, 'audit', 'export', '--out', join(dir, 'x'))).stderr, /db\.not-up-to-date/)
    assert.equal((await salus(place, 'restore', join(dir, 'absent'), '--yes')).code, 5)
    assert.equal((await salus(place, 'restore', file)).code, 2, 'nobody is there to confirm')
    // Cut off behind the data: run without a file it goes on from there.
    assert.equal((await salus(place, 'restore', file, '--yes')).code, 0)
    assert.equal((await salus(place, 'restore', '--yes')).code, 0)
    assert.equal((await salus(place, 'audit', 'verify', '--anchors', join(bare, 'anchors'))).code, 0)
    const owner = await openConnection({ url: database.url })
    const schemas = await owner.query({
      text: `select nspname::text from pg_namespace where nspname !~ '^(pg_|information_schema|public|salus)' order by 1`,
    })
    await owner.close()
    assert.deepEqual(
      schemas.map(([name]) => name),
      [...BACKED_UP_SCHEMAS].sort(),
      'every schema with data is backed up',
    )
  } finally {
    await database.drop()
  }
})

test('a separate key store has its own file, and nothing is restored without it', async () => {
  const [keystore, target, targetKeys] = [await emptyDatabase(), await emptyDatabase(), await emptyDatabase()]
  const from = await serverHome()
  const environment = { SALUS_KEYSTORE_DATABASE_URL: keystore.url }
  const file = join(dir, 'separate.salus')
  try {
    const running = await from.start({ environment })
    const client = await from.client()
    const patient = await client.post('Patient', { resourceType: 'Patient' })
    assert.equal((await salus({ dataDir: from.dataDir, environment }, 'backup', '--out', file)).code, 0)
    assert.ok(existsSync(`${file}.keystore`))
    await running.stop()
    const place = {
      dataDir: from.dataDir,
      databaseUrl: target.url,
      environment: { SALUS_KEYSTORE_DATABASE_URL: targetKeys.url },
    }
    renameSync(`${file}.keystore`, `${file}.away`)
    assert.match((await salus(place, 'restore', file, '--yes')).stderr, /db\.backup-unreadable/)
    renameSync(`${file}.away`, `${file}.keystore`)
    const restored = await salus(place, 'restore', file, '--yes', '--json')
    assert.equal(restored.code, 0, restored.stderr)
    await from.start({ environment: { SALUS_DATABASE_URL: target.url, ...place.environment } })
    assert.equal((await (await from.client()).get(`Patient/${patient.body.id}`)).status, 200)
  } finally {
    await from.remove()
    for (const database of [keystore, target, targetKeys]) await database.drop()
  }
})
