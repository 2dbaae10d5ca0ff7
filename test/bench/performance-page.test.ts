import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RecordedResult, resultsText, withResults } from './performance-page.ts'
import { judge, TARGETS, type Target } from './targets.ts'

function recorded(bench: string, figures: Record<string, number>): RecordedResult {
  const machine = {
    commit: 'abc1234',
    at: '2026-01-01 00:00',
    cpu: 'Some CPU',
    cores: 2,
    memoryGb: 8,
    node: '24.0.0',
    postgres: '18.0.0',
    loadBefore: 0,
  }
  return { bench, figures, machine, command: 'npm run bench' }
}

const lineOf = (text: string, start: string): string =>
  text.split('\n').find((line) => line.startsWith(`| ${start}`)) ?? ''

test('a target is reached, missed or not measured, and the page says which', () => {
  const text = resultsText([
    recorded('create', { perSecond: 4_600, serverUs: 151 }),
    recorded('read', { perSecond: 7_999 }),
  ])
  assert.match(lineOf(text, 'POST Observation'), /4,600\/s \| reached/)
  assert.match(lineOf(text, 'GET Patient by id'), /7,999\/s \| \*\*missed\*\*/)
  assert.match(lineOf(text, 'CPU of the server per create'), /151 us \| \*\*missed\*\*/)
  assert.match(lineOf(text, 'first start'), /- \| not measured/)
})

test('a smoke run is held against no target', () => {
  const text = resultsText([recorded('create', { perSecond: 9_999 })], { judged: false })
  assert.ok(text.includes('9,999') && !/reached|missed/.test(text))
})

test('what is no number never counts as reached', () => {
  const target = TARGETS.find(({ bench }) => bench === 'scale') as Target
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, undefined]) {
    const results = value === undefined ? [] : [recorded('scale', { [target.figure]: value })]
    assert.equal(judge(target, new Map(results.map((one) => [one.bench, one]))).verdict, 'not measured')
  }
})

test('every target names a bound', () => {
  for (const { what, least, most } of TARGETS) assert.ok((least === undefined) !== (most === undefined), what)
})

test('only what stands between the markers is replaced', () => {
  const page = '# Title\n\n<!-- bench:begin -->\nold\n<!-- bench:end -->\n\n## By hand\n'
  const text = withResults(page, [recorded('create', { perSecond: 1 })])
  assert.ok(text.startsWith('# Title\n\n<!-- bench:begin -->\n\n### Against the targets'))
  assert.ok(text.endsWith('<!-- bench:end -->\n\n## By hand\n'))
  assert.ok(!text.includes('old'))
  assert.throws(() => withResults('# Title', []), /lacks/)
})

test('each query shape has a row with its figures at every size', () => {
  const text = resultsText([
    recorded('shapes', {
      'by_code.1000.p50Ms': 2,
      'by_code.16000.p50Ms': 3,
      'by_code.ratio': 1.5,
      worstRatio: 1.51,
      worstP99Ms: 49,
    }),
  ])
  assert.match(text, /The query shapes of mock\.health at 1,000 \/ 16,000 patients/)
  assert.match(lineOf(text, 'by_code'), /2\.0 \/ 3\.0 .* 1\.50 /)
  assert.match(lineOf(text, 'query shapes of mock.health: p50'), /1\.51 \| \*\*missed\*\*/)
  assert.match(lineOf(text, 'query shapes of mock.health: p99'), /49\.0 ms \| reached/)
})
