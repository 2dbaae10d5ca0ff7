import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTime, readTemporal, temporal } from './temporal.ts'

const interval = (text: string): string[] | null =>
  readTemporal(text) ? [new Date(temporal.lo).toISOString(), new Date(temporal.hi).toISOString()] : null

test('a date covers all of what it names', () => {
  assert.deepEqual(interval('2020'), ['2020-01-01T00:00:00.000Z', '2020-12-31T23:59:59.999Z'])
  assert.deepEqual(interval('2020-02'), ['2020-02-01T00:00:00.000Z', '2020-02-29T23:59:59.999Z'])
  assert.deepEqual(interval('2021-12'), ['2021-12-01T00:00:00.000Z', '2021-12-31T23:59:59.999Z'])
  assert.deepEqual(interval('1969-12-31'), ['1969-12-31T00:00:00.000Z', '1969-12-31T23:59:59.999Z'])
  assert.deepEqual(interval('0001-01-01'), ['0001-01-01T00:00:00.000Z', '0001-01-01T23:59:59.999Z'])
  assert.deepEqual(interval('9999-12-31'), ['9999-12-31T00:00:00.000Z', '9999-12-31T23:59:59.999Z'])
})

test('a time covers its last digit, in its zone', () => {
  assert.deepEqual(interval('2020-05-17T10:30:15+02:00'), ['2020-05-17T08:30:15.000Z', '2020-05-17T08:30:15.999Z'])
  assert.deepEqual(interval('2020-05-17T23:30:15-11:30'), ['2020-05-18T11:00:15.000Z', '2020-05-18T11:00:15.999Z'])
  assert.deepEqual(interval('2020-05-17T10:30:15.25Z'), ['2020-05-17T10:30:15.250Z', '2020-05-17T10:30:15.259Z'])
  assert.deepEqual(interval('2020-05-17T10:30:15.123456Z'), ['2020-05-17T10:30:15.123Z', '2020-05-17T10:30:15.123Z'])
  assert.deepEqual(interval('2016-12-31T23:59:60Z'), ['2017-01-01T00:00:00.000Z', '2017-01-01T00:00:00.999Z'])
})

test('every day of four centuries is where JavaScript has it', () => {
  for (let day = Date.UTC(1800, 0, 1); day < Date.UTC(2200, 0, 1); day += 86_400_000) {
    const text = new Date(day).toISOString().slice(0, 10)
    assert.ok(readTemporal(text), text)
    assert.equal(temporal.lo, day, text)
  }
})

test('what is no date or time is refused', () => {
  const wrong = [
    '',
    '0000',
    '20',
    '20201',
    '2020-',
    '2020-0',
    '2020-00',
    '2020-13',
    '2020-1-1',
    '2020-02-30',
    '2021-02-29',
    '1900-02-29',
    '2020-04-31',
    '2020-01-00',
    '2020-01-01T',
    '2020-01-01T10',
    '2020-01-01T10:00Z',
    '2020-01-01T10:00:00',
    '2020-01-01T24:00:00Z',
    '2020-01-01T10:60:00Z',
    '2020-01-01T10:00:61Z',
    '2020-01-01T10:00:00.Z',
    '2020-01-01T10:00:00.1',
    '2020-01-01T10:00:00+14:01',
    '2020-01-01T10:00:00+1:00',
    '2020-01-01T10:00:00+0100',
    '2020-01-01t10:00:00Z',
    '2020-01-01 10:00:00Z',
    '2020-01-01T10:00:00z',
    '2020-01-01T10:00:00ZZ',
    ' 2020',
    '2020 ',
    '२०२०',
  ]
  for (const text of wrong) assert.equal(readTemporal(text), false, text)
})

test('a time of day has seconds and no zone', () => {
  for (const text of ['00:00:00', '23:59:59.999', '12:30:60']) assert.ok(isTime(text), text)
  for (const text of ['24:00:00', '12:30', '12:30:00Z', '12:30:00.', '1:30:00', '']) assert.ok(!isTime(text), text)
})
