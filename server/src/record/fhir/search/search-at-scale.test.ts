import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openConnection, openDatabase } from '#db'
import { createLog, FaultError, LIMITS } from '#kernel'
import {
  ANYBODY,
  type SearchableRecord,
  type Stored,
  searchableRecord,
  TEST_NOW,
} from '../../../../../test/fixtures/searchable-record.ts'
import { compileSearch } from './compile-search.ts'
import { findMatches } from './find-matches.ts'
import { parseSearch } from './parse-search.ts'
import { prepareSearch } from './prepare-search.ts'
import { runSearch } from './run-search.ts'
import { SEARCH_LIMITS } from './search-limits.ts'

// Whether PostgreSQL takes the index each search was designed for, on enough rows that a scan would not be cheaper.

const ROWS = 24_000
const PATIENTS = 200
const DAY_MS = 86_400_000
const UCUM = 'http://unitsofmeasure.org'

let record: SearchableRecord

before(async () => {
  record = await searchableRecord()
  const patients = Array.from(
    { length: PATIENTS },
    (_, n): Stored => ({
      resourceType: 'Patient',
      id: `p${n}`,
      identifier: [{ system: 'urn:mrn', value: `m${n}` }],
      name: [{ family: `Family${n}` }],
    }),
  )
  await record.put(patients)
  await record.put(Array.from({ length: 50 }, (_, n): Stored => ({ resourceType: 'Practitioner', id: `d${n}` })))
  for (let from = 0; from < ROWS; from += 4_000)
    await record.put(Array.from({ length: 4_000 }, (_, n) => observation(from + n)))
  await record.database.query({ text: 'select record.merge_pending_tokens()' })
  const owner = await openConnection({ url: record.url, role: 'owner' })
  // Long periods have an index of their own, so that a range without recent rows need not walk all older ones.
  await owner.query({
    text: 'create index if not exists resource_long on record.resource (tenant, type, hi) where hi - lo > 86400000',
  })
  await owner.query({ text: 'vacuum analyze record.resource' })
  await owner.query({ text: 'analyze' })
  await owner.close()
})
after(() => record.close())

/** Oldest first. `retired` was used for the oldest three in a hundred only, `rare` for ten. */
function observation(n: number): Stored {
  const code = n < ROWS * 0.03 ? 'retired' : n % 2_400 === 0 ? 'rare' : n % 11 === 0 ? 'common' : `code${n % 40}`
  return {
    resourceType: 'Observation',
    id: `o${n}`,
    status: n % 500 === 0 ? 'amended' : 'final',
    identifier: [{ system: 'urn:order', value: `x${n}` }],
    code: {
      coding: [{ system: 'http://loinc.org', code }, ...(n % 3 === 0 ? [{ system: 'http://local', code }] : [])],
    },
    subject: { reference: `Patient/p${n % PATIENTS}` },
    effectiveDateTime: new Date(TEST_NOW - (ROWS - n) * (DAY_MS / 4)).toISOString(),
    valueQuantity: { value: (n % 100) / 10, system: UCUM, code: 'mg' },
    performer: [{ reference: `Practitioner/d${n % 50}` }],
  }
}

interface Node {
  'Node Type': string
  'Index Name'?: string
  'Relation Name'?: string
  'Actual Rows'?: number
  'Actual Loops'?: number
  'Rows Removed by Filter'?: number
  Plans?: Node[]
}

/** Names of the indexes used, whether a table was scanned, and how many rows of resources were touched. */
async function plan(
  url: string,
  generic = false,
): Promise<{ indexes: Set<string>; scanned: boolean; touched: number }> {
  const [type = '', query = ''] = url.split('?')
  const request = parseSearch({ types: [type], parameters: [...new URLSearchParams(query)], clock: record.deps.clock })
  assert.ok(request.ok)
  const types = await prepareSearch(record.deps, ANYBODY, request.value)
  const { statement, values } = compileSearch(types, ANYBODY, { limit: 21 }, record.deps.names)
  const connection = await openConnection({
    url: record.url,
    role: 'app',
    planCacheMode: generic ? 'force_generic_plan' : 'force_custom_plan',
  })
  try {
    const [row] = await connection.query({ text: `explain (analyze, format json) ${statement.text}` }, values)
    const found = { indexes: new Set<string>(), scanned: false, touched: 0 }
    const visit = (node: Node, executed: boolean): void => {
      const ran = executed && (node['Actual Loops'] ?? 0) > 0
      if (ran && node['Index Name']) found.indexes.add(node['Index Name'])
      if (ran && node['Node Type'] === 'Seq Scan') found.scanned = true
      if (ran && node['Relation Name'] === 'resource')
        found.touched +=
          ((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)) * (node['Actual Loops'] ?? 1)
      for (const child of node.Plans ?? []) visit(child, ran)
    }
    const explained = (typeof row?.[0] === 'string' ? JSON.parse(row[0]) : row?.[0]) as { Plan: Node }[]
    for (const { Plan } of explained) visit(Plan, true)
    return found
  } finally {
    await connection.close()
  }
}

for (const generic of [false, true])
  test(`a patient's observations of a code come from the patient index, never from the token index (${generic ? 'generic' : 'custom'} plan)`, async () => {
    for (const url of [
      'Observation?patient=p7&code=http://loinc.org|common',
      'Observation?patient=p7&code=common&status=final',
      'Observation?subject=Patient/p7&_sort=-date',
      'Observation?patient=p7&date=ge2020&code=http://loinc.org|common,http://loinc.org|code3',
    ]) {
      const { indexes, scanned, touched } = await plan(url, generic)
      assert.ok(indexes.has('resource_patient'), url)
      assert.ok(!indexes.has('resource_tokens') && !scanned, `${url}: ${[...indexes].join()}`)
      assert.ok(touched <= ROWS / PATIENTS + 50, `${url} touched ${touched} rows`)
    }
  })

for (const generic of [false, true])
  test(`the newest of a code come from the code index, be it common, rare or retired (${generic ? 'generic' : 'custom'} plan)`, async () => {
    for (const code of [
      'http://loinc.org|common',
      'http://loinc.org|rare',
      'http://loinc.org|retired',
      'http://local|common',
      'http://loinc.org|common&date=lt2022',
    ]) {
      const { indexes, scanned, touched } = await plan(`Observation?code=${code}&_sort=-date`, generic)
      assert.ok(indexes.has('resource_code'), `${code}: ${[...indexes].join()}`)
      assert.ok(!indexes.has('resource_tokens') && !scanned, `${code}: ${[...indexes].join()}`)
      assert.ok(touched <= 100, `${code} touched ${touched} rows`)
    }
  })

for (const generic of [false, true])
  test(`an identifier is found by the token index at once (${generic ? 'generic' : 'custom'} plan)`, async () => {
    const { indexes, scanned, touched } = await plan('Observation?identifier=urn:order|x12345', generic)
    assert.ok(indexes.has('resource_tokens') && !scanned, [...indexes].join())
    assert.ok(touched < 10, `touched ${touched} rows`)
  })

test('a common value fills its page from the newest rows, a rare one comes from the token index', async () => {
  const common = await plan('Observation?status=final')
  assert.ok(!common.indexes.has('resource_tokens'), [...common.indexes].join())
  assert.ok(common.touched <= 1_100, `touched ${common.touched} rows`)
  const rare = await plan('Observation?status=amended&code=code1')
  assert.ok(rare.indexes.has('resource_tokens') && !rare.scanned, [...rare.indexes].join())
  assert.ok(rare.touched <= 2_500, `touched ${rare.touched} rows`)
})

test('a date range is a walk along the date index', async () => {
  for (const url of [
    'Observation?date=ge2024',
    'Observation?date=lt2012',
    'Observation?date=2015-06',
    'Observation?date=ge2030',
    'Observation?',
  ]) {
    const { indexes, scanned, touched } = await plan(url)
    assert.ok(
      (indexes.has('resource_date') || indexes.has('resource_long')) && !scanned,
      `${url}: ${[...indexes].join()}`,
    )
    assert.ok(touched <= 50, `${url} touched ${touched} rows`)
  }
})

test('a long period that began before the range is found after what began in it', async () => {
  await record.put([
    {
      resourceType: 'Observation',
      id: 'long',
      status: 'final',
      code: {},
      effectivePeriod: { start: '2009', end: '2024-06-02' },
    },
  ])
  const { matches } = await record.search('Observation?date=ge2024-05-31&_count=100')
  assert.deepEqual(record.ids(matches), [...[1, 2, 3, 4].map((n) => `Observation/o${ROWS - n}`), 'Observation/long'])
})

test('a chain by identifier starts at the patient', async () => {
  const { indexes, scanned, touched } = await plan('Observation?patient.identifier=urn:mrn|m5')
  assert.ok(indexes.has('resource_patient') || indexes.has('resource_tokens'), [...indexes].join())
  assert.ok(!scanned)
  assert.ok(touched <= 3_000, `touched ${touched} rows`)
})

test('chains and _has begin where few rows are', async () => {
  for (const [url, most] of [
    ['Patient?_has:Observation:patient:code=http://loinc.org|rare', 20],
    ['Patient?_has:Observation:patient:identifier=urn:order|x7', 2],
    ['Observation?performer:Practitioner._has:Observation:performer:identifier=urn:order|x7&code=rare', 1_100],
    ['Observation?patient._has:Observation:patient:code=http://loinc.org|rare&code=http://loinc.org|rare', 1_300],
  ] as const) {
    const { scanned, touched } = await plan(url)
    assert.ok(!scanned && touched <= most, `${url} touched ${touched} rows`)
  }
})

test('where many rows are at the far end, the page is filled from the newest', async () => {
  for (const url of [
    'Patient?_has:Observation:patient:status=final',
    'Observation?performer:Practitioner._has:Observation:performer:status=final',
  ]) {
    const { touched } = await plan(url)
    assert.ok(touched <= 3 * SEARCH_LIMITS.probeRows + PATIENTS, `${url} touched ${touched} rows`)
    assert.equal((await record.search(url)).matches.length, 20)
  }
})

test('a search that takes the database too long ends, and says so', async () => {
  const hasty = await openDatabase({
    url: record.url,
    connections: 2,
    statementTimeoutMs: 5,
    log: createLog({ level: 'error' }),
  })
  const { deps } = record
  try {
    const parsed = parseSearch({ types: ['Observation'], parameters: [], clock: deps.clock })
    assert.ok(parsed.ok)
    const request = { ...parsed.value, sort: [{ code: 'value-quantity', descending: true }] }
    await assert.rejects(
      runSearch({ ...deps, database: hasty }, ANYBODY, request),
      (error) =>
        error instanceof FaultError && error.fault.code === 'db.too-costly' && error.fault.category === 'too-costly',
    )
  } finally {
    await hasty.close()
  }
})

test('what the newest rows do not hold is found all the same', async () => {
  const { matches, next } = await record.search('Observation?code=retired&status=final&_count=50')
  assert.equal(matches.length, 50)
  const second = await record.page(next as string)
  const ids = record.ids([...matches, ...second.matches])
  assert.equal(new Set(ids).size, 100)
  assert.ok(ids.every((id) => Number(id.slice('Observation/o'.length)) < ROWS * 0.03))
})

test('what would open too many bodies is refused or left out, and says so', async () => {
  const failing = (code: string) => (error: unknown) => error instanceof FaultError && error.fault.code === code
  await assert.rejects(record.search('Observation?_sort=status'), failing('fhir.search.sort-too-costly'))
  await assert.rejects(record.search('DiagnosticReport?result.status=|final'), failing('fhir.search.chain-too-costly'))
  const nothing = 'status:not=|final,|amended'
  await assert.rejects(
    findMatches(record.deps)(ANYBODY, 'Observation', nothing, 2),
    failing('fhir.search.condition-too-costly'),
  )
  const counted = await record.search('Observation?status=|final&_total=accurate&_count=5')
  assert.equal(counted.total, undefined)
  assert.deepEqual(
    counted.warnings.map((warning) => warning.code),
    ['fhir.search.total-left-out'],
  )
  const included = await record.search('Practitioner?_revinclude=Observation:performer&_count=50')
  assert.equal(included.included.length, LIMITS.includedEntriesMax)
  assert.deepEqual(
    included.warnings.map((warning) => warning.code),
    ['fhir.search.includes-cut'],
  )
})

test('a search that stops looking goes on where it stopped', async () => {
  const rare = 'Observation?status:not=|final&_count=100'
  const found: string[] = []
  let page = await record.search(rare)
  let pages = 1
  for (; page.next !== undefined; pages++) {
    found.push(...record.ids(page.matches))
    page = await record.page(page.next)
  }
  found.push(...record.ids(page.matches))
  assert.equal(new Set(found).size, ROWS / 500)
  assert.ok(pages > 1)
})

test("an estimate beyond what is counted is the planner's", async () => {
  const { total = 0 } = await record.search('Observation?status=final&_total=estimate&_count=5')
  assert.ok(total > 10_000 && total < 40_000, `${total}`)
})
