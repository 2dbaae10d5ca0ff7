import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Part } from '#db'
import { auditRecord, openTestAudit, type TestAudit } from '../../../../test/fixtures/audit.ts'
import type { Composer, Ledger, Unit } from './ledger.ts'

let audit: TestAudit
let ledger: Ledger

before(async () => {
  audit = await openTestAudit()
  ledger = audit.ledgers[0] as Ledger
  await audit.owner.query({ text: 'create table audit.note (id int primary key, text text)' })
  await audit.owner.query({ text: 'grant select, insert on audit.note to salus_app' })
})
after(() => audit.close())

interface Note {
  id: number
  text: string
}

const notes: Composer<Note[]> = {
  parts(units): Part[] {
    const rows = units.flat()
    return [
      {
        name: 'notes',
        text: (first) =>
          `insert into audit.note select * from json_to_recordset($${first}::json) as n(id int, text text)`,
        values: [JSON.stringify(rows)],
      },
    ]
  },
}

const unitOf = (rows: Note[], more: Partial<Unit<Note[]>> = {}): Unit<Note[]> => ({
  records: [auditRecord({ action: 'create', rid: rows[0]?.id ?? 0 })],
  write: { composer: notes, rows },
  ...more,
})
const stored = async (): Promise<number[]> =>
  (await audit.owner.query({ text: 'select id from audit.note order by id' })).map(([id]) => Number(id))
const outcome = (work: Promise<void>): Promise<string> =>
  work.then(
    () => 'durable',
    (error: { fault?: { code: string } }) => error.fault?.code ?? String(error),
  )

test('units that wait together share one log row, and all are durable when they resolve', async () => {
  const before = Number((await audit.owner.query({ text: 'select count(*) from audit.log' }))[0]?.[0])
  await Promise.all([1, 2, 3].map((id) => ledger.commit(unitOf([{ id, text: 'a' }]))))
  assert.deepEqual(await stored(), [1, 2, 3])
  assert.equal(Number((await audit.owner.query({ text: 'select count(*) from audit.log' }))[0]?.[0]), before + 1)
})

test('a unit that loses its race is told so, and its neighbours of the same commit are stored', async () => {
  const outcomes = await Promise.all([
    outcome(ledger.commit(unitOf([{ id: 10, text: 'new' }]))),
    outcome(ledger.commit(unitOf([{ id: 1, text: 'taken' }]))),
    outcome(ledger.commit(unitOf([{ id: 11, text: 'new' }]))),
  ])
  assert.deepEqual(outcomes, ['durable', 'audit.ledger.race-lost', 'durable'])
  assert.deepEqual((await stored()).slice(-2), [10, 11])
})

test('a value that PostgreSQL refuses fails its own unit alone, as audit.ledger.failed', async () => {
  const outcomes = await Promise.all([
    outcome(ledger.commit(unitOf([{ id: 20, text: 'fine' }]))),
    outcome(ledger.commit(unitOf([{ id: 2 ** 40, text: 'too large' }]))),
  ])
  assert.deepEqual(outcomes, ['durable', 'audit.ledger.failed'])
})

test('what no longer holds behind the locks is not written, and leaves no transaction open', async () => {
  const unit = unitOf([{ id: 30, text: 'decided too early' }], { locks: [7n, -7n], verify: async () => false })
  assert.equal(await outcome(ledger.commit(unit)), 'audit.ledger.race-lost')
  await ledger.commit(unitOf([{ id: 31, text: 'after' }]))
  // Seen from another connection: were a transaction still open, nothing of it would show.
  assert.deepEqual(
    (await stored()).filter((id) => id >= 30),
    [31],
  )
  const [locks] = await audit.owner.query({
    text: `select count(*) from pg_locks where locktype = 'advisory' and objid in (7, 4294967289)`,
  })
  assert.equal(Number(locks?.[0]), 0)
})

test('units that take the same lock never share a commit: the later ones look behind the first', async () => {
  const lock = 77n
  const isFree = async (): Promise<boolean> => !(await stored()).some((id) => id >= 700 && id < 800)
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      outcome(ledger.commit(unitOf([{ id: 700 + i, text: 'one' }], { locks: [lock], verify: isFree }))),
    ),
  )
  assert.equal(outcomes.filter((one) => one === 'durable').length, 1)
  assert.equal((await stored()).filter((id) => id >= 700 && id < 800).length, 1)
})

test('a unit whose second look fails takes only itself down', async () => {
  const outcomes = await Promise.all([
    outcome(
      ledger.commit(
        unitOf([{ id: 40, text: 'x' }], { locks: [1n], verify: () => Promise.reject(new Error('broken')) }),
      ),
    ),
    outcome(ledger.commit(unitOf([{ id: 41, text: 'y' }]))),
  ])
  assert.deepEqual(outcomes, ['audit.ledger.failed', 'durable'])
})

test('a lost connection is noticed, and the next unit is stored on a new one', async () => {
  await audit.owner.query({
    text: `select pg_terminate_backend(l.pid) from pg_locks l where l.locktype = 'advisory' and l.classid = 1635083369 and l.objid = ${ledger.node}`,
  })
  const first = await outcome(ledger.commit(unitOf([{ id: 50, text: 'maybe' }])))
  assert.ok(['durable', 'db.unavailable', 'audit.ledger.outcome-unknown'].includes(first), first)
  await ledger.commit(unitOf([{ id: 51, text: 'surely' }]))
  assert.ok((await stored()).includes(51))
  assert.equal((await stored()).includes(50), first === 'durable')
})

test('the log of all this verifies', async () => {
  await audit.sign()
  const report = await audit.verify()
  assert.deepEqual(report.finding, undefined)
})

test('a closed ledger takes nothing more', async () => {
  await ledger.close()
  assert.equal(await outcome(ledger.record(auditRecord({}))), 'audit.ledger.busy')
})
