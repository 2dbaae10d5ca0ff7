import assert from 'node:assert/strict'
import { test } from 'node:test'
import { momentOf } from './moment.ts'

test('a day is its first or its last millisecond in UTC, an instant is itself', () => {
  assert.equal(momentOf('2026-01-31', 'start'), Date.UTC(2026, 0, 31))
  assert.equal(momentOf('2026-01-31', 'end'), Date.UTC(2026, 1, 1) - 1)
  for (const edge of ['start', 'end'] as const) {
    assert.equal(momentOf('2026-01-31T10:20Z', edge), Date.UTC(2026, 0, 31, 10, 20))
    assert.equal(momentOf('2026-01-31T10:20:30.5+02:00', edge), Date.UTC(2026, 0, 31, 8, 20, 30, 500))
  }
})

test('nothing else is guessed at', () => {
  for (const text of [
    '',
    '2026',
    '2026-01',
    '2026-1-31',
    '31.01.2026',
    'yesterday',
    '1700000000000',
    '2026-02-30',
    '2026-13-01',
    '2026-01-31T10:20',
    '2026-01-31T24:00Z',
    '2026-02-30T10:20Z',
    ' 2026-01-31',
  ])
    assert.equal(momentOf(text, 'start'), undefined, text)
})
