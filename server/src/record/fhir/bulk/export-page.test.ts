import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#kernel'
import type { RecordStore } from '../store/record-store.ts'
import type { StoredRow } from '../store/rows.ts'
import { openWithin } from './export-page.ts'

/** Counts what is opened; each sealed body says how large it becomes. */
function vaultOf(opened: number[]): Pick<RecordStore, 'vault' | 'clock'> {
  const vault = {
    tenantKey: () => ({}),
    patientKeys: async () => new Map(),
    open: (_key: unknown, row: StoredRow) => {
      opened.push(row.rid)
      return Buffer.alloc(row.sealed.readUInt32BE())
    },
  }
  return { vault, clock: systemClock } as unknown as Pick<RecordStore, 'vault' | 'clock'>
}

const row = (rid: number, bytes: number, patient = 0): StoredRow => {
  const sealed = Buffer.alloc(4)
  sealed.writeUInt32BE(bytes)
  return { tenant: 1, type: 1, rid, patient, version: 1, updated: rid * 10, sealed, deleted: false }
}

test('a page ends at its bytes: what comes behind is not even opened', async () => {
  const opened: number[] = []
  const rows = [row(1, 40), row(2, 40), row(3, 40), row(4, 40)]
  const page = await openWithin(vaultOf(opened), rows, 100)
  assert.deepEqual(
    page.rows.map(({ rid }) => rid),
    [1, 2],
  )
  assert.deepEqual(page.next, { updated: 20, rid: 2 }, 'the next page begins behind the last that fitted')
  assert.deepEqual(opened, [1, 2, 3])
})

test('one resource larger than a page is a page alone, and a page that holds all has no next', async () => {
  const page = await openWithin(vaultOf([]), [row(1, 500), row(2, 1)], 100)
  assert.deepEqual([page.rows.length, page.next], [1, { updated: 10, rid: 1 }])
  const last = await openWithin(vaultOf([]), [row(1, 50), row(2, 50)], 100)
  assert.deepEqual([last.rows.length, last.next], [2, undefined])
})

test('a row whose key is gone opens to nothing and does not end the page', async () => {
  const page = await openWithin(vaultOf([]), [row(1, 10, 7), row(2, 10)], 100)
  assert.deepEqual(
    page.bodies.map((body) => body?.length),
    [undefined, 10],
  )
})
