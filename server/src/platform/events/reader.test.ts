import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Connection, type Database, openConnection, openDatabase } from '#db'
import { createLog } from '#kernel'
import { type TestDatabase, testDatabase } from '../../../../test/fixtures/database.ts'
import {
  type Cursor,
  consumeOutbox,
  loadCursor,
  type NumberedEntry,
  nextOutboxEntry,
  type OutboxEntry,
  outboxPart,
  readOutbox,
  saveCursor,
} from './index.ts'

let fixture: TestDatabase
let database: Database

before(async () => {
  fixture = await testDatabase()
  database = await openDatabase({
    url: fixture.url,
    connections: 4,
    statementTimeoutMs: 20_000,
    log: createLog({ level: 'error' }),
  })
})
after(async () => {
  await database.close()
  await fixture.drop()
})

const entry = (rid: number, more: Partial<OutboxEntry> = {}): OutboxEntry => ({
  tenant: 1,
  action: 'written',
  type: 104,
  rid,
  version: 1,
  patient: 7,
  ...more,
})

async function write(
  to: Pick<Connection, 'query'>,
  node: number,
  first: number,
  entries: OutboxEntry[],
): Promise<void> {
  const part = outboxPart(node, first, 1_790_000_000_000, entries)
  await to.query({ text: `with ${part.name} as (${part.text(1)}) select 1` }, part.values)
}

async function readAll(cursor: Cursor, limit: number): Promise<{ entries: NumberedEntry[]; next: Cursor }> {
  const entries: NumberedEntry[] = []
  let at = cursor
  for (;;) {
    const page = await readOutbox(database, at, limit)
    if (page.entries.length === 0) return { entries, next: at }
    entries.push(...page.entries)
    at = page.next
  }
}

const numbersOf = (entries: NumberedEntry[], node: number): number[] =>
  entries.filter((found) => found.node === node).map((found) => found.number)
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

test('entries are read back as they were written, whatever the page size', async () => {
  const big = Number.MAX_SAFE_INTEGER
  const written = [entry(1), entry(big, { action: 'deleted', version: 9, patient: 0, tenant: 3 }), entry(3)]
  await write(database, 100, 0, written.slice(0, 2))
  await write(database, 100, 2, written.slice(2))
  for (const limit of [1, 2, 3, 50]) {
    const { entries } = await readAll(new Map(), limit)
    assert.deepEqual(
      entries.filter((found) => found.node === 100),
      written.map((each, number) => ({ ...each, node: 100, number, at: 1_790_000_000_000 })),
    )
  }
  assert.equal(await nextOutboxEntry(database, 100), 3)
  assert.equal(await nextOutboxEntry(database, 101), 0)
})

test('reading stops before a missing number and goes on once it is there', async () => {
  await write(database, 200, 0, [entry(1), entry(2)])
  await write(database, 200, 3, [entry(4)])
  const first = await readAll(new Map(), 10)
  assert.deepEqual(numbersOf(first.entries, 200), [0, 1])
  await write(database, 200, 2, [entry(3)])
  const second = await readAll(first.next, 10)
  assert.deepEqual(numbersOf(second.entries, 200), [2, 3])
})

test('a reader sees every entry of every node once and in order while several nodes write', async () => {
  const nodes = [301, 302, 303, 304]
  const commits = 40
  const perCommit = 3
  let writing = true
  const writers = nodes.map(async (node) => {
    const connection = await database.connect()
    for (let commit = 0; commit < commits; commit++)
      await write(connection, node, commit * perCommit, [entry(1), entry(2), entry(3)])
    await connection.close()
  })
  const done = Promise.all(writers).then(() => {
    writing = false
  })
  const seen: NumberedEntry[] = []
  let cursor: Cursor = new Map()
  while (writing) {
    const page = await readOutbox(database, cursor, 17)
    seen.push(...page.entries)
    cursor = page.next
  }
  await done
  seen.push(...(await readAll(cursor, 17)).entries)
  for (const node of nodes) assert.deepEqual(numbersOf(seen, node), upTo(commits * perCommit))
})

test('a busy node does not keep another from being read', async () => {
  await write(
    database,
    400,
    0,
    upTo(500).map(() => entry(1)),
  )
  await write(database, 401, 0, [entry(1)])
  const page = await readOutbox(database, new Map(), 50)
  assert.ok(page.entries.some((found) => found.node === 401))
  assert.ok(page.entries.length <= 50)
})

test('a saved cursor goes on behind what was handled, and never back', async () => {
  await write(database, 500, 0, [entry(1), entry(2), entry(3)])
  await saveCursor(database, 'kept', new Map([[500, 2]]))
  await saveCursor(database, 'kept', new Map([[500, 1]]))
  assert.deepEqual(numbersOf((await readAll(await loadCursor(database, 'kept'), 10)).entries, 500), [2])
  assert.equal((await loadCursor(database, 'another')).size, 0)
})

test('a consumer that dies in the middle gets the same entries again, and what it wrote is gone', async () => {
  await write(database, 600, 0, [entry(1), entry(2)])
  const seen: number[][] = []
  const consume = (fails: boolean): Promise<number> =>
    consumeOutbox({
      database,
      name: 'dies',
      limit: 1_000,
      handle: async (entries, tx) => {
        seen.push(numbersOf(entries, 600))
        await saveCursor(tx, 'written-by-handler', new Map([[600, 1]]))
        if (fails) throw new Error('killed')
      },
    })
  await assert.rejects(consume(true), /killed/)
  assert.equal((await loadCursor(database, 'written-by-handler')).size, 0)
  assert.ok((await consume(false)) > 0)
  while ((await consume(false)) > 0);
  assert.deepEqual(seen.slice(0, 2), [
    [0, 1],
    [0, 1],
  ])
  assert.equal(seen.flat().length, 4)
})

test('two processes that consume under one name share the entries without repeating any', async () => {
  await write(
    database,
    700,
    0,
    upTo(60).map((rid) => entry(rid)),
  )
  const seen: number[] = []
  const consumer = async (): Promise<void> => {
    const handle = async (entries: NumberedEntry[]): Promise<void> => void seen.push(...numbersOf(entries, 700))
    while ((await consumeOutbox({ database, name: 'shared', limit: 40, handle })) > 0);
  }
  await Promise.all([consumer(), consumer(), consumer()])
  assert.deepEqual(seen, upTo(60))
})

test('the application cannot change or remove an entry', async () => {
  const app = await openConnection({ url: fixture.url, role: 'app' })
  for (const text of ['update events.outbox set at = 0', 'delete from events.outbox', 'truncate events.outbox'])
    await assert.rejects(app.query({ text }), { code: '42501' })
  await app.close()
})
