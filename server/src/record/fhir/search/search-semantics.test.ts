import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type SearchableRecord, type Stored, searchableRecord } from '../../../../../test/fixtures/searchable-record.ts'
import { parseSearch } from './parse-search.ts'
import { runSearch } from './run-search.ts'

// What servers often get wrong: https://hl7.org/fhir/R4/search.html

let record: SearchableRecord
const UCUM = 'http://unitsofmeasure.org'
const BASE = 'https://here.org/fhir'

const observed = (id: string, more: object): Stored => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: id },
  ...more,
})
const amount = (id: string, value: number, unit: string, system: string | null = UCUM): Stored =>
  observed(id, { valueQuantity: { value, unit, ...(system === null ? {} : { system, code: unit }) } })

before(async () => {
  record = await searchableRecord()
  record.deps.base = BASE
  await record.put([
    observed('day', { effectiveDateTime: '2024-03-05' }),
    observed('moment', { effectiveDateTime: '2024-03-05T10:30:15Z' }),
    observed('zoned', { effectiveDateTime: '2024-03-05T23:30:00-05:00' }),
    observed('month', { effectiveDateTime: '2024-03' }),
    observed('year', { effectiveDateTime: '2024' }),
    observed('stay', { effectivePeriod: { start: '2024-03-01', end: '2024-03-10' } }),
    observed('open', { effectivePeriod: { start: '2024-03-05' } }),
    observed('until', { effectivePeriod: { end: '2024-03-04' } }),
    observed('plan', { effectiveTiming: { event: ['2024-03-02', '2024-03-08T12:00:00Z'] } }),
    observed('repeat', { effectiveTiming: { repeat: { boundsPeriod: { start: '2024-03-20', end: '2024-03-25' } } } }),
    amount('g', 5, 'g'),
    amount('mg', 5000, 'mg'),
    amount('kg', 0.005, 'kg'),
    amount('local', 5, 'g', 'http://other.org'),
    amount('bare', 5, 'g', null),
    amount('warm', 37, 'Cel'),
    observed('text', { valueString: 'positive' }),
    observed('absent', { dataAbsentReason: { coding: [{ code: 'unknown' }] } }),
    ...[0.5, 0.49, 0.45, 0.55, 0.504, 100, 95, 104, 99.6].map(
      (probabilityDecimal, n): Stored => ({
        resourceType: 'RiskAssessment',
        id: `r${n}`,
        status: 'final',
        subject: { reference: 'Patient/p' },
        prediction: [{ probabilityDecimal }],
      }),
    ),
    observed('two', { category: [{ coding: [{ system: 's', code: 'a' }] }, { coding: [{ system: 's', code: 'b' }] }] }),
    observed('one', { category: [{ coding: [{ system: 's', code: 'a' }] }] }),
    observed('plainly', { subject: { reference: 'Patient/p' } }),
    observed('versioned', { subject: { reference: 'Patient/p/_history/3' } }),
    observed('absolute', { subject: { reference: `${BASE}/Patient/p` } }),
    observed('foreign', { subject: { reference: 'https://there.org/fhir/Patient/p' } }),
    observed('logical', { subject: { type: 'Patient', identifier: { system: 'urn:mrn', value: '7' }, display: 'P' } }),
    { resourceType: 'Patient', id: 'p', name: [{ family: 'Ågren-Łuczak', given: ["D'Arcy"] }], deceasedBoolean: true },
    { resourceType: 'Patient', id: 'q', name: [{ family: 'AGREN' }], deceasedDateTime: '2020' },
    { resourceType: 'Patient', id: 's', name: [{ family: 'agrénsson' }] },
  ])
})
after(() => record.close())

async function found(url: string): Promise<string[]> {
  const [type = '', query = ''] = url.split('?')
  const { clock } = record.deps
  const parsed = parseSearch({
    types: [type],
    parameters: [...new URLSearchParams(`${query}&_count=100`)],
    clock,
    base: BASE,
  })
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.fault.code)
  const searcher = { tenant: 1, client: 'test', scopes: { allows: () => true } }
  const { matches } = await runSearch(record.deps, searcher, parsed.value)
  return record
    .ids(matches)
    .map((name) => name.split('/')[1] as string)
    .toSorted()
}
async function finds(expected: Record<string, string[]>): Promise<void> {
  for (const [url, ids] of Object.entries(expected)) assert.deepEqual(await found(url), ids.toSorted(), url)
}

test('a date is as long as it is written, and equal means within', () =>
  finds({
    'Observation?date=2024-03-05': ['day', 'moment'],
    'Observation?date=2024-03-06': ['zoned'],
    'Observation?date=2024-03-05T10:30': ['moment'],
    'Observation?date=2024-03-05T10:30:15Z': ['moment'],
    'Observation?date=2024-03-05T12:30:15%2B02:00': ['moment'],
    'Observation?date=2024-03-05T10:30:16Z': [],
    'Observation?date=2024-03': ['day', 'moment', 'zoned', 'month', 'stay', 'plan', 'repeat'],
    'Observation?date=2024': ['day', 'moment', 'zoned', 'month', 'year', 'stay', 'plan', 'repeat'],
    // Either of the two, each with its own prefix.
    'Observation?date=2024-03-05,2024-03-06': ['day', 'moment', 'zoned'],
    'Observation?date=lt2024-01-02,sa2024-03-15': ['until', 'year', 'repeat'],
  }))

test('periods overlap, begin after and end before; a Timing counts by its outer limits', () =>
  finds({
    'Observation?date=sa2024-03-05': ['zoned', 'repeat'],
    'Observation?date=eb2024-03-05': ['until'],
    'Observation?date=gt2024-03-10': ['month', 'year', 'open', 'repeat'],
    'Observation?date=ge2024-03-10&date=le2024-03-19': ['month', 'year', 'stay', 'open'].filter((id) => id !== 'stay'),
    'Observation?date=gt2024-03-07&date=lt2024-03-03': ['month', 'year', 'stay', 'plan'],
    'Observation?date=ne2024': ['open', 'until'],
    'Observation?_filter=date po 2024-03-09': ['month', 'year', 'stay', 'open'],
  }))

test('quantities are compared in their own unit or as written, and only with what can be compared', () =>
  finds({
    [`Observation?value-quantity=5|${UCUM}|g`]: ['g', 'mg', 'kg'],
    [`Observation?value-quantity=5000|${UCUM}|mg`]: ['g', 'mg', 'kg'],
    [`Observation?value-quantity=gt4999.4|${UCUM}|mg`]: ['g', 'mg', 'kg'],
    [`Observation?value-quantity=lt310|${UCUM}|K`]: [],
    [`Observation?value-quantity=310.15|${UCUM}|K`]: ['warm'],
    'Observation?value-quantity=5|http://other.org|g': ['local'],
    'Observation?value-quantity=5||g': ['g', 'local', 'bare'],
    'Observation?value-quantity=5': ['g', 'local', 'bare'],
    [`Observation?value-quantity=ge1|${UCUM}|mm`]: [],
  }))

test('digits that are written say how precise a number is', () =>
  finds({
    'RiskAssessment?probability=0.5': ['r0', 'r1', 'r2', 'r4'],
    'RiskAssessment?probability=0.50': ['r0', 'r4'],
    'RiskAssessment?probability=0.500': ['r0'],
    'RiskAssessment?probability=100': ['r5', 'r8'],
    'RiskAssessment?probability=1e2': ['r5', 'r6', 'r7', 'r8'],
    'RiskAssessment?probability=ne0.5&probability=lt1': ['r3'],
    'RiskAssessment?probability=gt0.5&probability=lt1': ['r3', 'r4'],
    'RiskAssessment?probability=ap0.5': ['r0', 'r1', 'r2', 'r3', 'r4'],
  }))

test(':not means that no element matches', async () => {
  assert.deepEqual(await found('Observation?category:not=s|b&category:missing=false'), ['one'])
  assert.deepEqual(await found('Observation?category:not=s|a&category:missing=false'), [])
  assert.deepEqual(await found('Observation?category:not=s|a,s|b&category:missing=false'), [])
  assert.ok((await found('Observation?category:not=s|b')).includes('day'), 'nothing is not b either')
  // Of _filter, ne asks for some element that is different.
  assert.deepEqual(await found('Observation?_filter=category ne s|a'), ['two'])
})

test(':missing looks at the choice that the parameter reads', () =>
  finds({
    // Whether somebody is dead is always known by this parameter: nothing said means no.
    'Patient?deceased:missing=true': [],
    'Patient?death-date:missing=false': ['q'],
    'Patient?deceased=true': ['p', 'q'],
    'Patient?deceased=false': ['s'],
    'Observation?value-string:missing=false': ['text'],
    'Observation?value-quantity:missing=false&code:text=text': [],
    'Observation?date:missing=true&code:text=absent': ['absent'],
    'Observation?subject:missing=false': ['plainly', 'versioned', 'absolute', 'foreign', 'logical'],
  }))

test('references are one whether relative, versioned or absolute; others stay other', () =>
  finds({
    'Observation?subject=Patient/p': ['plainly', 'versioned', 'absolute'],
    'Observation?subject=p': ['plainly', 'versioned', 'absolute'],
    'Observation?subject:Patient=p': ['plainly', 'versioned', 'absolute'],
    [`Observation?subject=${BASE}/Patient/p`]: ['plainly', 'versioned', 'absolute'],
    'Observation?subject=Patient/p/_history/3': ['plainly', 'versioned', 'absolute'],
    'Observation?subject=https://there.org/fhir/Patient/p': ['foreign'],
    'Observation?subject:identifier=urn:mrn|7': ['logical'],
    'Observation?subject:identifier=urn:mrn|8': [],
    'Observation?patient.family=agren': ['plainly', 'versioned', 'absolute'],
  }))

test('case, accents and apostrophes make no difference but to :exact', () =>
  finds({
    'Patient?family=agren': ['p', 'q', 's'],
    'Patient?family=ÅGREN': ['p', 'q', 's'],
    'Patient?family=luczak': ['p'],
    'Patient?given=darcy': ['p'],
    'Patient?given=D’Arcy': ['p'],
    'Patient?family:exact=AGREN': ['q'],
    'Patient?family:exact=agren': [],
    'Patient?family:contains=GRENS': ['s'],
  }))
