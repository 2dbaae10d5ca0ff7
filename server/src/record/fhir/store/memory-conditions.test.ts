import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError, systemClock } from '#kernel'
import type { SearchDeps } from '../search/index.ts'
import { conditionSearch } from '../search-wiring.ts'
import { canonicalQuery } from './conditions.ts'
import type { Draft } from './draft.ts'
import { matchDrafts } from './memory-conditions.ts'

// Conditions in memory ask neither the database nor the vault.
const search = conditionSearch({ clock: systemClock } as SearchDeps)

const draft = (resource: Record<string, unknown>, expected = 0): Draft =>
  ({ type: resource.resourceType, expected, resource }) as unknown as Draft
const patient = (value: string, more = {}): Draft =>
  draft({ resourceType: 'Patient', identifier: [{ system: 'urn:a', value }], ...more })
const match = (queries: string[], drafts: Draft[], type = 'Patient'): Promise<Draft[][]> =>
  matchDrafts(
    search,
    systemClock,
    queries.map((query) => ({ type, query: canonicalQuery(query) })),
    drafts,
  )

test('a condition on one identifier finds by system and value together, in new resources of its type alone', async () => {
  const one = patient('1', {
    identifier: [
      { system: 'urn:b', value: '9' },
      { system: 'urn:a', value: '1' },
    ],
  })
  const other = [
    patient('2'),
    draft({ resourceType: 'Patient', identifier: [{ system: 'urn:b', value: '1' }, { value: '1' }] }),
    draft({ resourceType: 'Organization', identifier: [{ system: 'urn:a', value: '1' }] }),
    draft({ resourceType: 'Patient', identifier: [{ system: 'urn:a', value: '1' }] }, 3),
  ]
  const found = await match(['identifier=urn:a|1', 'identifier=urn:a|3', 'identifier=urn:b|9'], [...other, one])
  assert.deepEqual(found, [[one], [], [one]])
})

test('two that have the identifier are two; one that has it twice is one', async () => {
  const twice = patient('1', { identifier: [1, 2].map(() => ({ system: 'urn:a', value: '1' })) })
  assert.equal((await match(['identifier=urn:a|1'], [twice]))[0]?.length, 1)
  assert.equal((await match(['identifier=urn:a|1'], [twice, patient('1'), patient('1')]))[0]?.length, 2)
})

test('other conditions are compared: several parameters, values, and forms of an identifier', async () => {
  const one = patient('1', { gender: 'female', active: true })
  const two = patient('2', { gender: 'male' })
  const bare = draft({ resourceType: 'Patient', identifier: [{ value: '1' }] })
  const found = await match(
    [
      'identifier=urn:a|1&gender=female',
      'identifier=urn:a|1&gender=male',
      'identifier=urn:a|1,urn:a|2',
      'identifier=2',
      'identifier=|1',
      'identifier:not=urn:a|1&gender=male',
      'no-such-parameter=1',
    ],
    [one, two, bare],
  )
  assert.deepEqual(found, [[one], [], [one, two], [two], [bare], [two], []])
})

test('more than 100,000 comparisons are refused, and look-ups by identifier are none', async () => {
  const drafts = Array.from({ length: 1_001 }, (_, i) => patient(String(i)))
  const queries = (name: string): string[] => Array.from({ length: 100 }, (_, i) => `${name}${i}`)
  const found = await match(queries('identifier=urn:a|'), drafts)
  assert.ok(found.every((one, index) => one[0] === drafts[index]))
  await assert.rejects(
    match(queries('active=true&identifier=urn:a|'), drafts),
    (error) => error instanceof FaultError && error.fault.code === 'fhir.transaction.conditions-too-costly',
  )
})
