import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Database, openDatabase } from '#db'
import { createLog, FaultError, systemClock } from '#kernel'
import { type TestDatabase, testDatabase } from '../../../../../test/fixtures/database.ts'
import {
  cvxTextSample,
  icd10cmTabularSample,
  loincSample,
  rxnormSample,
  type SampleFiles,
  snomedSample,
} from '../../../../../test/fixtures/release-samples.ts'
import { zipArchive } from '../../../../../test/fixtures/zip-archive.ts'
import { conceptsByCode, readState, readSystems } from '../large/store.ts'
import { type CodeSystemSource, type LoadedSystems, openLoadedSystems } from './loaded-systems.ts'

const log = createLog({ level: 'error' })
const CVX = 'http://hl7.org/fhir/sid/cvx'
let place: TestDatabase
let database: Database
let systems: LoadedSystems
let folder = ''
before(async () => {
  folder = mkdtempSync('/tmp/salus-loaded-')
  place = await testDatabase()
  database = await openDatabase({ url: place.url, connections: 2, statementTimeoutMs: 20_000, log })
  systems = openLoadedSystems({ database, clock: systemClock })
})
after(async () => {
  await database.close()
  await place.drop()
  rmSync(folder, { recursive: true, force: true })
})

let zips = 0
function zip(files: SampleFiles): string {
  const path = join(folder, `${++zips}.zip`)
  writeFileSync(path, zipArchive(Object.entries(files).map(([name, content]) => ({ name, content }))))
  return path
}

const load = (source: CodeSystemSource, replace = false): ReturnType<LoadedSystems['load']> =>
  systems.load(source, { replace, onProgress: () => undefined })
const cvx = (version: string, files = cvxTextSample()): CodeSystemSource => ({ kind: 'cvx', path: zip(files), version })
const hasCode = (code: string) => (error: unknown) => error instanceof FaultError && error.fault.code === code
const versions = async (): Promise<string[]> => (await systems.list()).map(({ url, version }) => `${url}|${version}`)

test('every kind of release is loaded, its concepts with names, properties and parents', async () => {
  const sources: [CodeSystemSource, number][] = [
    [{ kind: 'snomed', path: zip(snomedSample()) }, 7],
    [{ kind: 'loinc', path: zip(loincSample()), version: '2.77' }, 5],
    [{ kind: 'rxnorm', path: zip(rxnormSample()), version: '03042024' }, 4],
    [{ kind: 'icd-10-cm', path: zip(icd10cmTabularSample()) }, 12],
    [cvx('20240301'), 3],
  ]
  for (const [source, concepts] of sources) assert.equal((await load(source)).concepts, concepts, source.kind)
  assert.equal((await systems.list()).length, 5)
  const snomed = (await readSystems(database)).find(({ url }) => url === 'http://snomed.info/sct')
  const [diabetes] = await conceptsByCode(database, [{ system: snomed?.id ?? 0, code: '44054006' }])
  assert.equal(diabetes?.display, 'Diabetes mellitus type 2')
  assert.deepEqual(diabetes.up, [['73211009', 'Diabetes mellitus']])
})

test('a version is replaced only when that is asked for; versions stand beside each other until one is removed', async () => {
  await load(cvx('1'))
  await assert.rejects(load(cvx('1')), hasCode('terminology.load.exists'))
  const before = await readState(database)
  await load(cvx('1'), true)
  await load(cvx('2'))
  assert.ok((await readState(database)) >= before + 2)
  assert.equal((await versions()).filter((one) => one.startsWith(CVX)).length, 3)
  await systems.remove(CVX, '1')
  assert.equal((await versions()).includes(`${CVX}|1`), false)
  await assert.rejects(systems.remove(CVX, '1'), hasCode('terminology.load.not-loaded'))
})

test('a load that fails in its last file leaves what was there, and nothing else', async () => {
  const before = await versions()
  const content = Object.values(cvxTextSample())[0] ?? ''
  const broken = { 'cvx.txt': `${content.repeat(1)}1|2\n` }
  await assert.rejects(load(cvx('20240301', broken), true), hasCode('terminology.load.damaged'))
  assert.deepEqual(await versions(), before)
  await assert.rejects(load(cvx('3', { 'cvx.txt': 'CVX Code|a|b|c|d|e|f\n' })), hasCode('terminology.load.empty'))
  assert.deepEqual(await versions(), before)
})

test('one load runs at a time', async () => {
  const both = await Promise.allSettled([load(cvx('5')), load(cvx('6'))])
  const refused = both.filter((outcome) => outcome.status === 'rejected')
  assert.equal(refused.length, 1)
  assert.ok(hasCode('terminology.load.busy')(refused[0]?.reason))
})
