import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FaultError } from '#kernel'
import { type TestDatabase, testDatabase } from '../../../../test/fixtures/database.ts'
import { openConnection, type Session } from './connection.ts'
import { isConnectionLost, sqlState } from './faults.ts'

let database: TestDatabase
let connection: Session

before(async () => {
  database = await testDatabase()
  connection = await openConnection({ url: database.url })
})
after(async () => {
  await connection.close()
  await database.drop()
})

function faultCode(error: unknown): string | undefined {
  return error instanceof FaultError ? error.fault.code : undefined
}

test('columns arrive as JavaScript values', async () => {
  const text = `select 1::int, 2::smallint, 3::bigint, 9007199254740993::bigint, 0.5::float8, true, false, null::int,
    '\\x00ff'::bytea, 'x'::text, array[1,null]::bigint[], array[1,2]::int[], array[3]::smallint[], array[0.5]::float8[],
    array['\\x01','\\x']::bytea[], array[true,null], '{}'::bigint[], array['a,b','"c"']::text[]`
  assert.deepEqual(await connection.query({ text }), [
    [
      1,
      2,
      3,
      9007199254740993n,
      0.5,
      true,
      false,
      null,
      Buffer.from([0, 255]),
      'x',
      ['1', null],
      [1, 2],
      [3],
      [0.5],
      [Buffer.from([1]), Buffer.alloc(0)],
      [true, null],
      [],
      ['a,b', '"c"'],
    ],
  ])
})

test('parameters of each kind arrive in PostgreSQL', async () => {
  const text = 'select $1::int, $2::bigint, $3::boolean, $4::bytea, $5::text, $6::text[], $7::bigint[]'
  const values = [1, 2n ** 62n, true, Buffer.from('b'), undefined, ['a"\\', null, ''], [1, '2']]
  assert.deepEqual(await connection.query({ text }, values), [
    [1, 2n ** 62n, true, Buffer.from('b'), null, ['a"\\', null, ''], ['1', '2']],
  ])
  await assert.rejects(connection.query({ text: 'select $1::text' }, [{}]), TypeError)
})

test('pipelined statements are answered in order and one that fails harms no other', async () => {
  const divide = { name: 'test-divide', text: 'select 10 / $1::int' }
  const outcomes = await Promise.allSettled([1, 0, 2, 0, 5].map((by) => connection.query(divide, [by])))
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value[0]?.[0] : sqlState(outcome.reason))),
    [10, '22012', 5, '22012', 2],
  )
})

test('a statement that cannot be parsed may be tried again under its name', async () => {
  const later = { name: 'test-later', text: 'select n from test_later' }
  const both = await Promise.allSettled([connection.query(later), connection.query(later)])
  assert.deepEqual(
    both.map((outcome) => outcome.status),
    ['rejected', 'rejected'],
  )
  await connection.query({ text: 'create temporary table test_later as select 7 as n' })
  assert.deepEqual(await connection.query(later), [[7]])
  assert.deepEqual(await connection.query(later), [[7]])
})

test('a prepared statement whose columns changed fails instead of being misread', async () => {
  await connection.query({ text: 'create temporary table test_shape as select 1 as n' })
  const read = { name: 'test-shape', text: 'select * from test_shape' }
  assert.deepEqual(await connection.query(read), [[1]])
  await connection.query({ text: `alter table test_shape alter n type bytea using '\\x01'::bytea` })
  await assert.rejects(connection.query(read), (error) => sqlState(error) === '0A000')
})

test('a statement beyond its time is too costly and the session goes on', async () => {
  const hurried = await openConnection({ url: database.url, statementTimeoutMs: 50 })
  await assert.rejects(hurried.query({ text: 'select pg_sleep(10)' }), (error) => faultCode(error) === 'db.too-costly')
  assert.deepEqual(await hurried.query({ text: 'select 1' }), [[1]])
  await hurried.close()
})

test('a lost session rejects what was under way and what comes later, and says so once', async () => {
  const doomed = await openConnection({ url: database.url })
  let lost = 0
  doomed.onLost(() => lost++)
  const [[pid] = []] = await doomed.query({ text: 'select pg_backend_pid()' })
  const underWay = [doomed.query({ text: 'select pg_sleep(60)' }), doomed.query({ text: 'select 1' })]
  const settled = Promise.allSettled(underWay)
  await connection.query({ text: 'select pg_terminate_backend($1)' }, [pid])
  for (const outcome of await settled)
    assert.ok(
      outcome.status === 'rejected' &&
        isConnectionLost(outcome.reason) &&
        faultCode(outcome.reason) === 'db.unavailable',
    )
  await assert.rejects(doomed.query({ text: 'select 1' }), isConnectionLost)
  assert.equal(doomed.closed, true)
  assert.equal(lost, 1)
  doomed.onLost(() => lost++)
  assert.equal(lost, 2)
})

test('close lets statements under way finish and is not a loss', async () => {
  const leaving = await openConnection({ url: database.url })
  leaving.onLost(() => assert.fail('close is not a loss'))
  const answer = leaving.query({ text: 'select 1 from pg_sleep(0.05)' })
  await leaving.close()
  assert.deepEqual(await answer, [[1]])
  await assert.rejects(leaving.query({ text: 'select 1' }), isConnectionLost)
})

test('a commit that rolled back is a fault, not a success', async () => {
  await connection.query({ text: 'begin' })
  await assert.rejects(connection.query({ text: 'select 1/0' }))
  await assert.rejects(connection.query({ text: 'commit' }), (error) => faultCode(error) === 'db.rolled-back')
})

test('the application role has granted rights only', async () => {
  const app = await openConnection({ url: database.url, role: 'app' })
  assert.deepEqual(await app.query({ text: "select current_user, current_setting('jit')" }), [['salus_app', 'off']])
  for (const text of ['create table salus.t (n int)', 'delete from salus.migration', 'create schema other'])
    await assert.rejects(app.query({ text }), (error) => sqlState(error) === '42501', text)
  await app.close()
})

test('what is wrong with the URL is told without quoting it', async () => {
  const wrong = (change: (url: URL) => void): string => {
    const url = new URL(database.url)
    change(url)
    return url.href
  }
  const cases: [string, string][] = [
    [
      'db.no-database',
      wrong((url) => {
        url.pathname = '/absent'
      }),
    ],
    [
      'db.credentials-refused',
      wrong((url) => {
        url.password = 'not-the-password'
      }),
    ],
    ['db.unavailable', wrong((url) => url.searchParams.set('host', '/tmp/salus-nowhere'))],
    ['db.unavailable', 'postgres://user:secret-word@127.0.0.1:1/x'],
  ]
  for (const [code, url] of cases)
    await assert.rejects(
      openConnection({ url }),
      (error) => faultCode(error) === code && !/not-the-password|secret-word/.test(String(error)),
    )
})
