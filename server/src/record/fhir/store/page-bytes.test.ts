import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PAGE_BYTES_MAX, rowsOfPage, rowsWithin } from './page-bytes.ts'

const rows = (...sizes: number[]) => sizes.map((size) => ({ sealed: { length: size } as Buffer }))

test('rows are counted up to their bytes together', () => {
  assert.equal(rowsWithin(rows(3, 3, 4, 1), 10), 3)
  assert.equal(rowsWithin(rows(3, 3, 5, 1), 10), 2, 'what is smaller and comes later does not jump the queue')
  assert.equal(rowsWithin(rows(11), 10), 0)
  assert.equal(rowsWithin([], 10), 0)
})

test('a page has one row at least, unless there is none', () => {
  assert.equal(rowsOfPage(rows(PAGE_BYTES_MAX + 1, 1)), 1)
  assert.equal(rowsOfPage(rows(PAGE_BYTES_MAX, 1)), 1)
  assert.equal(rowsOfPage(rows(PAGE_BYTES_MAX - 1, 1, 1)), 2)
  assert.equal(rowsOfPage([]), 0)
})
