import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { FaultError, systemClock } from '#kernel'
import { emptyDatabase, type TestDatabase } from '../../../../test/fixtures/database.ts'
import { backup, type Progress, type Summary } from './backup.ts'
import { collectMigrations, type Migration } from './collect-migrations.ts'
import { openConnection } from './connection.ts'
import { migrate } from './migrate.ts'
import { restore, verifyBackup } from './restore.ts'
import type { Row } from './wire-query.ts'

const DB = join(import.meta.dirname, 'migrations')
const folder = mkdtempSync('/tmp/salus-backup-')
const SCHEMAS = ['salus', 'toy', 'absent']

const TOY = `
create schema toy;
create sequence toy.plain increment by 512;
create sequence toy.unused;
create table toy.owner (id bigint generated always as identity primary key, name text not null unique);
create table toy."A Thing" (
  id bigint primary key, owner bigint references toy.owner, lo bigint, real float8, flag boolean, small smallint,
  tokens bigint[], blob bytea, words text[], at timestamptz, doc jsonb,
  twice bigint generated always as (id * 2) stored);
create index thing_tokens on toy."A Thing" using gin (tokens) with (fastupdate = on, gin_pending_list_limit = 4096);
create unique index thing_lo on toy."A Thing" (lo desc) where flag;
create table toy.seeded (n int); insert into toy.seeded values (1);
create table toy.empty (n int);
create table toy.passing (n int);
comment on table toy.passing is 'transient';
create function toy.immovable() returns trigger language plpgsql as $$ begin raise exception 'append only'; end $$;
create table toy.log (n bigint primary key, leaf bytea);
create trigger append_only before update or delete or truncate on toy.log for each statement execute function toy.immovable();
grant usage on schema toy to salus_app;
grant select on toy.log to salus_app;`

let migrations: Migration[]
let source: TestDatabase

before(async () => {
  const dir = join(folder, 'toy', 'migrations')
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, '0001-toy.sql'), TOY)
  migrations = collectMigrations([DB, dir])
  source = await emptyDatabase()
  await migrate(source.url, migrations)
  await fill(source.url)
})
after(async () => {
  await source.drop()
  rmSync(folder, { recursive: true })
})

async function fill(url: string): Promise<void> {
  await ask(url, "insert into toy.owner (name) select 'owner ' || n from generate_series(1, 100) n")
  await ask(
    url,
    `insert into toy."A Thing" select n, 1 + n % 100, -n, n / 3.0, n % 2 = 0, n % 100, array[n, n::bigint * 1000000007, null]::bigint[],
       decode(repeat(md5(n::text), 40), 'hex'), array['a,"b"', null, chr(8364)], timestamptz '2024-02-29 12:00+00' + n * interval '1 hour',
       jsonb_build_object('n', n) from generate_series(1, 5000) n`,
  )
  await ask(url, `insert into toy."A Thing" (id, real) values (-1, 'NaN'), (-2, '-Infinity'), (-3, null)`)
  await ask(url, "insert into toy.log select n, decode(md5(n::text), 'hex') from generate_series(1, 500) n")
  await ask(url, 'insert into toy.seeded values (2)')
  await ask(url, 'insert into toy.passing values (1)')
  await ask(url, "select nextval('toy.plain'), nextval('toy.plain')")
}

async function ask(url: string, text: string): Promise<Row[]> {
  const connection = await openConnection({ url })
  try {
    return await connection.query({ text })
  } finally {
    await connection.close()
  }
}

const CONTENT = ['owner', '"A Thing"', 'seeded', 'empty', 'log'].map((table) => `select * from toy.${table} order by 1`)
const STRUCTURE = "select indexdef from pg_indexes where schemaname in ('toy', 'salus') order by indexdef"

async function content(url: string): Promise<unknown[]> {
  return Promise.all([...CONTENT, STRUCTURE].map((text) => ask(url, text)))
}

function backUp(file: string, more: { url?: string; progress?: (progress: Progress) => void } = {}): Promise<Summary> {
  return backup({ url: source.url, file, schemas: SCHEMAS, salusVersion: '0.1.0', clock: systemClock, ...more })
}

function coded(code: string): (error: unknown) => boolean {
  return (error) => error instanceof FaultError && error.fault.code === code
}

async function withEmpty(work: (url: string) => Promise<void>): Promise<void> {
  const target = await emptyDatabase()
  try {
    await work(target.url)
  } finally {
    await target.drop()
  }
}

test('a restored database is equal: rows of every type, indexes, sequences, rights', async () => {
  const file = join(folder, 'whole.backup')
  const seen: Progress[] = []
  const made = await backUp(file, { progress: (progress) => seen.push(progress) })
  assert.equal(made.rows, 100 + 5_003 + 500 + 2)
  assert.equal(made.bytes, statSync(file).size)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.deepEqual([...new Set(seen.map(({ table }) => table))].sort(), [
    'toy.A Thing',
    'toy.empty',
    'toy.log',
    'toy.owner',
    'toy.seeded',
  ])
  assert.ok(seen.every(({ bytes }, index) => index === 0 || bytes >= (seen[index - 1]?.bytes ?? 0)))
  await withEmpty(async (url) => {
    const restored = await restore({ url, file, migrations })
    assert.equal(restored.rows, made.rows)
    assert.equal(restored.manifest.salus, '0.1.0')
    assert.deepEqual(await content(url), await content(source.url))
    assert.deepEqual(await ask(url, "select nextval('toy.plain'), nextval('toy.unused')"), [[1025, 1]])
    assert.deepEqual(await ask(url, "insert into toy.owner (name) values ('next') returning id"), [[101]])
    const app = await openConnection({ url, role: 'app' })
    assert.deepEqual(await app.query({ text: 'select count(*) from toy.log' }), [[500]])
    await app.close()
    assert.deepEqual(await migrate(url, migrations), [])
  })
})

test('what a migration calls transient is in no backup: it is empty after a restore', async () => {
  const file = join(folder, 'transient.backup')
  await backUp(file)
  assert.deepEqual(await ask(source.url, 'select count(*) from toy.passing'), [[1]])
  await withEmpty(async (url) => {
    await restore({ url, file, migrations })
    assert.deepEqual(await ask(url, 'select count(*) from toy.passing'), [[0]])
  })
})

test('a backup is one moment, however much is written meanwhile', async () => {
  const file = join(folder, 'moment.backup')
  let wrote: Promise<unknown> | undefined
  await backUp(file, {
    progress: () => {
      wrote ??= ask(source.url, 'with o as (insert into toy.log values (9001)) insert into toy.empty values (1)')
    },
  })
  await wrote
  await withEmpty(async (url) => {
    await restore({ url, file, migrations })
    assert.deepEqual(
      await ask(url, 'select (select count(*) from toy.log where n > 9000), (select count(*) from toy.empty)'),
      [[0, 0]],
    )
  })
})

test('an older backup is restored to its own schema, then migrated', async () => {
  const file = join(folder, 'older.backup')
  await backUp(file)
  const dir = join(folder, 'later', 'toy', 'migrations')
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, '0001-toy.sql'), TOY)
  writeFileSync(join(dir, '0002-more.sql'), 'alter table toy.log add more int not null default 3;')
  const later = collectMigrations([DB, dir])
  await withEmpty(async (url) => {
    await restore({ url, file, migrations: later })
    assert.equal((await migrate(url, later)).length, 1)
    assert.deepEqual(await ask(url, 'select distinct more from toy.log'), [[3]])
    await assert.rejects(restore({ url, file, migrations: later }), coded('db.not-empty'))
  })
  await withEmpty(async (url) => {
    await assert.rejects(restore({ url, file, migrations: collectMigrations([DB]) }), coded('db.newer-schema'))
    await restore({ url, file, migrations: later })
  })
})

test('a file that is damaged anywhere is refused and the database stays empty', async () => {
  const file = join(folder, 'fine.backup')
  await backUp(file)
  assert.equal((await verifyBackup(file)).tables, 5)
  const bytes = readFileSync(file)
  const damages: [string, Buffer][] = [
    ['cut short', bytes.subarray(0, bytes.length - 40)],
    ['cut in a table', bytes.subarray(0, bytes.length >> 1)],
    ['longer', Buffer.concat([bytes, Buffer.from('x')])],
    ['empty', Buffer.alloc(0)],
    ['not a backup', randomBytes(5_000)],
  ]
  for (const part of [0.1, 0.5, 0.9, 0.99]) {
    const flipped = Buffer.from(bytes)
    const at = Math.floor(bytes.length * part)
    flipped[at] = (flipped[at] ?? 0) ^ 0x40
    damages.push([`flipped at ${part}`, flipped])
  }
  for (const word of ['"schema":"toy"', '"table":"', '"columns":["']) {
    const flipped = Buffer.from(bytes)
    const at = bytes.indexOf(word) + word.length - (word.endsWith('toy"') ? 2 : 0)
    flipped[at] = (flipped[at] ?? 0) ^ 1
    damages.push([`flipped in ${word}`, flipped])
  }
  await withEmpty(async (url) => {
    for (const [name, damaged] of damages) {
      const bad = join(folder, 'damaged.backup')
      writeFileSync(bad, damaged)
      await assert.rejects(verifyBackup(bad), coded('db.backup-damaged'), name)
      await assert.rejects(restore({ url, file: bad, migrations }), coded('db.backup-damaged'), name)
      assert.deepEqual(
        await ask(url, "select count(*) from pg_namespace where nspname in ('salus', 'toy')"),
        [[0]],
        name,
      )
    }
    await restore({ url, file, migrations })
  })
})

test('a backup that cannot be finished leaves no file', async () => {
  const file = join(folder, 'half.backup')
  await assert.rejects(backUp(join(folder, 'nowhere', 'x.backup')), coded('db.backup-unwritable'))
  await assert.rejects(verifyBackup(join(folder, 'nowhere.backup')), coded('db.backup-unreadable'))
  const cut = backUp(file, {
    progress: ({ bytes }) => {
      if (bytes > 100_000) throw new Error('stopped by the operator')
    },
  })
  await assert.rejects(cut, /stopped by the operator/)
  await assert.rejects(backUp('/dev/full/x'), coded('db.backup-unwritable'))
  writeFileSync(file, 'something else')
  await assert.rejects(backUp(file), coded('db.backup-exists'))
  assert.equal(readFileSync(file, 'utf8'), 'something else')
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.partial')),
    [],
  )
})

test('a database that goes away during a backup is a fault and leaves no file', async () => {
  const file = join(folder, 'lost.backup')
  const name = new URL(source.url).pathname.slice(1)
  let killed = false
  const lost = backUp(file, {
    progress: ({ bytes }) => {
      if (killed || bytes < 1_000_000) return
      killed = true
      // Its title names the database and the statement; the pipe to us is full, so it is in the middle of the table.
      const pid = execFileSync('pgrep', ['-f', `postgres: salus ${name} .*COPY`], { encoding: 'utf8' })
      process.kill(Number(pid), 'SIGTERM')
    },
  })
  await assert.rejects(lost, coded('db.unavailable'))
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('lost')),
    [],
  )
})

test('a full disk during a backup is told and leaves no file', async () => {
  // Only root can mount a disk that is small.
  if (process.getuid?.() !== 0) return
  const disk = join(folder, 'small-disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk])
  try {
    await assert.rejects(backUp(join(disk, 'x.backup')), coded('db.backup-disk-full'))
    assert.deepEqual(readdirSync(disk), [])
  } finally {
    execFileSync('umount', [disk])
  }
})
