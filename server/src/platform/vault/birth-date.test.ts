import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { coverInside, coverOverlapping, dateBuckets } from './birth-date.ts'

const DAY_MS = 86_400_000
const day = (at: number): string => new Date(at).toISOString().slice(0, 10)
const anyDay = fc
  .integer({ min: Date.UTC(1895, 0, 1) / DAY_MS, max: Date.UTC(2035, 11, 31) / DAY_MS })
  .map((n) => day(n * DAY_MS))
const anyDate = fc.tuple(anyDay, fc.constantFrom(4, 7, 10)).map(([date, length]) => date.slice(0, length))

function range(date: string): [string, string] {
  if (date.length === 10) return [date, date]
  const [year, month] = date.split('-').map(Number) as [number, number | undefined]
  return month === undefined ? [`${date}-01-01`, `${date}-12-31`] : [`${date}-01`, day(Date.UTC(year, month, 0))]
}

test('a date carries its decade, year, month and day', () => {
  assert.deepEqual(dateBuckets('1984-05-17'), ['198*', '1984', '1984-05', '1984-05-17'])
  assert.deepEqual(dateBuckets('1984-05'), ['198*', '1984', '1984-05', '=1984-05'])
  assert.deepEqual(dateBuckets('1984'), ['198*', '1984', '=1984'])
  assert.deepEqual(dateBuckets('1984-05-17T10:00:00Z'), dateBuckets('1984-05-17'))
  assert.deepEqual(dateBuckets('soon'), [])
})

test('the cover finds exactly the dates inside the range, whatever their precision', () => {
  fc.assert(
    fc.property(anyDate, anyDay, anyDay, (date, a, b) => {
      const [from, to] = a < b ? [a, b] : [b, a]
      const [lo, hi] = range(date)
      const buckets = new Set(dateBuckets(date))
      const cover = coverInside({ from, to })
      assert.ok(cover.exact)
      assert.equal(
        cover.anyOf.some((bucket) => buckets.has(bucket)),
        lo >= from && hi <= to,
      )
      const overlapping = coverOverlapping({ from, to })
      assert.equal(
        overlapping.anyOf.some((bucket) => buckets.has(bucket)),
        hi >= from && lo <= to,
      )
    }),
    { numRuns: 5000 },
  )
})

test('an open end reaches every date on that side, entry errors too', () => {
  fc.assert(
    fc.property(anyDate, anyDay, (date, from) => {
      const buckets = new Set(dateBuckets(date))
      const [lo, hi] = range(date)
      assert.equal(
        coverInside({ from }).anyOf.some((bucket) => buckets.has(bucket)),
        lo >= from,
      )
      assert.equal(
        coverOverlapping({ to: from }).anyOf.some((bucket) => buckets.has(bucket)),
        lo <= from,
        `${date} ${hi} ${from}`,
      )
    }),
    { numRuns: 2000 },
  )
  const finds = (date: string, cover: { anyOf: string[] }): boolean =>
    cover.anyOf.some((bucket) => dateBuckets(date).includes(bucket))
  assert.ok(finds('0198-05-17', coverInside({ to: '1950-01-01' })))
  assert.ok(finds('2984-05-17', coverInside({ from: '1950-01-01' })))
  assert.ok(!finds('2984-05-17', coverInside({ from: '1950-01-01', to: '2050-01-01' })))
  assert.ok(!finds('1984-05-17', coverInside({ from: '2984-01-01' })))
})

test('a range beyond the years kept says that hits must be checked', () => {
  assert.equal(coverInside({ from: '0100-01-01', to: '1900-01-01' }).exact, false)
  assert.equal(coverInside({ from: '2300-01-01' }).exact, false)
  assert.equal(coverInside({ to: '1900-01-01' }).exact, true)
})

test('covers are minimal: a year is one bucket, a decade is one, and an inverted range has none', () => {
  assert.deepEqual(coverInside({ from: '1984-01-01', to: '1984-12-31' }).anyOf, ['1984'])
  assert.deepEqual(coverInside({ from: '1980-01-01', to: '1989-12-31' }).anyOf, ['198*'])
  assert.deepEqual(coverInside({ from: '1984-02-01', to: '1984-02-29' }).anyOf, ['1984-02'])
  assert.deepEqual(coverInside({ from: '1984-02-02', to: '1984-02-01' }).anyOf, [])
  fc.assert(
    fc.property(anyDay, anyDay, (a, b) => {
      const [from, to] = a < b ? [a, b] : [b, a]
      assert.ok(coverInside({ from, to }).anyOf.length <= 115)
    }),
  )
})
