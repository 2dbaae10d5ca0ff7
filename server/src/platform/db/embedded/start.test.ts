import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLog, FaultError } from '#kernel'
import { endOwner, spawnOwner, startOwner } from '../../../../../test/fixtures/embedded-owner.ts'
import { openConnection } from '../connection.ts'
import { openDatabase } from '../database.ts'
import type { Row } from '../wire-query.ts'
import { goneWithin, runningPostmaster } from './postmaster.ts'
import { runningEmbeddedPostgres, startEmbeddedPostgres } from './start.ts'

const log = createLog({ level: 'error' })
const root = mkdtempSync('/tmp/salus-embedded-')
chmodSync(root, 0o711)
after(() => rmSync(root, { recursive: true, force: true }))

/** Only how long a failing test takes. */
const PATIENCE_MS = 20_000

async function ask(url: string, text: string): Promise<Row[]> {
  const connection = await openConnection({ url })
  try {
    return await connection.query({ text })
  } finally {
    await connection.close()
  }
}

function coded(code: string): (error: unknown) => boolean {
  return (error) => error instanceof FaultError && error.fault.code === code
}

function dataOf(dataDir: string): string {
  return join(dataDir, 'postgres', 'data')
}

test('a first start makes a cluster, a later one finds it, and stop leaves no process', async () => {
  const dataDir = join(root, 'plain')
  const first = await startEmbeddedPostgres({ dataDir, log })
  await ask(first.url, 'create table kept as select 42 as n')
  await first.stop()
  assert.equal(runningPostmaster(dataOf(dataDir)), undefined)
  assert.equal(await runningEmbeddedPostgres(dataDir), undefined)
  const second = await startEmbeddedPostgres({ dataDir, log })
  assert.equal(second.url, first.url)
  assert.deepEqual(await ask(second.url, 'select n from kept'), [[42]])
  assert.equal(await runningEmbeddedPostgres(dataDir), second.url)
  await second.stop()
})

test('it is reachable by its owner only, writes durably and keeps values out of its log', async () => {
  const dataDir = join(root, 'settings')
  const cluster = await startEmbeddedPostgres({ dataDir, log })
  try {
    const names = [
      'listen_addresses',
      'fsync',
      'synchronous_commit',
      'full_page_writes',
      'jit',
      'unix_socket_permissions',
      'server_encoding',
      'data_checksums',
    ]
    const settings = names.map((name) => `current_setting('${name}')`)
    assert.deepEqual(await ask(cluster.url, `select ${settings.join()}`), [
      ['', 'on', 'on', 'on', 'off', '0700', 'UTF8', 'on'],
    ])
    assert.equal(statSync(join(dataDir, 'postgres', 'password')).mode & 0o777, 0o600)
    assert.equal(statSync(join(dataDir, 'postgres', 'run')).mode & 0o777, 0o700)
    assert.deepEqual(
      await ask(cluster.url, "select datcollate, datlocprovider from pg_database where datname = 'salus'"),
      [['C.UTF-8', 'b']],
    )
    const wrong = new URL(cluster.url)
    wrong.password = 'guess'
    await assert.rejects(openConnection({ url: wrong.href }), coded('db.credentials-refused'))
    for (const text of [
      "select 'Marker-Smith'::int",
      "select 1/0, 'Marker-Smith'",
      "do $$ begin raise exception 'Marker-Smith'; end $$",
      "do $$ begin raise warning 'Marker-Smith'; end $$",
    ])
      await ask(cluster.url, text).catch(() => undefined)
    const connection = await openConnection({ url: cluster.url, statementTimeoutMs: 20 })
    await connection.query({ text: 'select $1::int' }, ['Marker-Smith']).catch(() => undefined)
    await connection.query({ text: 'select pg_sleep(5), $1::text' }, ['Marker-Smith']).catch(() => undefined)
    await connection.close()
  } finally {
    await cluster.stop()
  }
  const logs = join(dataDir, 'postgres', 'log')
  const written = readdirSync(logs)
    .map((name) => readFileSync(join(logs, name), 'utf8'))
    .join('\n')
  assert.match(written, /LOG/)
  assert.doesNotMatch(written, /Marker/)
})

test('a second server on the same data directory is refused and harms nothing', async () => {
  const dataDir = join(root, 'shared')
  const first = await startEmbeddedPostgres({ dataDir, log })
  await assert.rejects(startEmbeddedPostgres({ dataDir, log }), coded('db.data-dir-in-use'))
  assert.equal((await startOwner(dataDir)).fault, 'db.data-dir-in-use')
  assert.deepEqual(await ask(first.url, 'select 1'), [[1]])
  await first.stop()
})

test('of several that start at once on a new data directory at most one wins', async () => {
  const dataDir = join(root, 'race')
  const owners = await Promise.all(Array.from({ length: 4 }, () => startOwner(dataDir)))
  const won = owners.filter((owner) => owner.url !== undefined)
  assert.equal(won.length, 1, JSON.stringify(owners.map((owner) => owner.fault ?? 'won')))
  for (const owner of owners) if (!owner.url) assert.equal(owner.fault, 'db.data-dir-in-use')
  assert.deepEqual(await ask(won[0]?.url ?? '', 'select 1'), [[1]])
  await Promise.all(owners.map((owner) => endOwner(owner, 'SIGTERM')))
  assert.equal(runningPostmaster(dataOf(dataDir)), undefined)
})

test('kill -9 of the server takes the database down, and the next start has what was committed', async () => {
  const dataDir = join(root, 'killed-server')
  const owner = await startOwner(dataDir)
  await ask(owner.url ?? '', 'create table kept as select 7 as n')
  await endOwner(owner, 'SIGKILL')
  assert.equal(await goneWithin(dataOf(dataDir), PATIENCE_MS), true)
  assert.equal(await runningEmbeddedPostgres(dataDir), undefined)
  const next = await startEmbeddedPostgres({ dataDir, log })
  assert.deepEqual(await ask(next.url, 'select n from kept'), [[7]])
  await next.stop()
})

test('a server that is killed during its first start leaves nothing that the next one trips over', async () => {
  const dataDir = join(root, 'killed-first')
  for (const waitMs of [150, 350, 550]) {
    const starting = spawnOwner(dataDir)
    const gone = once(starting, 'exit')
    await sleep(waitMs)
    starting.kill('SIGKILL')
    await gone
  }
  const next = await startEmbeddedPostgres({ dataDir, log })
  assert.deepEqual(await ask(next.url, 'select 1'), [[1]])
  assert.deepEqual(
    readdirSync(join(dataDir, 'postgres')).filter((name) => name.startsWith('data.new')),
    [],
  )
  await next.stop()
})

test('a database whose server and watchdog were both killed is stopped by the next start', async () => {
  const dataDir = join(root, 'orphan')
  const owner = await startOwner(dataDir)
  const orphan = owner.postmaster ?? 0
  for (const pid of watchdogs(orphan)) process.kill(pid, 'SIGKILL')
  await endOwner(owner, 'SIGKILL')
  await sleep(200)
  assert.equal(runningPostmaster(dataOf(dataDir)), orphan)
  const next = await startEmbeddedPostgres({ dataDir, log })
  assert.notEqual(next.pid, orphan)
  assert.deepEqual(await ask(next.url, 'select 1'), [[1]])
  await next.stop()
})

/** The watchdog and its watcher: the shells in the postmaster's parent's family. */
function watchdogs(postmaster: number): number[] {
  const parent = Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(postmaster)], { encoding: 'utf8' }))
  const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(parent)], { encoding: 'utf8' })
    .trim()
    .split(/\s+/)
    .map(Number)
  return [parent, ...children.filter((pid) => pid !== postmaster)]
}

test('kill -9 of the database: it is started again and the connections come back', async () => {
  const dataDir = join(root, 'killed-database')
  const cluster = await startEmbeddedPostgres({
    dataDir,
    log: createLog({ level: 'error', destination: { write: () => undefined } }),
  })
  const database = await openDatabase({
    url: cluster.url,
    connections: 2,
    statementTimeoutMs: 5_000,
    role: 'owner',
    log: createLog({ level: 'error' }),
  })
  await database.query({ text: 'create table kept (n int)' })
  await database.query({ text: 'insert into kept values (1)' })
  const before = cluster.pid
  process.kill(before, 'SIGKILL')
  await sleep(20)
  for (let waited = 0; !(await database.healthy()); waited += 50) {
    assert.ok(waited < PATIENCE_MS, 'the database did not come back')
    await sleep(50)
  }
  assert.notEqual(cluster.pid, before)
  assert.deepEqual(await database.query({ text: 'select n from kept' }), [[1]])
  await database.close()
  await cluster.stop()
  assert.equal(runningPostmaster(dataOf(dataDir)), undefined)
})

test('a pid file left by a crash that now names another process is no obstacle', async () => {
  const dataDir = join(root, 'stale-pid')
  const first = await startEmbeddedPostgres({ dataDir, log })
  const file = join(dataOf(dataDir), 'postmaster.pid')
  const lines = readFileSync(file, 'utf8').split('\n')
  await first.stop()
  lines[0] = String(process.pid)
  writeFileSync(file, lines.join('\n'))
  const { uid, gid } = statSync(dataOf(dataDir))
  execFileSync('chown', [`${uid}:${gid}`, file])
  assert.equal(runningPostmaster(dataOf(dataDir)), undefined)
  const next = await startEmbeddedPostgres({ dataDir, log })
  assert.deepEqual(await ask(next.url, 'select 1'), [[1]])
  await next.stop()
})

test('a data directory of another PostgreSQL major is refused with what to do', async () => {
  const dataDir = join(root, 'majors')
  await (await startEmbeddedPostgres({ dataDir, log })).stop()
  const file = join(dataOf(dataDir), 'PG_VERSION')
  const written = readFileSync(file, 'utf8')
  for (const [version, code] of [
    ['99\n', 'db.data-dir-newer'],
    ['14\n', 'db.data-dir-older'],
  ] as const) {
    writeFileSync(file, version)
    await assert.rejects(startEmbeddedPostgres({ dataDir, log }), coded(code))
  }
  writeFileSync(file, written)
  await (await startEmbeddedPostgres({ dataDir, log })).stop()
})

test('a cluster whose password is gone is told where it belongs', async () => {
  const dataDir = join(root, 'no-password')
  await (await startEmbeddedPostgres({ dataDir, log, durable: false })).stop()
  const file = join(dataDir, 'postgres', 'password')
  const password = readFileSync(file)
  rmSync(file)
  await assert.rejects(startEmbeddedPostgres({ dataDir, log }), coded('db.password-missing'))
  writeFileSync(file, password, { mode: 0o600 })
  await (await startEmbeddedPostgres({ dataDir, log })).stop()
})

test('a configuration it cannot start with is told, and the next start works', async () => {
  const dataDir = join(root, 'broken-settings')
  await (await startEmbeddedPostgres({ dataDir, log })).stop()
  const site = join(dataOf(dataDir), 'conf.d', 'site.conf')
  writeFileSync(site, "shared_buffers = 'plenty'\n", { mode: 0o644 })
  await assert.rejects(startEmbeddedPostgres({ dataDir, log }), coded('db.start-failed'))
  writeFileSync(site, 'work_mem = 5MB\n')
  const next = await startEmbeddedPostgres({ dataDir, log })
  assert.deepEqual(await ask(next.url, "select current_setting('work_mem')"), [['5MB']])
  await next.stop()
})

test('a data directory with a long path has its sockets elsewhere', async () => {
  const dataDir = join(root, 'long'.repeat(30))
  const cluster = await startEmbeddedPostgres({ dataDir, log })
  const run = new URL(cluster.url).searchParams.get('host') ?? ''
  assert.match(run, /^\/tmp\/salus-[0-9a-f]{12}$/)
  assert.deepEqual(await ask(cluster.url, 'select 1'), [[1]])
  await assert.rejects(startEmbeddedPostgres({ dataDir, log }), coded('db.data-dir-in-use'))
  await cluster.stop()
  rmSync(run, { recursive: true })
  mkdirSync(run, { mode: 0o755 })
  await assert.rejects(startEmbeddedPostgres({ dataDir, log }), coded('db.run-dir-taken'))
  rmSync(run, { recursive: true })
})

test('a socket directory that is there but not private is not trusted', async () => {
  const dataDir = join(root, 'open-run')
  await (await startEmbeddedPostgres({ dataDir, log })).stop()
  chmodSync(join(dataDir, 'postgres', 'run'), 0o777)
  await assert.rejects(startEmbeddedPostgres({ dataDir, log }), coded('db.run-dir-taken'))
  assert.equal(existsSync(join(dataOf(dataDir), 'postmaster.pid')), false)
})
