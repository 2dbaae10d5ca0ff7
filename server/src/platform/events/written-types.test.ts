import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Database, openDatabase } from '#db'
import { createLog } from '#kernel'
import { type TestDatabase, testDatabase } from '../../../../test/fixtures/database.ts'
import { type OutboxEntry, outboxPart, writtenTypes } from './index.ts'

let fixture: TestDatabase
let database: Database

before(async () => {
  fixture = await testDatabase()
  const log = createLog({ level: 'error' })
  database = await openDatabase({ url: fixture.url, connections: 4, statementTimeoutMs: 20_000, log })
})
after(async () => {
  await database.close()
  await fixture.drop()
})

const next = new Map<number, number>()
async function write(node: number, entries: Partial<OutboxEntry>[]): Promise<void> {
  const all = entries.map(
    (entry): OutboxEntry => ({ tenant: 1, action: 'written', type: 1, rid: 1, version: 1, patient: 0, ...entry }),
  )
  const first = next.get(node) ?? 0
  const part = outboxPart(node, first, 1_790_000_000_000, all)
  next.set(node, first + all.length)
  await database.query({ text: `with ${part.name} as (${part.text(1)}) select 1` }, part.values)
}

test('the stamp changes when a resource of the types is written or deleted in the tenant, and only then', async () => {
  await write(1, [{ type: 9 }])
  const written = writtenTypes(database)
  const stamp = (): Promise<string> => written.stamp(1, [1, 2])
  let last = await stamp()
  const changed = async (): Promise<boolean> => {
    const now = await stamp()
    const differs = now !== last
    last = now
    return differs
  }
  assert.equal(await changed(), false)
  await write(1, [{ type: 1 }])
  assert.equal(await changed(), true)
  await write(1, [{ type: 2, action: 'deleted' }])
  assert.equal(await changed(), true)
  await write(1, [{ type: 3 }, { type: 4 }])
  assert.equal(await changed(), false)
  await write(1, [{ tenant: 2, type: 1 }])
  assert.equal(await changed(), false)
})

test('another process, a first write of a new one, and a backlog that is not read count as changes', async () => {
  const written = writtenTypes(database)
  let last = await written.stamp(1, [1])
  const changed = async (): Promise<boolean> => {
    const now = await written.stamp(1, [1])
    const differs = now !== last
    last = now
    return differs
  }
  await write(2, [{ type: 1 }])
  assert.equal(await changed(), true)
  await write(2, [{ type: 1 }])
  assert.equal(await changed(), true)
  await write(
    1,
    Array.from({ length: 2_001 }, () => ({ type: 5 })),
  )
  assert.equal(await changed(), true)
  assert.equal(await changed(), false)
})

test('a look that began before a write does not answer for what is asked after it', async () => {
  const written = writtenTypes(database)
  await written.stamp(1, [1])
  for (let round = 0; round < 20; round++) {
    const early = written.stamp(1, [1])
    await write(1, [{ type: 1 }])
    const late = await written.stamp(1, [1])
    await early
    assert.equal(await written.stamp(1, [1]), late)
  }
})
