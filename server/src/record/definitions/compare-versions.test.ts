import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newestFirst } from './compare-versions.ts'

test('versions are ordered by number, releases before pre-releases, dates by time', () => {
  const sorted = (versions: string[]): string[] => versions.toSorted(newestFirst)
  assert.deepEqual(sorted(['9.0.0', '10.0.0', '10.0.0-ballot']), ['10.0.0', '10.0.0-ballot', '9.0.0'])
  assert.deepEqual(sorted(['2018-08-12', '2019-01-01', '2018-12']), ['2019-01-01', '2018-12', '2018-08-12'])
  assert.deepEqual(sorted(['1.0.0-alpha.2', '1.0.0-alpha.10']), ['1.0.0-alpha.10', '1.0.0-alpha.2'])
  assert.deepEqual(sorted(['', '1']), ['1', ''])
})
