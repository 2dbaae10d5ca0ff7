import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dateRange } from './date-range.ts'

const iso = (text: string): string[] => {
  const range = dateRange(text)
  return range ? [new Date(range.lo).toISOString(), new Date(range.hi).toISOString()] : []
}

test('a date covers all of what it names', () => {
  assert.deepEqual(iso('2020'), ['2020-01-01T00:00:00.000Z', '2020-12-31T23:59:59.999Z'])
  assert.deepEqual(iso('2020-02'), ['2020-02-01T00:00:00.000Z', '2020-02-29T23:59:59.999Z'])
  assert.deepEqual(iso('2020-12-31'), ['2020-12-31T00:00:00.000Z', '2020-12-31T23:59:59.999Z'])
  assert.deepEqual(iso('2020-05-17T10:30'), ['2020-05-17T10:30:00.000Z', '2020-05-17T10:30:59.999Z'])
  assert.deepEqual(iso('2020-05-17T10:30:15+02:00'), ['2020-05-17T08:30:15.000Z', '2020-05-17T08:30:15.999Z'])
  assert.deepEqual(iso('2020-05-17T10:30:15 02:00'), iso('2020-05-17T10:30:15+02:00'))
  assert.deepEqual(iso('2020-05-17T10:30:15.25Z'), ['2020-05-17T10:30:15.250Z', '2020-05-17T10:30:15.259Z'])
})

test('what is no date is refused', () => {
  for (const text of [
    '',
    '20',
    '2020-13',
    '2020-02-30',
    '2020-5',
    '2020-01-01T25:00',
    '2020-01-01T10',
    '2020-01-01T10:00:00+99:00',
    'today',
  ])
    assert.equal(dateRange(text), undefined, text)
})
