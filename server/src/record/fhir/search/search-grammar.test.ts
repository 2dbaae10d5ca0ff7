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

const MR = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }], text: 'Medical record' }
const USES = 'http://terminology.hl7.org/CodeSystem/list-example-use-codes'
const list = (id: string, status: string, use: string, items: string[]): Stored => ({
  resourceType: 'List',
  id,
  status,
  mode: 'working',
  code: { coding: [{ system: USES, code: use }] },
  subject: { reference: 'Patient/anna' },
  entry: items.map((reference) => ({ item: { reference } })),
})

const RESOURCES: Stored[] = [
  { resourceType: 'Organization', id: 'top', name: 'Charité', identifier: [{ value: 'T' }] },
  { resourceType: 'Organization', id: 'mid', name: 'Clinic', partOf: { reference: 'Organization/top' } },
  { resourceType: 'Organization', id: 'low', name: 'Ward', partOf: { reference: 'Organization/mid' } },
  {
    resourceType: 'Patient',
    id: 'anna',
    name: [{ family: 'Müller-Lüdenscheidt', given: ['Anna'] }],
    gender: 'female',
    identifier: [
      { type: MR, system: 'urn:mrn', value: '77' },
      { system: 'urn:ssn', value: '78' },
    ],
    managingOrganization: { reference: 'Organization/low' },
    text: { status: 'generated', div: '<div><td>Penicillin</td><td>allergy &amp; asthma</td></div>' },
    contact: [{ name: { family: 'Notfall' } }],
  },
  {
    resourceType: 'Patient',
    id: 'ben',
    name: [{ family: 'Bender' }],
    gender: 'male',
    identifier: [{ type: { coding: [{ code: 'SS' }] }, system: 'urn:mrn', value: '78' }],
    managingOrganization: { reference: 'Organization/top' },
    maritalStatus: { text: 'Penicillin in a place that is no narrative' },
  },
  {
    resourceType: 'Encounter',
    id: 'e1',
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: 'Patient/anna' },
    serviceProvider: { reference: 'Organization/mid' },
  },
  ...['a', 'b'].map(
    (id): Stored => ({
      resourceType: 'Observation',
      id,
      status: 'final',
      code: {
        text: id === 'a' ? 'Körpergewicht' : 'pulse',
        coding: [{ system: 's', code: id, display: 'Body weight' }],
      },
      subject: { reference: `Patient/${id === 'a' ? 'anna' : 'ben'}` },
      encounter: { reference: 'Encounter/e1' },
      ...(id === 'b' ? { hasMember: [{ reference: 'Observation/a' }] } : {}),
    }),
  ),
  {
    resourceType: 'Condition',
    id: 'c1',
    subject: { reference: 'Patient/anna' },
    code: { text: 'asthma' },
  },
  { resourceType: 'Condition', id: 'c2', subject: { reference: 'Patient/anna' }, code: { text: 'old' } },
  list('now', 'current', 'problems', ['Condition/c1']),
  list('then', 'retired', 'problems', ['Condition/c2']),
  list('pills', 'current', 'medications', ['Condition/c2']),
  { resourceType: 'Location', id: 'bonn', name: 'Bonn', position: { latitude: 50.735, longitude: 7.1 } },
  { resourceType: 'Location', id: 'koeln', name: 'Köln', position: { latitude: 50.941, longitude: 6.958 } },
  { resourceType: 'Location', id: 'fiji', name: 'Suva', position: { latitude: -17, longitude: 179.9 } },
  { resourceType: 'Location', id: 'nowhere', name: 'Nowhere' },
  ...['http://acme.org/fhir/ValueSet/1', 'http://acme.org/fhir/ValueSet/1/sub', 'http://acme.org/fhirx', 'urn:a:b'].map(
    (url, n): Stored => ({ resourceType: 'ValueSet', id: `v${n}`, status: 'active', url, version: '1' }),
  ),
]

before(async () => {
  record = await searchableRecord()
  await record.put(RESOURCES)
  await record.put([{ resourceType: 'Patient', id: 'anna', name: [{ family: 'Fremd' }], gender: 'female' }], 2)
})
after(() => record.close())

async function found(url: string, searcher: Searcher = ANYBODY): Promise<string[]> {
  return record
    .ids((await record.search(url, searcher)).matches)
    .map((name) => name.split('/')[1] as string)
    .toSorted()
}
async function finds(expected: Record<string, string[]>): Promise<void> {
  for (const [url, ids] of Object.entries(expected)) assert.deepEqual(await found(url), ids.toSorted(), url)
}
const failing = (code: string) => (error: unknown) =>
  (error instanceof FaultError ? error.fault.code : (error as Error).message) === code

test('chains follow several references, and through several types at once', () =>
  finds({
    'Observation?subject:Patient.organization.name=ward': ['a'],
    'Observation?patient.organization.partof.partof.name=charite': ['a'],
    'Observation?patient.organization.partof.partof.partof.name=charite': [],
    'Observation?patient.organization.identifier=T': ['b'],
    'Observation?encounter.service-provider.partof.name:exact=Charité': ['a', 'b'],
    'Observation?has-member:Observation.subject:Patient.family=muller': ['b'],
    // Subjects may be patients, groups, devices and locations; two of them have a name.
    'Observation?subject:Patient.gender:missing=false&encounter.class=AMB': ['a', 'b'],
    'Observation?encounter.patient.gender=male': [],
  }))

test('_has finds what is referred to, nested and with chains within', () =>
  finds({
    'Patient?_has:Observation:patient:code=s|a': ['anna'],
    'Patient?_has:Observation:subject:code=s|a,s|b': ['anna', 'ben'],
    'Patient?_has:Observation:patient:code=s|z': [],
    'Patient?_has:Observation:patient:encounter.class=AMB': ['anna', 'ben'],
    'Organization?_has:Patient:organization:_has:Observation:patient:code=s|a': ['low'],
    'Organization?_has:Organization:partof:_has:Organization:partof:name=ward': ['top'],
    'Observation?patient.organization._has:Patient:organization:family=bender': ['b'],
    'Encounter?_has:Observation:encounter:patient.gender=male': ['e1'],
    'Observation?_has:Observation:has-member:code=s|b': ['a'],
  }))

test('a chain shows nothing of another tenant, nor of a type that the caller may not search', async () => {
  assert.deepEqual(await found('Observation?patient.family=fremd'), [])
  assert.deepEqual(await found('Patient?_has:Observation:patient:code=s|a', { ...ANYBODY, tenant: 2 }), [])
  const only = (...types: string[]): Searcher => ({ ...ANYBODY, scopes: { allows: (type) => types.includes(type) } })
  for (const [url, ...types] of [
    ['Observation?patient.organization.name=ward', 'Observation', 'Patient'],
    ['Observation?patient.organization.name=ward', 'Observation', 'Organization'],
    ['Patient?_has:Observation:patient:code=s|a', 'Patient'],
    ['Patient?_filter=_has:Observation:patient:code eq s|a or gender eq male', 'Patient'],
    ['Condition?_list=now', 'Condition'],
  ] as [string, ...string[]][])
    await assert.rejects(found(url, only(...types)), failing('fhir.search.forbidden'), url)
})

test('text of codes, types of identifiers, parts of strings', () =>
  finds({
    'Observation?code:text=korperg': ['a'],
    'Observation?code:text=WEIGHT': ['a', 'b'],
    'Observation?code:text=eight': [],
    'Patient?identifier:text=medical': ['anna'],
    'Patient?telecom:text=phone': [],
    'Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|77': ['anna'],
    'Patient?identifier:of-type=|SS|78': ['ben'],
    'Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|78': [],
    'Patient?family:contains=LUDEN': ['anna'],
    'Patient?name:contains=end,eidt': ['anna', 'ben'],
    'Patient?family:contains=lüdex': [],
    'Patient?gender=http://hl7.org/fhir/administrative-gender|male': ['ben'],
    'Patient?gender=http://hl7.org/fhir/administrative-gender|': ['anna', 'ben'],
    'Patient?gender=http://other|male': [],
    'Patient?gender:not=http://hl7.org/fhir/administrative-gender|male': ['anna'],
  }))

test('URLs above and below, by whole levels of the path', () =>
  finds({
    'ValueSet?url:below=http://acme.org/fhir': ['v0', 'v1'],
    'ValueSet?url:below=http://acme.org/fhir/ValueSet/1/': ['v1'],
    'ValueSet?url:above=http://acme.org/fhir/ValueSet/1/sub/x': ['v0', 'v1'],
    'ValueSet?url:below=urn:a': [],
    'ValueSet?url:above=urn:a:b': ['v3'],
  }))

test('words of the narrative, and of the whole content', () =>
  finds({
    'Patient?_text=penicillin': ['anna'],
    'Patient?_text=asthma allerg': ['anna'],
    'Patient?_text=asthma,nothing': ['anna'],
    'Patient?_text=asthma nothing': [],
    'Patient?_text=enicillin': [],
    'Patient?_content=PENICILLIN': ['anna', 'ben'],
    'Patient?_content=penicillin place': ['ben'],
    'Observation?subject:Patient._text=penicillin': ['a'],
  }))

test('lists by id and by what they are for', () =>
  finds({
    'Condition?_list=now': ['c1'],
    'Condition?_list=List/then,pills': ['c2'],
    'Condition?_list=$current-problems': ['c1'],
    'Condition?_list=$current-medications&patient=anna': ['c2'],
    'Condition?_list=$current-medications&patient=ben': [],
    'Condition?_list=none': [],
  }))

test('places near a place', () =>
  finds({
    'Location?near=50.735|7.1|30|km': ['bonn', 'koeln'],
    'Location?near=50.735|7.1|20': ['bonn'],
    'Location?near=50.735|7.1': ['bonn', 'koeln'],
    'Location?near=50.735|7.1|16|[mi_us]': ['bonn', 'koeln'],
    'Location?near=50.735|7.1|10|[mi_us]': ['bonn'],
    'Location?near=50.735|7.1|24000|m': ['bonn'],
    // Across the line where 180 degrees become -180.
    'Location?near=-17|-179.9|30|km': ['fiji'],
    'Location?near=50.735|7.1|30|km&name=koln': ['koeln'],
  }))

test('_filter: operators by kind, logic from left to right, paths and brackets', () =>
  finds({
    'Patient?_filter=name co "lüden"': ['anna'],
    'Patient?_filter=family sw bend': ['ben'],
    'Patient?_filter=family ew "scheidt"': ['anna'],
    'Patient?_filter=family eq "bender"': ['ben'],
    'Patient?_filter=family eq "bend"': [],
    'Patient?_filter=gender eq male or gender eq female and family eq bender': ['ben'],
    'Patient?_filter=gender eq male or (gender eq female and family eq bender)': ['ben'],
    'Patient?_filter=gender eq male and family eq x or family eq bender': ['ben'],
    'Patient?_filter=not (gender eq male)': ['anna'],
    'Patient?_filter=identifier eq urn:mrn|78 or identifier eq "urn:ssn|78"': ['anna', 'ben'],
    'Patient?_filter=identifier ne urn:mrn|78': ['anna'],
    'Patient?_filter=organization.name co "ar"': ['anna', 'ben'],
    'Patient?_filter=organization[name eq ward].partof.name eq clinic': ['anna'],
    'Patient?_filter=organization[name eq charite].partof.name eq clinic': [],
    'Patient?_filter=_has:Observation:patient:code eq s|b and gender pr true': ['ben'],
    'Patient?_filter=birthdate pr false': ['anna', 'ben'],
    'Patient?_filter=_id ne anna': ['ben'],
    'Patient?_filter=family co nothing or organization.name eq charité or _id eq anna': ['anna', 'ben'],
    'Observation?_filter=has-member re Observation/a': ['b'],
    'ValueSet?_filter=url ss http://acme.org/fhir': ['v0', 'v1'],
    'Patient?_filter=family eq bender&gender=female': [],
  }))

test('a _filter that cannot be read, or is too large, is refused and nothing of it repeated', async () => {
  for (const [filter, code] of [
    ['name', 'filter-invalid'],
    ['name co', 'filter-invalid'],
    ['name zz x', 'filter-invalid'],
    ['gender co "m"', 'filter-invalid'],
    ['(gender eq male', 'filter-invalid'],
    ['gender eq male)', 'filter-invalid'],
    ['gender eq male and', 'filter-invalid'],
    ['gender eq "male', 'filter-invalid'],
    ['gender eq "ma\\xle"', 'filter-invalid'],
    ['organization[name eq x] eq y', 'filter-invalid'],
    ['active pr perhaps', 'filter-invalid'],
    ['colour eq red', 'parameter-unknown'],
    ['_text eq red', 'parameter-unknown'],
    ['birthdate eq soon', 'value-invalid'],
    ['gender[name eq x].y eq z', 'parameter-unknown'],
    [`${'('.repeat(12)}gender eq male${')'.repeat(12)}`, 'filter-too-large'],
    [`${'not ('.repeat(1000)}`, 'filter-too-large'],
    [Array.from({ length: 60 }, () => 'gender eq male').join(' or '), 'filter-too-large'],
    [`name eq ${'x'.repeat(5000)}`, 'filter-too-large'],
    [`organization.${'partof.'.repeat(8)}name eq x`, 'chain-too-long'],
  ] as const)
    await assert.rejects(found(`Patient?_filter=${encodeURIComponent(filter)}`), failing(`fhir.search.${code}`), filter)
})

test('what :iterate draws in leads on, each resource once, cycles and all', async () => {
  const included = async (url: string): Promise<string[]> => record.ids((await record.search(url)).included).toSorted()
  assert.deepEqual(
    await included(
      'Patient?_id=anna&_include=Patient:organization&_include=Organization:partof'.replace(
        '&_include=Organization',
        '&_include:iterate=Organization',
      ),
    ),
    ['Organization/low', 'Organization/mid', 'Organization/top'],
  )
  assert.deepEqual(
    await included(
      'Organization?_id=top&_revinclude:iterate=Organization:partof&_revinclude:iterate=Patient:organization',
    ),
    ['Organization/low', 'Organization/mid', 'Patient/anna', 'Patient/ben'],
  )
  await record.put([
    { resourceType: 'Organization', id: 'x', partOf: { reference: 'Organization/y' } },
    { resourceType: 'Organization', id: 'y', partOf: { reference: 'Organization/x' } },
  ])
  assert.deepEqual(
    await included('Organization?_id=x&_include:iterate=Organization:partof&_revinclude:iterate=Organization:*'),
    ['Organization/y'],
  )
  await record.put(
    Array.from(
      { length: 9 },
      (_, n): Stored => ({
        resourceType: 'Organization',
        id: `deep${n}`,
        partOf: { reference: `Organization/deep${n + 1}` },
      }),
    ),
  )
  const deep = await record.search('Organization?_id=deep0&_include:recurse=Organization:partof')
  assert.equal(deep.included.length, 6)
  assert.deepEqual(
    deep.warnings.map(({ code }) => code),
    ['fhir.search.includes-too-deep'],
  )
})

test('a star stands for every reference, or every type, that the caller may see', async () => {
  const included = async (url: string, searcher: Searcher = ANYBODY): Promise<string[]> =>
    record.ids((await record.search(url, searcher)).included).toSorted()
  assert.deepEqual(await included('Observation?_id=b&_include=Observation:*'), [
    'Encounter/e1',
    'Observation/a',
    'Patient/ben',
  ])
  assert.deepEqual(await included('Observation?_id=b&_include=*'), ['Encounter/e1', 'Observation/a', 'Patient/ben'])
  assert.deepEqual(await included('Patient?_id=anna&_revinclude=*'), [
    'Condition/c1',
    'Condition/c2',
    'Encounter/e1',
    'List/now',
    'List/pills',
    'List/then',
    'Observation/a',
  ])
  assert.deepEqual(await included('Encounter?_id=e1&_revinclude=Observation:*'), ['Observation/a', 'Observation/b'])
  const few: Searcher = {
    ...ANYBODY,
    scopes: { allows: (type, letter) => type === 'Patient' || (type === 'Condition' && letter === 's') },
  }
  assert.deepEqual(await included('Patient?_id=anna&_revinclude=*&_include=*', few), ['Condition/c1', 'Condition/c2'])
})

test('_graph draws in what a GraphDefinition says, which the caller may read', async () => {
  const graph = (id: string, start: string, link: object[]): Stored => ({
    resourceType: 'GraphDefinition',
    id,
    name: id,
    status: 'active',
    start,
    link,
  })
  const org = { type: 'Organization', link: [{ path: 'Organization.partOf', target: [{ type: 'Organization' }] }] }
  await record.put([
    graph('chart', 'Patient', [
      { path: 'Patient.managingOrganization', target: [org] },
      {
        target: [
          {
            type: 'Observation',
            params: 'patient={ref}',
            link: [{ path: 'encounter', target: [{ type: 'Encounter' }] }],
          },
        ],
      },
    ]),
    graph('odd', 'Patient', [{ path: 'Patient.name.family', target: [{ type: 'Organization' }] }]),
    graph('two', 'Patient', [{ target: [{ type: 'Observation', params: 'patient={ref}&code=x' }] }]),
    graph('else', 'Device', []),
  ])
  const included = async (url: string, searcher: Searcher = ANYBODY): Promise<string[]> =>
    record.ids((await record.search(url, searcher)).included).toSorted()
  for (const name of ['chart', 'GraphDefinition/chart'])
    assert.deepEqual(await included(`Patient?_id=anna&_graph=${name}`), [
      'Encounter/e1',
      'Observation/a',
      'Organization/low',
      'Organization/mid',
    ])
  for (const [name, code] of [
    ['odd', 'fhir.search.graph-unsupported'],
    ['two', 'fhir.search.graph-unsupported'],
    ['else', 'fhir.search.graph-unsupported'],
    ['none', 'fhir.search.graph-unknown'],
    ['http://x', 'fhir.search.value-invalid'],
  ] as const)
    await assert.rejects(included(`Patient?_graph=${name}`), failing(code), name)
  const without = (type: string): Searcher => ({ ...ANYBODY, scopes: { allows: (asked) => asked !== type } })
  await assert.rejects(
    included('Patient?_graph=chart', without('GraphDefinition')),
    failing('fhir.search.graph-unknown'),
  )
  await assert.rejects(included('Patient?_graph=chart', without('Observation')), failing('fhir.search.forbidden'))
  await assert.rejects(
    included('Patient?_graph=chart', { ...ANYBODY, tenant: 2 }),
    failing('fhir.search.graph-unknown'),
  )
})

test('a condition of a write follows chains, but opens little and asks no terminology', async () => {
  const find = findMatches({
    ...record.deps,
    codeSets: { members: () => Promise.resolve([]), relatives: () => Promise.resolve([]) },
  })
  assert.equal((await find(ANYBODY, 'Observation', 'patient.organization.name=ward', 2)).length, 1)
  assert.equal((await find(ANYBODY, 'Patient', '_filter=family eq bender or gender eq female', 3)).length, 2)
  await assert.rejects(find(ANYBODY, 'Observation', 'code:in=http://x.org/vs', 2), failing('fhir.search.codes-unknown'))
  await assert.rejects(find(ANYBODY, 'Observation', '_contained=false', 2), failing('fhir.search.condition-empty'))
  await record.put(
    Array.from({ length: 201 }, (_, n): Stored => ({ resourceType: 'Group', id: `g${n}`, name: `G${n}` })),
  )
  await assert.rejects(
    find(ANYBODY, 'Observation', 'subject:Group._text=x', 2),
    failing('fhir.search.chain-too-costly'),
  )
})

test('all chains of a search together open a bounded number of bodies, and take a bounded time', async () => {
  const { deps } = record
  const parse = (query: string) => {
    const parsed = parseSearch({
      types: ['Observation'],
      parameters: [...new URLSearchParams(query)],
      clock: deps.clock,
    })
    return parsed.ok ? parsed.value : assert.fail(parsed.fault.code)
  }
  const twice = parse('subject:Group._text=x&focus:Group._text=y')
  assert.equal((await runSearch({ ...deps, candidatesMax: 500 }, ANYBODY, twice)).matches.length, 0)
  await assert.rejects(
    runSearch({ ...deps, candidatesMax: 300 }, ANYBODY, twice),
    failing('fhir.search.chain-too-costly'),
  )
  // Nothing is left for the second: it is refused, not taken for empty.
  await assert.rejects(
    runSearch({ ...deps, candidatesMax: 201 }, ANYBODY, twice),
    failing('fhir.search.chain-too-costly'),
  )
  let now = 0
  const slow = { now: deps.clock.now, monotonic: () => (now += 9_000) }
  await assert.rejects(runSearch({ ...deps, clock: slow }, ANYBODY, twice), failing('fhir.search.too-costly'))
})

test('chains and _has of several types at once, page by page', async () => {
  const all = async (query: string): Promise<string[]> => {
    const parameters = [...new URLSearchParams(`${query}&_count=1`)]
    const parsed = parseSearch({ types: [], parameters, clock: record.deps.clock })
    assert.ok(parsed.ok)
    const names: string[] = []
    let page = await runSearch(record.deps, ANYBODY, parsed.value)
    for (;;) {
      names.push(...record.ids(page.matches))
      if (page.next === undefined) return names.toSorted()
      page = await record.page(page.next)
    }
  }
  assert.deepEqual(await all('_type=Condition,Encounter,Observation&patient.organization.name=ward'), [
    'Condition/c1',
    'Condition/c2',
    'Encounter/e1',
    'Observation/a',
  ])
  assert.deepEqual(await all('_type=Patient,Encounter&_has:Observation:subject:code=s|a'), ['Patient/anna'])
  const final = 'http://hl7.org/fhir/observation-status|final'
  assert.deepEqual(await all(`_type=Observation&status=${final}`), ['Observation/a', 'Observation/b'])
  // Of each type what its own status means.
  assert.deepEqual(await all(`_type=Encounter,Observation&status=${final}`), ['Observation/a', 'Observation/b'])
  assert.deepEqual(await all('_type=Encounter,Observation&status=final,finished'), [
    'Encounter/e1',
    'Observation/a',
    'Observation/b',
  ])
  assert.deepEqual(await all('_type=Condition&patient=anna'), ['Condition/c1', 'Condition/c2'])
  assert.deepEqual(await all('_type=Patient,Organization&_filter=name co "wa" or name eq bender'), [
    'Organization/low',
    'Patient/ben',
  ])
  assert.deepEqual(await all('_type=Patient,Organization&_content=charite,bender'), ['Organization/top', 'Patient/ben'])
})
