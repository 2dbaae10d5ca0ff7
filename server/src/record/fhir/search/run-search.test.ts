import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FaultError } from '#kernel'
import {
  ANYBODY,
  type SearchableRecord,
  type Stored,
  searchableRecord,
} from '../../../../../test/fixtures/searchable-record.ts'
import { findMatches } from './find-matches.ts'
import { parseSearch } from './parse-search.ts'
import type { Searcher } from './readable.ts'
import { runSearch } from './run-search.ts'

let record: SearchableRecord
const LONG = 'Wolfeschlegelsteinhausen'

before(async () => {
  record = await searchableRecord()
  const observations = Array.from(
    { length: 10 },
    (_, n): Stored => ({
      resourceType: 'Observation',
      id: `o${n}`,
      status: n % 2 === 0 ? 'final' : 'amended',
      code: { coding: [{ system: 's', code: 'c' }] },
      subject: { reference: `Patient/p${n % 2}` },
      performer: [{ reference: 'Practitioner/d1' }, { reference: 'Patient/p1' }],
      effectiveDateTime: `2024-01-${10 + n}`,
      meta: { lastUpdated: `2024-02-${28 - n}T00:00:00Z` },
    }),
  )
  await record.put([
    {
      resourceType: 'Patient',
      id: 'p0',
      name: [{ family: 'Zimmer' }],
      birthDate: '1990-01-01',
      managingOrganization: { reference: 'Organization/g' },
    },
    { resourceType: 'Patient', id: 'p1', name: [{ family: 'Abel' }, { family: LONG }], birthDate: '1970-01-01' },
    { resourceType: 'Patient', id: 'p2', gender: 'female' },
    { resourceType: 'Practitioner', id: 'd1', name: [{ family: 'Doc' }] },
    { resourceType: 'Organization', id: 'g', name: 'Clinic' },
    ...observations,
  ])
  await record.put([{ resourceType: 'Patient', id: 'p0', name: [{ family: 'Zimmer' }] }], 2)
})
after(() => record.close())

const found = async (url: string, searcher: Searcher = ANYBODY): Promise<string[]> =>
  record.ids((await record.search(url, searcher)).matches)
const only = (...scopes: string[]): Searcher => ({
  tenant: 1,
  client: 'test',
  scopes: { allows: (type, interaction) => scopes.includes(`${type}.${interaction}`) },
})
const failing = (code: string) => (error: unknown) =>
  (error instanceof FaultError ? error.fault.code : (error as Error).message) === code

test('a tenant never sees another tenant', async () => {
  assert.deepEqual(await found('Patient?family=zimmer'), ['Patient/p0'])
  assert.deepEqual(await found('Patient?family=abel', { ...ANYBODY, tenant: 2 }), [])
  assert.equal((await record.search('Patient?', { ...ANYBODY, tenant: 2 })).matches.length, 1)
})

test('types the caller may not search are refused, also inside chains and includes', async () => {
  await assert.rejects(record.search('Observation?', only('Patient.s')), failing('fhir.search.forbidden'))
  await assert.rejects(
    record.search('Observation?subject:Patient.name=a', only('Observation.s', 'Patient.r')),
    failing('fhir.search.forbidden'),
  )
  await assert.rejects(
    record.search('Observation?_include=Observation:subject:Patient', only('Observation.s')),
    failing('fhir.search.forbidden'),
  )
  await assert.rejects(
    record.search('Patient?_revinclude=Observation:patient', only('Patient.s', 'Observation.r')),
    failing('fhir.search.forbidden'),
  )
  // A reference that merely may point to a forbidden type leaves that type out.
  const { included } = await record.search(
    'Observation?_include=Observation:performer',
    only('Observation.s', 'Practitioner.r'),
  )
  assert.deepEqual(record.ids(included), ['Practitioner/d1'])
})

test('the newest come first, and sort keys are obeyed in both directions', async () => {
  const up = Array.from({ length: 10 }, (_, n) => `Observation/o${n}`)
  assert.deepEqual(await found('Observation?'), up.toReversed())
  assert.deepEqual(await found('Observation?_sort=date'), up)
  assert.deepEqual(await found('Observation?_sort=-_lastUpdated'), up)
  assert.deepEqual(await found('Observation?_sort=_id'), up)
  assert.deepEqual(await found('Patient?_sort=family'), ['Patient/p1', 'Patient/p0', 'Patient/p2'])
  assert.deepEqual(await found('Patient?_sort=-family'), ['Patient/p0', 'Patient/p1', 'Patient/p2'])
  assert.deepEqual(await found('Patient?_sort=birthdate'), ['Patient/p1', 'Patient/p0', 'Patient/p2'])
  assert.deepEqual(
    await found('Observation?_sort=status,-date'),
    [9, 7, 5, 3, 1, 8, 6, 4, 2, 0].map((n) => `Observation/o${n}`),
  )
})

for (const sort of ['', '&_sort=date', '&_sort=_lastUpdated', '&_sort=status,-date'])
  test(`pages lead forwards and back without loss or repetition (${sort || 'default order'})`, async () => {
    const all = await found(`Observation?code=s|c&_count=100${sort}`)
    const first = await record.search(`Observation?code=s|c&_count=4${sort}`)
    assert.equal(first.previous, undefined)
    const second = await record.page(first.next as string)
    const third = await record.page(second.next as string)
    assert.equal(third.next, undefined)
    assert.deepEqual(
      [first, second, third].flatMap((page) => record.ids(page.matches)),
      all,
    )
    const back = await record.page(third.previous as string)
    assert.deepEqual(record.ids(back.matches), record.ids(second.matches))
    const start = await record.page(back.previous as string)
    assert.deepEqual(record.ids(start.matches), record.ids(first.matches))
    assert.equal(start.previous, undefined)
    assert.deepEqual(record.ids((await record.page(back.next as string)).matches), record.ids(third.matches))
  })

test('a page link shows nothing and works for its client and tenant alone', async () => {
  const { next = '' } = await record.search('Patient?family=zimmer,abel&_count=1')
  assert.ok(!Buffer.from(next, 'base64url').toString('latin1').includes('zimmer') && !next.includes('zimmer'))
  await assert.rejects(record.page(next, { ...ANYBODY, client: 'other' }), failing('fhir.search.page-unknown'))
  await assert.rejects(record.page(next, { ...ANYBODY, tenant: 2 }), failing('fhir.search.page-unknown'))
  await assert.rejects(record.page(`${next.slice(0, -3)}AAA`), failing('fhir.search.page-unknown'))
  await assert.rejects(record.page(next, only('Observation.s')), failing('fhir.search.forbidden'))
})

test('a search too large for a page link says so', async () => {
  const values = Array.from({ length: 490 }, (_, n) => `zimmer-and-a-long-list-of-names-${n}`).join(',')
  await assert.rejects(
    record.search(`Patient?family=${values},a,z&_count=1`),
    failing('fhir.search.page-link-too-long'),
  )
})

test('totals are exact, estimated or absent', async () => {
  assert.equal((await record.search('Observation?_count=3')).total, undefined)
  assert.equal((await record.search('Observation?_count=30')).total, 10)
  assert.equal((await record.search('Observation?_count=3&_total=accurate&status=final')).total, 5)
  assert.equal((await record.search('Observation?_count=3&_total=estimate')).total, 10)
  assert.equal((await record.search(`Patient?family=${LONG}&_total=accurate`)).total, 1)
  for (const countOnly of ['_count=0', '_summary=count']) {
    const answer = await record.search(`Observation?${countOnly}&patient=p1`)
    assert.deepEqual([answer.total, answer.matches.length, answer.next], [5, 0, undefined])
  }
})

test('resources referred to and referring are included once, and never a match', async () => {
  const included = async (url: string): Promise<string[]> => record.ids((await record.search(url)).included).toSorted()
  assert.deepEqual(await included('Observation?_include=Observation:subject'), ['Patient/p0', 'Patient/p1'])
  assert.deepEqual(await included('Observation?_include=Observation:performer&_include=Observation:patient'), [
    'Patient/p0',
    'Patient/p1',
    'Practitioner/d1',
  ])
  assert.deepEqual(await included('Observation?_include=Observation:performer:Practitioner'), ['Practitioner/d1'])
  assert.deepEqual(await included('Patient?family=zimmer&_include=Patient:organization'), ['Organization/g'])
  assert.equal((await included('Patient?_id=p1&_revinclude=Observation:performer')).length, 10)
  assert.equal((await included('Patient?_id=p1&_revinclude=Observation:subject')).length, 5)
  assert.equal((await included('Practitioner?_revinclude=Observation:performer:Patient')).length, 0)
})

test('a compartment holds what belongs to the patient or names the patient otherwise', async () => {
  const inside = async (type: string, id: string): Promise<number> => {
    const request = parseSearch({
      types: [type],
      parameters: [],
      compartment: { type: 'Patient', id },
      clock: record.deps.clock,
    })
    assert.ok(request.ok)
    return (await runSearch(record.deps, ANYBODY, request.value)).matches.length
  }
  assert.equal(await inside('Observation', 'p0'), 5)
  assert.equal(await inside('Observation', 'p1'), 10)
  assert.equal(await inside('Observation', 'p2'), 0)
  assert.equal(await inside('Observation', 'nobody'), 0)
})

test('several types are searched at once', async () => {
  const request = parseSearch({
    types: [],
    parameters: [
      ['_type', 'Patient,Practitioner'],
      ['name', 'a,d'],
      ['_count', '1'],
    ],
    clock: record.deps.clock,
  })
  assert.ok(request.ok)
  const first = await runSearch(record.deps, ANYBODY, request.value)
  const second = await record.page(first.next as string)
  assert.deepEqual([...record.ids(first.matches), ...record.ids(second.matches)].toSorted(), [
    'Patient/p1',
    'Practitioner/d1',
  ])
})

test('long strings are checked on the opened body', async () => {
  assert.deepEqual(await found(`Patient?family=${LONG}`), ['Patient/p1'])
  assert.deepEqual(await found('Patient?family=Wolfeschlegelsteinhaustor'), [])
  assert.equal((await record.search(`Observation?subject:Patient.family=${LONG}`)).matches.length, 5)
})

test('a condition finds at most what it asks for, and must name something', async () => {
  const find = findMatches(record.deps)
  assert.equal((await find(ANYBODY, 'Observation', 'code=s|c', 2)).length, 2)
  assert.equal((await find(ANYBODY, 'Observation', 'code=s|none', 2)).length, 0)
  await assert.rejects(find(ANYBODY, 'Observation', '_count=5', 2), failing('fhir.search.condition-empty'))
  await assert.rejects(find(ANYBODY, 'Observation', 'colour=red', 2), failing('fhir.search.parameter-unknown'))
  await assert.rejects(find(only('Patient.s'), 'Observation', 'code=s|c', 2), failing('fhir.search.forbidden'))
})
