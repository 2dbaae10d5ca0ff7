import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Database, openDatabase } from '#db'
import { createLog, FaultError, systemClock } from '#kernel'
import { type TestDatabase, testDatabase } from '../../../../test/fixtures/database.ts'
import { packageArchive } from '../../../../test/fixtures/tar-archive.ts'
import { type Definitions, openDefinitions, openPackages, type Packages } from './index.ts'

const log = createLog({ level: 'error' })
let place: TestDatabase
let database: Database
let definitions: Definitions
let packages: Packages
let folder = ''
before(async () => {
  folder = mkdtempSync('/tmp/salus-packages-')
  place = await testDatabase()
  database = await openDatabase({ url: place.url, connections: 2, statementTimeoutMs: 20_000, log })
  definitions = await openDefinitions({ database, log })
  packages = openPackages({ database, clock: systemClock })
})
after(async () => {
  await definitions.close()
  await database.close()
  await place.drop()
  rmSync(folder, { recursive: true, force: true })
})

const URL = 'http://test.example/StructureDefinition/a'
const profile = (version: string, more: object = {}): object => ({
  resourceType: 'StructureDefinition',
  url: URL,
  version,
  ...more,
})

let files = 0
function archive(version: string, content: object[], more: object = {}): { path: string } {
  const path = join(folder, `${++files}.tgz`)
  writeFileSync(path, packageArchive({ name: 'test.profiles', version, fhirVersions: ['4.0.1'], ...more }, content))
  return { path }
}

const hasCode = (code: string) => (error: unknown) => error instanceof FaultError && error.fault.code === code

test('an installed package is used after a look at the database, the newest version first, until it is removed', async () => {
  assert.equal(definitions.find('StructureDefinition', URL), undefined)
  const before = definitions.revision
  await packages.add(archive('2.0.0', [profile('2.0.0')]))
  await packages.add(archive('10.0.0', [profile('10.0.0')]))
  await packages.add(archive('9.0.0', [profile('9.0.0')]))
  await definitions.refresh()
  assert.equal(definitions.revision, before + 3)
  assert.deepEqual(definitions.versions('StructureDefinition', URL), ['10.0.0', '9.0.0', '2.0.0'])
  assert.equal(definitions.find('StructureDefinition', URL)?.version, '10.0.0')
  assert.equal(definitions.find('StructureDefinition', `${URL}|2.0.0`)?.version, '2.0.0')
  assert.ok([...definitions.all('StructureDefinition')].includes(`${URL}|9.0.0`))
  await packages.remove('test.profiles', '10.0.0')
  await definitions.refresh()
  assert.equal(definitions.find('StructureDefinition', URL)?.version, '9.0.0')
  for (const version of ['2.0.0', '9.0.0']) await packages.remove('test.profiles', version)
  await definitions.refresh()
  assert.equal(definitions.find('StructureDefinition', URL), undefined)
  await assert.rejects(packages.remove('test.profiles', '9.0.0'), hasCode('definitions.package.not-installed'))
})

test('the same version is replaced only when that is asked for, and as a whole', async () => {
  const other = { ...profile('1.0.0'), url: `${URL}-other` }
  await packages.add(archive('1.0.0', [profile('1.0.0', { status: 'draft' }), other]))
  const newer = archive('1.0.0', [profile('1.0.0', { status: 'active' })])
  await assert.rejects(packages.add(newer), hasCode('definitions.package.exists'))
  await definitions.refresh()
  assert.equal(definitions.find('StructureDefinition', URL)?.['status'], 'draft')
  const { replaced } = await packages.add(newer, { replace: true })
  assert.equal(replaced, true)
  await definitions.refresh()
  assert.equal(definitions.find('StructureDefinition', URL)?.['status'], 'active')
  assert.equal(definitions.find('StructureDefinition', `${URL}-other`), undefined)
  assert.deepEqual(
    (await packages.list()).map(({ name, version, definitions: count }) => [name, version, count]),
    [['test.profiles', '1.0.0', 1]],
  )
})

test('a package that cannot be read leaves everything as it was', async () => {
  const revision = definitions.revision
  const bad = archive('3.0.0', [profile('3.0.0'), profile('3.0.0')])
  await assert.rejects(packages.add(bad), hasCode('definitions.package.definition-invalid'))
  await definitions.refresh()
  assert.equal(definitions.revision, revision)
  assert.equal((await packages.list()).length, 1)
})

test('a package cannot put its own Patient in the place of the specification, and updates terminology only with what is newer', async () => {
  const patient = 'http://hl7.org/fhir/StructureDefinition/Patient'
  const system = 'http://terminology.hl7.org/CodeSystem/v3-ActCode'
  const category = 'http://terminology.hl7.org/CodeSystem/observation-category'
  await packages.add(
    archive(
      '1.0.0',
      [
        profile('99.0.0', { url: patient }),
        { resourceType: 'CodeSystem', url: system, version: '9.1.0' },
        { resourceType: 'CodeSystem', url: category, version: '0.1.0' },
      ],
      {
        name: 'test.overrides',
      },
    ),
  )
  await definitions.refresh()
  assert.equal(definitions.find('StructureDefinition', patient)?.version, '4.0.1')
  assert.equal(definitions.find('CodeSystem', system)?.version, '9.1.0')
  assert.deepEqual(definitions.versions('CodeSystem', category), ['2.0.0', '0.1.0', '4.0.1'])
  assert.equal(definitions.find('CodeSystem', `${system}|9.0.0`)?.version, '9.0.0')
})

test('missing dependencies are told, present ones are not', async () => {
  const dependencies = {
    'hl7.fhir.r4.core': '4.0.1',
    'hl7.terminology.r4': '5.0.0',
    absent: '1.0.x',
    'test.profiles': '1.0.x',
  }
  const { missing } = await packages.add(archive('4.0.0', [profile('4.0.0')], { name: 'test.leaning', dependencies }))
  assert.deepEqual(missing, [
    { name: 'hl7.terminology.r4', version: '5.0.0', present: ['7.0.1'] },
    { name: 'absent', version: '1.0.x', present: [] },
  ])
})

test('what comes with Salus is not installed a second time', async () => {
  const core = archive('4.0.1', [profile('1.0.0')], { name: 'hl7.fhir.r4.core' })
  await assert.rejects(packages.add(core), hasCode('definitions.package.built-in'))
})

test('many definitions in many members are found, and stay as they are beside the look for changes', async () => {
  const filler = 'x'.repeat(5_000)
  const many = Array.from({ length: 2_000 }, (_, place) => ({
    resourceType: 'ValueSet',
    url: `http://test.example/vs/${place}`,
    version: '1.0.0',
    name: `${place} ${filler}`,
  }))
  await packages.add(archive('1.0.0', many, { name: 'test.many' }))
  await Promise.all([definitions.refresh(), definitions.refresh(), definitions.refresh()])
  for (const place of [0, 1, 999, 1_999])
    assert.equal(
      String(definitions.find('ValueSet', `http://test.example/vs/${place}`)?.['name']).split(' ')[0],
      `${place}`,
    )
})
