import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FaultError } from '#kernel'
import { auditRecord, openTestAudit, TEST_START, type TestAudit } from '../../../../test/fixtures/audit.ts'
import {
  type AuditRecord,
  catchUp,
  findRecord,
  findRecords,
  type RecordCursor,
  type RecordQuery,
  startIndexer,
} from './index.ts'
import { indexPositions } from './store.ts'

let audit: TestAudit
const written: { node: number; index: number; record: AuditRecord }[] = []

/** Two logs, two tenants, three actors, patients 1 to 4; three records to a commit. */
before(async () => {
  audit = await openTestAudit()
  const next = [0, 0]
  for (let commit = 0; commit < 60; commit++) {
    const node = commit % 2
    const records = [0, 1, 2].map((place) =>
      auditRecord({
        at: TEST_START + commit * 1_000 + place,
        tenant: commit % 5 === 0 ? 2 : 1,
        actor: ['dr-a', 'dr-b', 'dr-c'][(commit + place) % 3] ?? '',
        action: place === 0 ? 'read' : place === 1 ? 'search' : 'update',
        patients: place === 2 ? [] : [1 + (commit % 4), 1 + ((commit + place) % 4)],
        rid: commit * 3 + place + 1,
      }),
    )
    await audit.ledgers[node]?.commit({ records })
    for (const record of records) {
      written.push({ node, index: next[node] ?? 0, record })
      next[node] = (next[node] ?? 0) + 1
    }
  }
})
after(() => audit.close())

/** What the answer must be, by going through everything. Newest first. */
function expected(query: Omit<RecordQuery, 'limit'>): number[] {
  return written
    .map(({ record }) => record)
    .filter(
      (record) =>
        record.tenant === query.tenant &&
        (query.patient === undefined || record.patients.includes(query.patient)) &&
        (query.actor === undefined || record.actor === query.actor) &&
        (query.action === undefined || record.action === query.action) &&
        record.at >= (query.from ?? 0) &&
        record.at <= (query.to ?? Infinity),
    )
    .map((record) => record.rid)
    .reverse()
}

async function all(query: Omit<RecordQuery, 'limit'>, limit: number): Promise<number[]> {
  const found: number[] = []
  let before: RecordCursor | undefined
  do {
    const page = await findRecords(audit.database, { ...query, limit, ...(before ? { before } : {}) })
    assert.ok(page.records.length <= limit)
    found.push(...page.records.map(({ record }) => record.rid))
    before = page.next
  } while (before)
  return found
}

test('records are found by patient, actor, action, time and tenant, newest first, whatever the page size', async () => {
  const queries: Omit<RecordQuery, 'limit'>[] = [
    { tenant: 1 },
    { tenant: 2 },
    { tenant: 1, patient: 2 },
    { tenant: 2, patient: 4, action: 'search' },
    { tenant: 1, actor: 'dr-b' },
    { tenant: 1, actor: 'dr-b', patient: 3 },
    { tenant: 1, action: 'update' },
    { tenant: 1, patient: 1, from: TEST_START + 20_000, to: TEST_START + 40_001 },
    { tenant: 1, from: TEST_START + 20_001, to: TEST_START + 21_000 },
  ]
  for (const query of queries) {
    assert.ok(expected(query).length > 0)
    for (const limit of [1, 7, 1_000]) assert.deepEqual(await all(query, limit), expected(query))
  }
})

test('what is not there is not found: another tenant, patient, actor, time', async () => {
  for (const query of [
    { tenant: 3 },
    { tenant: 1, patient: 5 },
    { tenant: 1, actor: 'dr-d' },
    { tenant: 1, actor: '' },
    { tenant: 1, from: TEST_START + 1e9 },
    { tenant: 1, to: TEST_START - 1 },
  ])
    assert.deepEqual(await all(query, 10), [])
})

test('a further condition is applied to each record', async () => {
  const { records } = await findRecords(audit.database, {
    tenant: 1,
    limit: 1_000,
    matches: (record) => record.rid % 7 === 0,
  })
  assert.deepEqual(
    records.map(({ record }) => record.rid),
    expected({ tenant: 1 }).filter((rid) => rid % 7 === 0),
  )
})

test('one search decodes a bounded number of records: behind rows with many it goes on with the next page', async () => {
  const many = (action: AuditRecord['action']): AuditRecord[] =>
    Array.from({ length: 20_000 }, () => auditRecord({ tenant: 8, patients: [88], action, at: TEST_START + 1 }))
  await audit.ledgers[0]?.record(auditRecord({ tenant: 8, patients: [88], action: 'delete', rid: 4_000 }))
  for (let row = 0; row < 3; row++) await audit.ledgers[0]?.commit({ records: many('read') })
  const wanted: RecordQuery = { tenant: 8, patient: 88, action: 'delete', limit: 5 }
  const first = await findRecords(audit.database, wanted)
  assert.deepEqual(first.records, [])
  const second = await findRecords(audit.database, { ...wanted, before: first.next ?? assert.fail() })
  assert.deepEqual([second.records.map(({ record }) => record.rid), second.next], [[4_000], undefined])
  const within = await findRecords(audit.database, { tenant: 8, patient: 88, limit: 1_000 })
  const more = await findRecords(audit.database, { ...wanted, before: within.next ?? assert.fail() })
  assert.deepEqual(more.records, [])
  assert.equal((await all({ tenant: 8, patient: 88 }, 30_000)).length, 60_001)
})

test('a record committed just now is found: the index catches up before it answers', async () => {
  await audit.ledgers[0]?.record(auditRecord({ at: TEST_START + 1e6, tenant: 9, patients: [77], rid: 5_000 }))
  const { records } = await findRecords(audit.database, { tenant: 9, patient: 77, limit: 10 })
  assert.deepEqual(
    records.map(({ node, record }) => [node, record.rid]),
    [[0, 5_000]],
  )
})

test('a record is found by its place, by its tenant only', async () => {
  const { node, index, record } = written[20] ?? assert.fail()
  assert.deepEqual(await findRecord(audit.database, { tenant: record.tenant, node, index }), { node, index, record })
  assert.equal(await findRecord(audit.database, { tenant: record.tenant + 1, node, index }), undefined)
  assert.equal(await findRecord(audit.database, { tenant: 1, node, index: 1e9 }), undefined)
  assert.equal(await findRecord(audit.database, { tenant: 1, node: 400, index: 0 }), undefined)
})

test('indexing twice, and by several at once, changes nothing', async () => {
  const before = await all({ tenant: 1 }, 1_000)
  await Promise.all([catchUp(audit.database), catchUp(audit.database), catchUp(audit.database)])
  await audit.owner.query({ text: 'truncate audit.index_cursor' })
  await Promise.all([catchUp(audit.database), catchUp(audit.database)])
  assert.deepEqual(await all({ tenant: 1 }, 1_000), before)
  assert.equal((await indexPositions(audit.database)).size, 2)
})

test('an altered leaf hides nothing but itself', async () => {
  const other = await openTestAudit()
  await other.write(0, [3])
  await other.owner.query({ text: 'alter table audit.log disable trigger only_grows' })
  await other.owner.query({ text: `update audit.log set leaves[2] = 'x'::bytea` })
  const { records } = await findRecords(other.database, { tenant: 1, limit: 10 })
  assert.deepEqual(
    records.map(({ index }) => index),
    [2, 0],
  )
  await assert.rejects(findRecord(other.database, { tenant: 1, node: 0, index: 1 }), FaultError)
  await other.close()
})

test('the background indexer stops when told', async () => {
  const indexer = startIndexer(audit.options)
  await indexer.close()
})
