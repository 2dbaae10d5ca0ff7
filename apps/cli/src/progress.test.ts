import assert from 'node:assert/strict'
import { test } from 'node:test'
import { duration, newTally, openProgress } from './progress.ts'

test('a line tells part, number, rate of the last seconds and the time left', () => {
  let now = 0
  const tally = newTally({ label: 'Loading', things: 'resources', total: 1000 }, () => now)
  assert.equal(tally.line(false), 'Loading 0 %, 0 resources, 0/s')
  now = 10_000
  tally.work(250)
  tally.count(5000)
  assert.equal(tally.line(false), 'Loading 25 %, 5,000 resources, 500/s, about 30 s left')
  assert.match(tally.line(true), /^Loading \[######-{18}\] 25 %/)
  now = 20_000
  tally.line(false)
  now = 25_000
  tally.count(50)
  assert.match(tally.line(false), /5,050 resources, 3\/s/)
  tally.work(9999)
  assert.match(tally.line(false), /^Loading 100 %/)
})

test('durations are in words', () => {
  assert.deepEqual([4_000, 200_000, 7_500_000].map(duration), ['4 s', '3 min 20 s', '2 h 5 min'])
})

test('with --json nothing is written, and a terminal gets its line back', () => {
  const written: string[] = []
  const out = { isTTY: true, columns: 40, write: (text: string) => written.push(text) }
  const silent = openProgress({ label: 'Loading', things: 'resources', total: 1, silent: true, out })
  silent.work(1)
  silent.end()
  assert.deepEqual(written, [])
  openProgress({ label: 'Loading', things: 'resources', total: 1, silent: false, out }).end()
  assert.deepEqual(written, ['\r\u001b[2K'])
})
