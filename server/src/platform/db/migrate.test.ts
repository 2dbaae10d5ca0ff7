import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, beforeEach, test } from 'node:test'
import { FaultError } from '#kernel'
import { emptyDatabase, type TestDatabase } from '../../../../test/fixtures/database.ts'
import { collectMigrations, type Migration, migrationDirs } from './collect-migrations.ts'
import { openConnection } from './connection.ts'
import { migrate, pendingMigrations } from './migrate.ts'
import type { Row } from './wire-query.ts'

const DB = join(import.meta.dirname, 'migrations')
const folder = mkdtempSync('/tmp/salus-migrations-')
let fixture: TestDatabase

beforeEach(async () => {
  fixture = await emptyDatabase()
})
afterEach(() => fixture.drop())
after(() => rmSync(folder, { recursive: true }))

function moduleOf(files: Record<string, string>): string {
  const dir = join(mkdtempSync(join(folder, 'm')), 'toy', 'migrations')
  mkdirSync(dir, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  return dir
}

const FIRST = { '0001-toy.sql': 'create schema toy; create table toy.t (n int); insert into toy.t values (1);' }
const SECOND = { ...FIRST, '0002-more.sql': 'alter table toy.t add m int;\nupdate toy.t set m = 2;' }

async function ask(text: string): Promise<Row[]> {
  const connection = await openConnection({ url: fixture.url })
  try {
    return await connection.query({ text })
  } finally {
    await connection.close()
  }
}

function names(migrations: Migration[]): string[] {
  return migrations.map(({ module, number, name }) => `${module}/${number}-${name}`)
}

function coded(code: string): (error: unknown) => boolean {
  return (error) => error instanceof FaultError && error.fault.code === code
}

test('migrations are applied once, in order, and recorded', async () => {
  assert.deepEqual(names(await migrate(fixture.url, collectMigrations([DB, moduleOf(FIRST)]))), [
    'db/1-db',
    'toy/1-toy',
  ])
  const two = collectMigrations([DB, moduleOf(SECOND)])
  assert.equal(await pendingMigrations(fixture.url, two), 1)
  assert.deepEqual(names(await migrate(fixture.url, two)), ['toy/2-more'])
  assert.deepEqual(names(await migrate(fixture.url, two)), [])
  assert.deepEqual(await ask('select n, m from toy.t'), [[1, 2]])
  assert.deepEqual(await ask('select module, number, name from salus.migration order by module, number'), [
    ['db', 1, 'db'],
    ['toy', 1, 'toy'],
    ['toy', 2, 'more'],
  ])
})

test('several processes may migrate at once', async () => {
  const all = collectMigrations([DB, moduleOf(SECOND)])
  const applied = await Promise.all(Array.from({ length: 6 }, () => migrate(fixture.url, all)))
  assert.deepEqual(applied.map((done) => done.length).sort(), [0, 0, 0, 0, 0, 3])
  assert.deepEqual(await ask('select count(*) from toy.t'), [[1]])
})

test('a changed migration is refused and changes nothing', async () => {
  await migrate(fixture.url, collectMigrations([DB, moduleOf(FIRST)]))
  const changed = collectMigrations([
    DB,
    moduleOf({ ...SECOND, '0001-toy.sql': `${FIRST['0001-toy.sql']} -- once more` }),
  ])
  await assert.rejects(migrate(fixture.url, changed), coded('db.migration-changed'))
  assert.deepEqual(await ask('select count(*) from salus.migration'), [[2]])
})

test('line endings of a checkout do not change a migration', () => {
  const [unix] = collectMigrations([moduleOf({ '0001-a.sql': 'select 1;\nselect 2;\n' })])
  const [windows] = collectMigrations([moduleOf({ '0001-a.sql': 'select 1;\r\nselect 2;\r\n' })])
  assert.equal(unix?.hash, windows?.hash)
})

test('a database of a newer Salus is refused', async () => {
  await migrate(fixture.url, collectMigrations([DB, moduleOf(SECOND)]))
  await assert.rejects(migrate(fixture.url, collectMigrations([DB, moduleOf(FIRST)])), coded('db.newer-schema'))
  await assert.rejects(pendingMigrations(fixture.url, collectMigrations([DB])), coded('db.newer-schema'))
})

test('a migration that fails is rolled back whole and can be tried again', async () => {
  const broken = collectMigrations([
    DB,
    moduleOf({ '0001-toy.sql': 'create schema toy; create table toy.t (n int); select 1/0;' }),
  ])
  await assert.rejects(
    migrate(fixture.url, broken),
    (error) => coded('db.migration-failed')(error) && /22012/.test(String(error)),
  )
  assert.deepEqual(await ask("select to_regnamespace('toy') is null, (select count(*) from salus.migration)"), [
    [true, 1],
  ])
  await migrate(fixture.url, collectMigrations([DB, moduleOf(FIRST)]))
  assert.deepEqual(await ask('select n from toy.t'), [[1]])
})

test('an owner who may not create roles uses one that exists, and is told when it does not', async () => {
  const user = `limited_${new URL(fixture.url).pathname.slice(1)}`
  await ask(`create role ${user} login password 'limited'`)
  await ask(`grant create, connect on database ${new URL(fixture.url).pathname.slice(1)} to ${user}`)
  const url = new URL(fixture.url)
  url.username = user
  url.password = 'limited'
  try {
    // The cluster has salus_app already, made for the template; this user was not granted it.
    await assert.rejects(migrate(url.href, collectMigrations([DB])), coded('db.role-missing'))
    await assert.rejects(openConnection({ url: url.href, role: 'app' }), coded('db.role-refused'))
    await ask(`grant salus_app to ${user}`)
    assert.equal((await migrate(url.href, collectMigrations([DB]))).length, 1)
    const app = await openConnection({ url: url.href, role: 'app' })
    assert.deepEqual(await app.query({ text: 'select current_user' }), [['salus_app']])
    await app.close()
  } finally {
    await ask(`drop owned by ${user} cascade`)
    await ask(`drop role ${user}`)
  }
})

test('numbers run without gaps and names are checked', () => {
  assert.throws(() => collectMigrations([moduleOf({ '0002-b.sql': '' })]), /number 1 comes next/)
  assert.throws(() => collectMigrations([moduleOf({ 'one.sql': '' })]), /NNNN-name/)
})

test('the modules of the server are found lowest floor first', () => {
  const dirs = migrationDirs(join(import.meta.dirname, '..', '..'))
  assert.equal(dirs[0], DB)
  const floors = dirs.map((dir) =>
    ['platform', 'record', 'features'].findIndex((floor) => dir.includes(`/src/${floor}/`)),
  )
  assert.deepEqual(floors, floors.toSorted())
})
