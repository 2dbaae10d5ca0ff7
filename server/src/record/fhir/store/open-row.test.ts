import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError } from '#kernel'
import { openRows } from './open-row.ts'
import { PAGE_OPENED_BYTES_MAX } from './page-bytes.ts'
import type { RecordStore } from './record-store.ts'
import type { StoredRow } from './rows.ts'

/** 16 MB, shared by all rows: what a sealed body of some kB may open to. */
const body = Buffer.alloc(16 * 1024 * 1024)
const store = { vault: { tenantKey: () => ({}), open: () => body } } as unknown as RecordStore
const rows = (count: number): StoredRow[] =>
  Array.from({ length: count }, () => ({ tenant: 1, patient: 0, sealed: Buffer.alloc(1) }) as StoredRow)

test('what the small sealed bodies of a page open to has a limit, too', async () => {
  assert.equal((await openRows(store, rows(16), { bytesMax: PAGE_OPENED_BYTES_MAX })).length, 16)
  assert.equal((await openRows(store, rows(17))).length, 17, 'work that is no page may open more')
  await assert.rejects(
    openRows(store, rows(17), { bytesMax: PAGE_OPENED_BYTES_MAX }),
    (error) => error instanceof FaultError && error.fault.code === 'fhir.store.rows-too-large',
  )
})

test('a key that was fetched ahead opens rows for a moment only: after that it is looked for again', async () => {
  let now = 1_000
  const asked: number[][] = []
  const patientKeys = async (_tenant: number, patients: number[]): Promise<Map<number, object>> => {
    asked.push(patients)
    return new Map()
  }
  const of7 = { tenant: 1, patient: 7, sealed: Buffer.alloc(1) } as StoredRow
  const keyed = {
    clock: { monotonic: () => now },
    vault: { open: () => Buffer.from('{}'), patientKeys },
  } as unknown as RecordStore
  const ahead = { keys: Promise.resolve(new Map([[7, {}]])), asked: now } as unknown as NonNullable<
    Parameters<typeof openRows>[2]
  >['ahead']
  assert.deepEqual((await openRows(keyed, [of7], ahead ? { ahead } : {})).length, 1)
  assert.deepEqual(asked, [])
  now += 1_000
  assert.deepEqual(await openRows(keyed, [of7], ahead ? { ahead } : {}), [undefined], 'erased meanwhile')
  assert.deepEqual(asked, [[7]])
})
