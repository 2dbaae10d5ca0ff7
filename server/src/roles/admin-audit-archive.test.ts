import assert from 'node:assert/strict'
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { openConnection } from '#db'
import { type Config, createLog, loadConfig } from '#kernel'
import { startTestServer, type TestServer } from '../../../test/fixtures/server.ts'
import { openAdmin } from './admin.ts'
import { type Verification, verifyLogs } from './admin-audit.ts'
import { archiveAudit, archiveDirectory } from './admin-audit-archive.ts'

let server: TestServer
let config: Config
const log = createLog({ level: 'error' })
before(async () => {
  server = await startTestServer()
  config = loadConfig({ SALUS_DATA_DIR: server.dataDir, SALUS_DATABASE_URL: server.databaseUrl })
  const client = await server.client()
  for (let count = 0; count < 5; count++) await client.post('Patient', { resourceType: 'Patient', active: true })
  await server.platform.checkpointer.checkpoint()
})
after(() => server.close())

/** The command, run when this month is over. */
async function archive(remove: boolean): ReturnType<typeof archiveAudit> {
  const later = Date.now() + 40 * 86_400_000
  const clock = { now: () => later, monotonic: () => performance.now() }
  const admin = await openAdmin({ config, log, operator: 'tester', clock })
  try {
    return await archiveAudit(admin, { directory: archiveDirectory(config), remove })
  } finally {
    await admin.close()
  }
}

const verify = (archive?: string): Promise<Verification> =>
  verifyLogs({ config, log }, { ...(archive === undefined ? {} : { archive }), onProgress: () => undefined })

test('months are archived and removed by command, which is recorded, and verified together with the database', async () => {
  assert.equal((await verify()).archive, undefined)
  const written = await archive(false)
  assert.ok(written.written.length > 0)
  assert.equal(written.removed.rows, 0)
  // One more row in the log, because its newest one stays.
  await (await server.client()).get('Patient')
  await server.platform.checkpointer.checkpoint()
  const { removed } = await archive(true)
  assert.ok(removed.rows > 0)
  const report = await verify()
  assert.deepEqual([report.finding, report.archive], [undefined, archiveDirectory(config)])
  assert.ok(report.logs.every((one) => one.archivedBefore === 0))
  const acts = (await server.audit({ action: 'admin' })).filter((record) => record.actor === 'tester')
  assert.equal(acts.length, 4)
})

test('a changed or missing archived month is found, and so is a changed row that the archive has right', async () => {
  const directory = archiveDirectory(config)
  const [name] = readdirSync(directory).filter((file) => file.startsWith('audit-0-0-'))
  const path = join(directory, name ?? assert.fail())
  const kept = readFileSync(path)
  writeFileSync(path, gzipSync(gunzipSync(kept).toString().replace('test-client', 'text-client')))
  const flipped = await verify()
  assert.deepEqual([flipped.finding?.what, flipped.isInArchive], ['flipped', true])
  writeFileSync(path, kept)

  renameSync(path, join(server.dataDir, 'kept'))
  assert.ok((await verify()).logs.some((one) => one.archivedBefore > 0))
  renameSync(join(server.dataDir, 'kept'), path)

  await archive(false)
  const owner = await openConnection({ url: server.databaseUrl })
  try {
    await owner.query({ text: 'alter table audit.log disable trigger only_grows' })
    await owner.query({
      text: `update audit.log set leaves[1] = set_byte(leaves[1], 20, (get_byte(leaves[1], 20) + 1) % 256)
        where node = 0 and first = (select min(first) from audit.log where node = 0)`,
    })
  } finally {
    await owner.close()
  }
  const inDatabase = await verify()
  assert.deepEqual([inDatabase.ok, inDatabase.isInArchive], [false, undefined])
})
