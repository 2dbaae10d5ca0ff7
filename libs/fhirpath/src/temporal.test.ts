import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Decimal } from './decimal.ts'
import { compareTemporal, parseDateTime, parseTime, type Temporal, temporalText } from './temporal.ts'
import { addTime, type TimeUnit } from './temporal-arithmetic.ts'

const point = (text: string) => (parseDateTime(text) ?? parseTime(text)) as Temporal

test('what is written is read and written again', () => {
  const texts = ['2014', '2014-02', '2014-02-28', '2014-02-28T09', '2014-02-28T09:05Z', '2014-02-28T09:05:01.120+05:30']
  for (const text of [...texts, '09', '09:05', '09:05:01', '09:05:01.5']) assert.equal(temporalText(point(text)), text)
})

test('days and hours that do not exist are refused', () => {
  for (const text of [
    '2015-02-29',
    '2015-13',
    '2015-00-01',
    '2015-01-01T24:00',
    '2015-01-01T10:60',
    '2015-1',
    '15',
    '',
  ]) {
    assert.equal(parseDateTime(text), undefined, text)
  }
  assert.equal(parseTime('25:00'), undefined)
  assert.equal(parseDateTime('2015-01-01T10:00+15:00'), undefined)
})

test('comparison answers only as far as the precision allows', () => {
  const cases: [string, string, number | undefined][] = [
    ['2014', '2015-01', -1],
    ['2014', '2014-01', undefined],
    ['2014-01-01', '2014-01-01T10:00', undefined],
    ['2014-01-01T10:00:00', '2014-01-01T10:00:00.000', 0],
    ['2014-01-01T10:00:00.1', '2014-01-01T10:00:00', 1],
    ['2014-01-01T23:30:00-02:00', '2014-01-02T01:30:00Z', 0],
    ['2014-01-01T10:00:00', '2014-01-03T10:00:00Z', -1],
    ['2014-01-01T10:00:00', '2014-01-01T12:00:00Z', undefined],
    ['10:30', '10:30:00', undefined],
    ['10:30', '11', -1],
    ['2014', '10:30', undefined],
  ]
  for (const [left, right, expected] of cases) {
    assert.equal(compareTemporal(point(left), point(right)), expected, `${left} ${right}`)
    const reverse = compareTemporal(point(right), point(left))
    assert.equal(reverse === undefined ? undefined : 0 - reverse, expected === undefined ? undefined : expected + 0)
  }
})

test('amounts of time are added at the precision of the value', () => {
  const cases: [string, string, TimeUnit, string | undefined][] = [
    ['2014-01-31', '1', 'month', '2014-02-28'],
    ['2012-02-29', '1', 'year', '2013-02-28'],
    ['2014', '24', 'month', '2016'],
    ['2014', '11', 'month', '2014'],
    ['2014-01', '-1', 'month', '2013-12'],
    ['2014-01', '40', 'day', '2014-02'],
    ['2014-01-01', '36', 'hour', '2014-01-02'],
    ['2014-01-01', '-1', 'day', '2013-12-31'],
    ['2014-01-01T10', '90', 'minute', '2014-01-01T11'],
    ['2014-01-01T10:00:00', '1.5', 'second', '2014-01-01T10:00:01.500'],
    ['2014-01-01T10:00:00+02:00', '1', 'week', '2014-01-08T10:00:00+02:00'],
    ['2014-01-01', '1.9', 'day', '2014-01-02'],
    ['23:30', '45', 'minute', '00:15'],
    ['10:00', '1', 'month', undefined],
    ['9999-12-31', '1', 'day', undefined],
    ['2014', '100000000', 'year', undefined],
  ]
  for (const [text, amount, unit, expected] of cases) {
    const moved = addTime(point(text), Decimal.parse(amount) as Decimal, unit)
    assert.equal(moved && temporalText(moved), expected, `${text} + ${amount} ${unit}`)
  }
})
