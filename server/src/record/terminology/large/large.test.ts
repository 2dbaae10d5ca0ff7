import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Database, openDatabase } from '#db'
import { createLog, FaultError, systemClock } from '#kernel'
import { type TestDatabase, testDatabase } from '../../../../../test/fixtures/database.ts'
import { TerminologyError } from '../engine/issues.ts'
import { Library, requestShelf } from '../engine/library.ts'
import type { Json } from '../engine/resources.ts'
import { Work } from '../engine/work.ts'
import type { Release, ReleaseItem } from '../load/release.ts'
import { operationRunner } from '../service.ts'
import { type LargeSystems, openLargeSystems } from './large-systems.ts'
import { storeRelease } from './store-release.ts'

const log = createLog({ level: 'error', destination: { write: () => undefined } })
let testing: TestDatabase
let database: Database
let large: LargeSystems
const options = () => ({ url: testing.url, connections: 2, statementTimeoutMs: 20_000, log })
before(async () => {
  testing = await testDatabase()
  database = await openDatabase(options())
  large = await openLargeSystems({ database, log })
})
after(async () => {
  large.close()
  await database.close()
  await testing.drop()
})

const SCT = 'http://snomed.info/sct'
const EDITION = 'http://snomed.info/sct/900000000000207008/version/20260101'
const CODES = { root: '138875005', finding: '404684003', site: '363698007', lung: '39607008', body: '123037004' }
const PNEUMONIA = '233604007'
const VIRAL = '75570004'

/** The facts of a tiny release, in an order no publisher would choose. */
const items: ReleaseItem[] = [
  { kind: 'parent', code: VIRAL, parent: PNEUMONIA },
  { kind: 'property', code: PNEUMONIA, property: CODES.site, value: CODES.lung },
  { kind: 'designation', code: VIRAL, value: 'Viral pneumonia', language: 'en', displayRank: 1 },
  { kind: 'designation', code: VIRAL, value: 'Lungenentzündung durch Viren', language: 'de' },
  { kind: 'concept', code: VIRAL },
  { kind: 'concept', code: PNEUMONIA, display: 'Pneumonia' },
  { kind: 'concept', code: CODES.root, display: 'SNOMED CT Concept', isAbstract: true },
  { kind: 'concept', code: CODES.finding, display: 'Clinical finding' },
  { kind: 'concept', code: CODES.body, display: 'Body structure' },
  { kind: 'concept', code: CODES.lung, display: 'Lung structure' },
  { kind: 'concept', code: '1000000001', display: 'Old pneumonia', isInactive: true },
  { kind: 'parent', code: PNEUMONIA, parent: CODES.finding },
  { kind: 'parent', code: CODES.finding, parent: CODES.root },
  { kind: 'parent', code: CODES.body, parent: CODES.root },
  { kind: 'parent', code: CODES.lung, parent: CODES.body },
  { kind: 'member', set: '700043003', code: VIRAL },
]

const release = (given: readonly ReleaseItem[], version = EDITION): Release => ({
  head: {
    url: SCT,
    version,
    name: 'SNOMED',
    title: 'SNOMED CT',
    language: 'en',
    isCaseSensitive: true,
    properties: [{ code: CODES.site, type: 'code' }],
  },
  async *items() {
    yield given
  },
})

const nobody = { resources: () => [] }
const ask = (name: Parameters<ReturnType<typeof operationRunner>>[0], parameter: Json[]): Promise<Json> =>
  operationRunner({ shelves: [large.shelf], clock: systemClock })(name, {
    parameters: { resourceType: 'Parameters', parameter },
    record: nobody,
  }) as Promise<Json>

async function expand(fhirVs: string, more: Json[] = []): Promise<string[]> {
  const flat = { name: 'excludeNested', valueBoolean: true }
  const answer = await ask('expand', [{ name: 'url', valueUri: `${SCT}?fhir_vs${fhirVs}` }, flat, ...more])
  const { contains = [] } = answer.expansion as { contains?: { code: string }[] }
  return contains.map(({ code }) => code)
}

test('a release is stored, whatever the order of its facts, and found once it is complete', async () => {
  assert.equal(large.has(SCT), false)
  const stored = await storeRelease({ database, clock: systemClock }, release(items))
  assert.deepEqual(stored, { url: SCT, version: EDITION, concepts: 7, facts: items.length })
  await large.refresh()
  assert.equal(large.has(SCT), true)
  const found = await ask('lookup', [
    { name: 'system', valueUri: SCT },
    { name: 'code', valueCode: VIRAL },
  ])
  const parameters = found.parameter as { name: string; valueString?: string; part?: Json[] }[]
  assert.equal(parameters.find(({ name }) => name === 'display')?.valueString, 'Viral pneumonia')
  assert.ok(JSON.stringify(parameters).includes('"Lungenentzündung durch Viren"'))
  assert.ok(JSON.stringify(parameters).includes(`"valueCode":"${PNEUMONIA}"`))
})

test('implicit value sets and constraints choose by hierarchy, set and attribute', async () => {
  assert.deepEqual(await expand(`=isa/${PNEUMONIA}`), [PNEUMONIA, VIRAL].sort())
  assert.deepEqual(await expand('=refset/700043003'), [VIRAL])
  const ecl = (text: string): Promise<string[]> => expand(`=ecl/${encodeURIComponent(text)}`)
  assert.deepEqual(await ecl(`< ${PNEUMONIA} |Pneumonia|`), [VIRAL])
  assert.deepEqual(await ecl(`>> ${PNEUMONIA} MINUS ${CODES.root}`), [PNEUMONIA, CODES.finding].sort())
  assert.deepEqual(await ecl(`^ 700043003 OR ${CODES.lung}`), [VIRAL, CODES.lung].sort())
  assert.deepEqual(await ecl(`<< ${CODES.finding} : ${CODES.site} = << ${CODES.body}`), [PNEUMONIA])
  assert.deepEqual(await ecl(`<< ${CODES.finding} : ${CODES.site} = << ${CODES.finding}`), [])
  assert.deepEqual(await ecl(`<< ${CODES.finding} : ${CODES.site} = ${CODES.lung}`), [PNEUMONIA])
  assert.deepEqual(await ecl(`<< ${CODES.finding} : ${CODES.site} = ${CODES.body}`), [])
  assert.deepEqual(await ecl(`<< ${CODES.finding} : ${CODES.site} != ${CODES.lung}`), [CODES.finding, VIRAL].sort())
  // The form that ecl.ts documents, with a second attribute, and a value that is itself refined.
  const site = `${CODES.site} = << ${CODES.body}`
  assert.deepEqual(await ecl(`<< ${CODES.finding} : ${site}, ${CODES.site} = ${CODES.lung}`), [PNEUMONIA])
  assert.deepEqual(await ecl(`<< ${CODES.finding} : ${site}, 116676008 = ${CODES.lung}`), [])
  assert.deepEqual(await ecl(`* : ${CODES.site} = (${CODES.lung} : ${site})`), [])
  await assert.rejects(ecl('<< nonsense ('))
})

test('typing finds names by the start of their words, whole words and short names first', async () => {
  const typed = (filter: string, more: Json[] = []): Promise<string[]> =>
    expand('', [{ name: 'filter', valueString: filter }, { name: 'count', valueInteger: 5 }, ...more])
  assert.deepEqual((await typed('pneu'))[0], PNEUMONIA)
  assert.deepEqual(await typed('vir pneu'), [VIRAL])
  assert.deepEqual(await typed('lungenentz viren'), [VIRAL])
  assert.deepEqual(await typed('xyz'), [])
  assert.ok((await typed('pneu')).includes('1000000001'))
  assert.ok(!(await typed('pneu', [{ name: 'activeOnly', valueBoolean: true }])).includes('1000000001'))
})

test('a code of a loaded system is validated, an unknown one is not', async () => {
  const validate = async (code: string): Promise<unknown> => {
    const answer = await ask('validate-value-set', [
      { name: 'url', valueUri: `${SCT}?fhir_vs=isa/${CODES.finding}` },
      { name: 'system', valueUri: SCT },
      { name: 'code', valueCode: code },
    ])
    return (answer.parameter as { name: string; valueBoolean?: boolean }[]).find(({ name }) => name === 'result')
      ?.valueBoolean
  }
  assert.equal(await validate(VIRAL), true)
  assert.equal(await validate(CODES.lung), false)
  assert.equal(await validate('999999999'), false)
})

test('a code that no database holds is unknown, and harms nobody who asks beside it', async () => {
  const systems = await Promise.resolve(large.shelf.systems?.(SCT) ?? [])
  const provider = await systems[0]?.open([], new Work())
  assert.ok(provider)
  const nul = 'a\u0000b'
  // Not remembered yet: it travels with the look-up of the hostile code.
  const [hostile, beside] = await Promise.all([provider.find(nul), provider.find(CODES.lung)])
  assert.equal(hostile, undefined)
  assert.equal(beside?.display, 'Lung structure')
  assert.equal(await provider.subsumes(nul, CODES.lung), undefined)
  const filter = { property: 'concept', op: 'is-a', value: CODES.body }
  const spend = (): void => undefined
  assert.equal(await (await provider.select([filter], spend))?.find(nul), undefined)
  for (const own of [
    { ...filter, value: nul },
    { property: nul, op: 'exists', value: 'true' },
    { property: CODES.site, op: '=', value: nul },
  ])
    assert.equal(await provider.select([own], spend), undefined)
  const lookup = ask('lookup', [
    { name: 'system', valueUri: SCT },
    { name: 'code', valueCode: nul },
  ])
  await assert.rejects(lookup, (error: unknown) => error instanceof TerminologyError && error.status === 404)
})

test('how any two of many codes stand takes one query for all of them', async () => {
  let queries = 0
  const counting: Database = Object.create(database, {
    query: {
      value: (...given: Parameters<Database['query']>) => {
        queries++
        return database.query(...given)
      },
    },
  })
  const counted = await openLargeSystems({ database: counting, log })
  const [system] = await Promise.resolve(counted.shelf.systems?.(SCT) ?? [])
  const provider = await system?.open([], new Work())
  const codes = [CODES.finding, CODES.lung, PNEUMONIA, VIRAL, '999999999']
  queries = 0
  const compare = await provider?.compare?.(codes)
  const found = codes.flatMap((a) => codes.map((b) => compare?.(a, b)))
  assert.equal(queries, 1)
  const alone: unknown[] = []
  for (const a of codes) for (const b of codes) alone.push(await provider?.subsumes(a, b))
  assert.deepEqual(found, alone)
  assert.equal(compare?.(VIRAL, CODES.finding), 'subsumed-by')
  counted.close()
})

test('filters with more values than a statement takes are refused', async () => {
  const value = Array.from({ length: 1_000 }, (_, at) => `v${at}`).join(',')
  const filter = Array.from({ length: 70 }, () => ({ property: CODES.site, op: 'in', value }))
  const expansion = ask('expand', [
    {
      name: 'valueSet',
      resource: { resourceType: 'ValueSet', status: 'active', compose: { include: [{ system: SCT, filter }] } },
    },
  ])
  await assert.rejects(
    expansion,
    (error: unknown) => error instanceof TerminologyError && error.issues[0]?.type === 'too-costly',
  )
})

test('a second load of a version takes the place of the first; one that fails changes nothing', async () => {
  await storeRelease({ database, clock: systemClock }, release(items.slice(0, 6)))
  await large.refresh()
  assert.deepEqual(
    large.list().map(({ concepts }) => concepts),
    [2],
  )
  const broken: Release = {
    ...release(items),
    async *items() {
      yield items
      throw new Error('cut off')
    },
  }
  await assert.rejects(storeRelease({ database, clock: systemClock }, broken), /cut off/)
  const refused = (given: readonly ReleaseItem[], code: string): Promise<void> =>
    assert.rejects(
      storeRelease({ database, clock: systemClock }, release(given)),
      (error: unknown) => error instanceof FaultError && error.fault.code === code,
    )
  await refused([], 'terminology.load.empty')
  const names = Array.from(
    { length: 20_001 },
    (_, at): ReleaseItem => ({
      kind: 'designation',
      code: PNEUMONIA,
      value: `name ${at}`,
    }),
  )
  await refused([...items, ...names], 'terminology.load.concept-too-large')
  await large.refresh()
  assert.equal(large.list().length, 1)
  const [staged] = await database.query({ text: 'select count(*)::int from terminology.staged' })
  assert.deepEqual(staged, [0])
  assert.ok(await new Library(requestShelf([]), [large.shelf]).codeSystem(SCT, undefined, []))
})

test('a load that lost facts on its way is refused, and the older one stays', async () => {
  await storeRelease({ database, clock: systemClock }, release(items))
  await large.refresh()
  const many: ReleaseItem[] = Array.from({ length: 6_000 }, (_, at) => ({ kind: 'concept', code: `${1_000_000 + at}` }))
  const during = (harm: () => Promise<unknown>): Release => ({
    ...release(items),
    async *items() {
      yield many
      await harm()
      yield items
    },
  })
  const load = (harm: () => Promise<unknown>, code: string): Promise<void> =>
    assert.rejects(
      storeRelease({ database, clock: systemClock }, during(harm)),
      (error: unknown) => error instanceof FaultError && error.fault.code === code,
    )
  // What an unlogged table is after a crash, whether or not the sessions were seen to end.
  await load(() => database.query({ text: 'delete from terminology.staged' }), 'terminology.load.incomplete')
  const one = 'ctid = (select ctid from terminology.staged where kind = 1 limit 1)'
  await load(
    () => database.query({ text: `delete from terminology.staged where ${one}` }),
    'terminology.load.incomplete',
  )
  const sessions = `select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and query like '%terminology.staged%'`
  const owner = await openDatabase({ ...options(), role: 'owner', connections: 1 })
  await load(() => owner.query({ text: sessions }), 'db.unavailable')
  await owner.close()
  const rows = await database.query({ text: 'select concepts, ready from terminology.system' })
  assert.deepEqual(rows, [[7, true]])
  assert.deepEqual(await database.query({ text: 'select count(*)::int from terminology.staged' }), [[0]])
})
