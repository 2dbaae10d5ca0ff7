import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLog, FaultError, systemClock } from '#kernel'
import { int8Array } from './arrays.ts'
import { backup } from './backup.ts'
import { collectMigrations, migrationDirs } from './collect-migrations.ts'
import { openConnection } from './connection.ts'
import { openDatabase } from './database.ts'
import { databaseUser } from './embedded/os-user.ts'
import { examineDatabase } from './examine.ts'
import { migrate, requireVersion } from './migrate.ts'
import { restore } from './restore.ts'

/** The oldest PostgreSQL that is supported, as Debian 12 packages it. */
const BIN = '/usr/lib/postgresql/15/bin'
const isPresent = existsSync(BIN)
const dir = mkdtempSync('/tmp/salus-external-')
const migrations = collectMigrations(migrationDirs(join(import.meta.dirname, '..', '..')))
let server: ChildProcess | undefined
let port = 0

before(async () => {
  if (!isPresent) return
  const user = databaseUser()
  chmodSync(dir, 0o711)
  const data = join(dir, 'data')
  mkdirSync(data, { mode: 0o700 })
  const password = join(dir, 'password')
  writeFileSync(password, 'admin-password')
  if (user) for (const path of [data, password]) chownSync(path, user.uid, user.gid)
  const as = { cwd: data, ...(user ? { uid: user.uid, gid: user.gid } : {}) }
  execFileSync(
    join(BIN, 'initdb'),
    ['-D', data, '-U', 'admin', '--pwfile', password, '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { ...as, stdio: 'ignore' },
  )
  port = await freePort()
  server = spawn(
    join(BIN, 'postgres'),
    [
      '-D',
      data,
      '-p',
      String(port),
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      'unix_socket_directories=',
      '-c',
      'fsync=off',
    ],
    { ...as, stdio: 'ignore' },
  )
  await untilReady()
  const admin = await openConnection({ url: url('admin', 'admin-password', 'postgres') })
  for (const text of [
    "create role owner login password 'owner-password' createrole",
    'create database salus owner owner',
    'create database restored owner owner',
  ])
    await admin.query({ text })
  await admin.close()
})

after(async () => {
  if (server) {
    const gone = once(server, 'exit')
    server.kill('SIGQUIT')
    await gone
  }
  rmSync(dir, { recursive: true })
})

function url(user: string, password: string, database: string): string {
  return `postgres://${user}:${password}@127.0.0.1:${port}/${database}`
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

async function untilReady(): Promise<void> {
  for (;;) {
    try {
      const connection = await openConnection({ url: url('admin', 'admin-password', 'postgres') })
      return await connection.close()
    } catch (error) {
      if (!(error instanceof FaultError) || error.fault.code !== 'db.unavailable' || server?.exitCode !== null)
        throw error
      await sleep(50)
    }
  }
}

test('an external PostgreSQL 15 with an ordinary owner, over TCP', async (t) => {
  if (!isPresent) return t.diagnostic('skipped: PostgreSQL 15 absent')
  const owner = url('owner', 'owner-password', 'salus')
  await assert.rejects(
    openDatabase({ url: owner, connections: 1, statementTimeoutMs: 1_000, log: createLog({ level: 'error' }) }),
    (error) => error instanceof FaultError && error.fault.code === 'db.not-migrated',
  )
  assert.equal((await migrate(owner, migrations)).length, migrations.length)
  const database = await openDatabase({
    url: owner,
    connections: 2,
    statementTimeoutMs: 1_000,
    log: createLog({ level: 'error' }),
  })
  assert.deepEqual(
    await database.query({ text: 'select current_user, sum(n) from unnest($1::bigint[]) n' }, [int8Array([1, 2, 3])]),
    [['salus_app', '6']],
  )
  assert.equal(await database.healthy(), true)
  await database.close()
  const file = join(dir, 'external.backup')
  const restored = url('owner', 'owner-password', 'restored')
  await backup({
    url: owner,
    file,
    schemas: ['salus', 'events', 'audit', 'vault', 'identity', 'record'],
    salusVersion: '0.1.0',
    clock: systemClock,
  })
  await restore({ url: restored, file, migrations })
  assert.deepEqual(await migrate(restored, migrations), [])
})

test('doctor tells what is wrong with an external database and what to do', async (t) => {
  if (!isPresent) return t.diagnostic('skipped: PostgreSQL 15 absent')
  const found = await examineDatabase({ url: url('owner', 'owner-password', 'salus'), migrations, connections: 10 })
  const bad = found.filter(({ ok }) => !ok).map(({ check }) => check)
  assert.deepEqual(bad, ['commits are durable', 'page checksums', 'no patient data in the database log'])
  const greedy = await examineDatabase({ url: url('owner', 'owner-password', 'salus'), migrations, connections: 1_000 })
  assert.ok(greedy.some(({ check, ok }) => check === 'enough connections' && !ok))
  const wrong = await examineDatabase({ url: url('owner', 'wrong', 'salus'), migrations, connections: 1 })
  assert.deepEqual(
    wrong.map(({ check, ok }) => [check, ok]),
    [['database reachable', false]],
  )
  assert.doesNotMatch(JSON.stringify(wrong), /wrong"/)
  const empty = await examineDatabase({ url: url('admin', 'admin-password', 'postgres'), migrations, connections: 1 })
  assert.ok(
    empty.some(
      ({ check, ok, advice }) =>
        check === 'schema up to date' && !ok && advice.startsWith(`${migrations.length} migrations`),
    ),
  )
})

test('a PostgreSQL before 15 is refused with what to do', () => {
  const old = (): void => requireVersion({ number: 140_011, text: '14.11' })
  assert.throws(
    old,
    (error) => error instanceof FaultError && error.fault.code === 'db.version-too-old' && /14\.11/.test(error.message),
  )
  requireVersion({ number: 150_000, text: '15.0' })
})
