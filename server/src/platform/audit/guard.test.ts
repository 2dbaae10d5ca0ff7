import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Connection } from '#db'
import { FaultError } from '#kernel'
import { openTestAudit, type TestAudit } from '../../../../test/fixtures/audit.ts'
import { checkBehindLocks } from './guard.ts'
import type { Unit } from './ledger.ts'

let audit: TestAudit
let connection: Connection

before(async () => {
  audit = await openTestAudit()
  connection = await audit.database.connect()
})
after(async () => {
  await connection.close()
  await audit.close()
})

/** In a transaction of its own; what was sent is settled when it resolves. */
async function check(units: Partial<Unit>[], checkMs: number): Promise<boolean[] | string> {
  await connection.query({ text: 'begin' })
  try {
    return await checkBehindLocks(
      audit.database,
      connection,
      units.map((unit) => ({ records: [], ...unit })),
      checkMs,
    )
  } catch (error) {
    return error instanceof FaultError ? error.fault.code : String(error)
  } finally {
    await connection.query({ text: 'rollback' })
  }
}
const timeout = async (): Promise<unknown> => (await connection.query({ text: 'show statement_timeout' }))[0]?.[0]
const sleep = (seconds: number) => async (on: Connection) => {
  await on.query({ text: `select pg_sleep(${seconds})` })
  return true
}

test('looks run under their own limit, and the commit under that of the session', async () => {
  const seen: unknown[] = []
  const look = async () => seen.push(await timeout()) > 0
  const usual = await timeout()
  await connection.query({ text: 'begin' })
  const holds = await checkBehindLocks(audit.database, connection, [{ records: [], verify: look }, { records: [] }])
  seen.push(await timeout())
  await connection.query({ text: 'commit' })
  assert.deepEqual(holds, [true, true])
  assert.deepEqual(seen, ['5s', usual])
})

test('one look that takes too long is ended', async () => {
  assert.equal(await check([{ verify: sleep(60) }], 50), 'audit.ledger.check-too-costly')
  assert.deepEqual(await check([{ verify: sleep(0) }], 5_000), [true], 'the session serves the next')
})

test('many looks that take too long together are ended, and the rest is not begun', async () => {
  let begun = 0
  const verify = async (on: Connection, late: AbortSignal): Promise<boolean> => {
    for (; begun < 1_000 && !late.aborted; begun++) await sleep(0.02)(on)
    return true
  }
  assert.equal(await check([{ verify }], 200), 'audit.ledger.check-too-costly')
  assert.ok(begun < 1_000)
})

test('a lock that another process keeps is waited for no longer than that', async () => {
  const other = await audit.database.connect()
  await other.query({ text: 'select pg_advisory_lock(99)' })
  assert.equal(await check([{ locks: [99n], verify: async () => true }], 50), 'audit.ledger.locks-busy')
  await other.close()
})

test('what fails by itself fails as it is', async () => {
  assert.equal(await check([{ verify: () => Promise.reject(new Error('broken')) }], 5_000), 'Error: broken')
})
