import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createLog, FaultError, type Log } from '#kernel'
import { type TestDatabase, testDatabase } from '../../../../test/fixtures/database.ts'
import { openConnection, type Session } from './connection.ts'
import { type Database, openDatabase } from './database.ts'
import { isConnectionLost, sqlState } from './faults.ts'

const log: Log = createLog({ level: 'error' })
let fixture: TestDatabase
let owner: Session
let database: Database

before(async () => {
  fixture = await testDatabase()
  owner = await openConnection({ url: fixture.url })
  await owner.query({ text: 'create schema tested' })
  await owner.query({ text: 'create table tested.n (n int primary key)' })
  await owner.query({ text: 'grant usage on schema tested to salus_app' })
  await owner.query({ text: 'grant select, insert on tested.n to salus_app' })
  database = await openDatabase({ url: fixture.url, connections: 4, statementTimeoutMs: 5_000, log })
})
after(async () => {
  await database.close()
  await owner.close()
  await fixture.drop()
})

async function stored(n: number): Promise<boolean> {
  const rows = await database.query({ text: 'select 1 from tested.n where n = $1' }, [n])
  return rows.length === 1
}

async function terminateAll(): Promise<void> {
  await owner.query({
    text: "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and application_name = 'salus'",
  })
}

async function untilHealthy(): Promise<void> {
  while (!(await database.healthy())) await new Promise((resolve) => setTimeout(resolve, 20))
}

test('many statements share few connections', async () => {
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, n) =>
      database.query({ name: 'test-same', text: 'select $1::int, pg_backend_pid()' }, [n]),
    ),
  )
  assert.deepEqual(
    answers.map((rows) => rows[0]?.[0]),
    Array.from({ length: 500 }, (_, n) => n),
  )
  assert.equal(new Set(answers.map((rows) => rows[0]?.[1])).size, 2)
})

test('statements with a name are planned once for any values, others for their own', async () => {
  const mode = async (name?: string) =>
    (await database.query({ ...(name ? { name } : {}), text: "select current_setting('plan_cache_mode')" }))[0]?.[0]
  assert.deepEqual([await mode('test-mode'), await mode()], ['force_generic_plan', 'auto'])
})

test('statements with a name go on while every other connection is held up', async () => {
  const slow = Promise.all(Array.from({ length: 4 }, () => database.query({ text: 'select pg_sleep(0.5), 1' })))
  const named = Promise.all(Array.from({ length: 50 }, () => database.query({ name: 'test-two', text: 'select 2' })))
  assert.equal((await Promise.race([slow, named])).length, 50)
  assert.equal(await database.healthy(), true)
  await slow
})

test('a transaction commits as a whole', async () => {
  const answer = await database.transaction(async (tx) => {
    await tx.query({ text: 'insert into tested.n values (1)' })
    await tx.query({ text: 'insert into tested.n values (2)' })
    assert.equal(await stored(1), false)
    return 'done'
  })
  assert.equal(answer, 'done')
  assert.deepEqual([await stored(1), await stored(2)], [true, true])
})

test('a transaction that fails leaves nothing and its connection is used again', async () => {
  const failing = (work: string): Promise<unknown> =>
    database.transaction(async (tx) => {
      await tx.query({ text: 'insert into tested.n values (10)' })
      await tx.query({ text: work })
    })
  await assert.rejects(failing('select 1/0'), (error) => sqlState(error) === '22012')
  await assert.rejects(failing('insert into tested.n values (10)'), (error) => sqlState(error) === '23505')
  await assert.rejects(
    database.transaction(async (tx) => {
      await tx.query({ text: 'insert into tested.n values (10)' })
      throw new Error('thought better of it')
    }),
    /thought better/,
  )
  assert.equal(await stored(10), false)
  await database.transaction((tx) => tx.query({ text: 'insert into tested.n values (11)' }))
  assert.equal(await stored(11), true)
})

test('an error swallowed inside a transaction does not pass for a commit', async () => {
  const swallowing = database.transaction(async (tx) => {
    await tx.query({ text: 'insert into tested.n values (20)' })
    await tx.query({ text: 'select 1/0' }).catch(() => undefined)
  })
  await assert.rejects(swallowing, (error) => error instanceof FaultError && error.fault.code === 'db.rolled-back')
  assert.equal(await stored(20), false)
})

test('more transactions than connections wait for each other', async () => {
  const numbers = Array.from({ length: 20 }, (_, index) => 100 + index)
  await Promise.all(
    numbers.map((n) =>
      database.transaction(async (tx) => {
        await tx.query({ text: 'select pg_sleep(0.005)' })
        await tx.query({ text: 'insert into tested.n values ($1)' }, [n])
      }),
    ),
  )
  for (const n of numbers) assert.equal(await stored(n), true)
})

test('after all connections are lost, new ones answer', async () => {
  const underWay = Promise.allSettled([
    database.query({ text: 'select pg_sleep(5)' }),
    database.transaction((tx) => tx.query({ text: 'select pg_sleep(5)' })),
  ])
  await database.query({ text: 'select 1' })
  await terminateAll()
  for (const outcome of await underWay) assert.ok(outcome.status === 'rejected' && isConnectionLost(outcome.reason))
  await untilHealthy()
  assert.deepEqual(await database.query({ text: 'select 1' }), [[1]])
  assert.equal(await database.transaction(async (tx) => (await tx.query({ text: 'select 2' }))[0]?.[0]), 2)
})

test('transactions that wait while their connections are lost are answered', async () => {
  const waiting = Array.from({ length: 12 }, () =>
    database.transaction((tx) => tx.query({ text: 'select pg_sleep(0.2)' })),
  )
  const settled = Promise.allSettled(waiting)
  await new Promise((resolve) => setTimeout(resolve, 50))
  await terminateAll()
  const outcomes = await settled
  assert.equal(outcomes.length, 12)
  for (const outcome of outcomes) assert.ok(outcome.status === 'fulfilled' || isConnectionLost(outcome.reason))
  await untilHealthy()
})

test('more statements than can ever be answered in time are refused, and none of the others is lost', async () => {
  const narrow = await openDatabase({ url: fixture.url, connections: 1, statementTimeoutMs: 20_000, log })
  const accepted = [narrow.query({ text: 'select 1 from pg_sleep(0.2)' })]
  for (let n = 1; n < 5_000; n++) accepted.push(narrow.query({ name: 'test-one', text: 'select 1' }))
  const refused = narrow.query({ text: 'select 1' })
  await assert.rejects(refused, (error) => error instanceof FaultError && error.fault.code === 'db.busy')
  for (const rows of await Promise.all(accepted)) assert.deepEqual(rows, [[1]])
  await narrow.close()
})

test('a slow statement does not hold up others', async () => {
  const slow = database.query({ text: 'select pg_sleep(1), 1' })
  await new Promise((resolve) => setTimeout(resolve, 60))
  const first = await Promise.race([
    slow,
    Promise.all(Array.from({ length: 50 }, () => database.query({ text: 'select 2' }))),
  ])
  assert.equal(first.length, 50)
  await slow
})

test('slow statements of one client wait for each other in order, and hold up nobody else', async () => {
  await owner.query({ text: 'select pg_advisory_lock(77)' })
  const ended: number[] = []
  // Two connections are for statements without a name: two thirds of them are one.
  const slow = Array.from({ length: 65 }, (_, n) => {
    const text = n === 3 ? 'select $1::int / 0' : 'select $1::int, pg_advisory_xact_lock_shared(77)'
    return database.query({ text }, [n], 'slow').finally(() => ended.push(n))
  })
  const settled = Promise.allSettled(slow)
  await assert.rejects(database.query({ text: 'select 1' }, [], 'slow'), (error: FaultError) => {
    assert.deepEqual([error.fault.category, error.fault.code], ['busy', 'db.client-busy'])
    return true
  })
  for (const client of ['other', 'third'])
    assert.deepEqual(await database.query({ text: 'select 1' }, [], client), [[1]])
  assert.deepEqual(await database.query({ name: 'test-one', text: 'select 1' }, [], 'slow'), [[1]])
  const [waiting] = await owner.query({
    text: "select count(*) from pg_locks where locktype = 'advisory' and not granted",
  })
  assert.deepEqual([Number(waiting?.[0]), ended], [1, []])
  await owner.query({ text: 'select pg_advisory_unlock(77)' })
  const failed = (await settled).map(({ status }) => status).indexOf('rejected')
  assert.deepEqual([failed, ended], [3, slow.map((_, n) => n)])
  assert.deepEqual(await database.query({ text: 'select 1' }, [], 'slow'), [[1]])
})

test('a closed database refuses work and ends every session', async () => {
  const other = await openDatabase({ url: fixture.url, connections: 2, statementTimeoutMs: 1_000, log })
  const own = await other.connect()
  await other.close()
  assert.equal(own.closed, true)
  await assert.rejects(other.query({ text: 'select 1' }), isConnectionLost)
  await assert.rejects(
    other.transaction((tx) => tx.query({ text: 'select 1' })),
    isConnectionLost,
  )
  await assert.rejects(other.connect(), isConnectionLost)
  assert.equal(await other.healthy(), false)
})

test('a database that cannot be reached is a fault at once', async () => {
  const opening = openDatabase({ url: 'postgres://u:p@127.0.0.1:1/x', connections: 2, statementTimeoutMs: 1_000, log })
  await assert.rejects(opening, isConnectionLost)
})
