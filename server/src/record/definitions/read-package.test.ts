import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { FaultError } from '#kernel'
import { packageArchive, type TarEntry, tarArchive, tgzArchive } from '../../../../test/fixtures/tar-archive.ts'
import { PACKAGE_LIMITS } from './package-limits.ts'
import { type PackageSource, type ReadPackage, readPackage } from './read-package.ts'

const folder = mkdtempSync('/tmp/salus-packages-')
after(() => rmSync(folder, { recursive: true, force: true }))

const MANIFEST = { name: 'test.profiles', version: '1.0.0', fhirVersions: ['4.0.1'] }
const VALUE_SET = { resourceType: 'ValueSet', url: 'http://test.example/vs', version: '1.0.0', status: 'active' }
const manifestEntry = { name: 'package/package.json', content: JSON.stringify(MANIFEST) }
const valueSetEntry = { name: 'package/ValueSet-vs.json', content: JSON.stringify(VALUE_SET) }

let files = 0
function file(content: Buffer | string, ending = '.tgz'): string {
  const path = join(folder, `${++files}${ending}`)
  writeFileSync(path, content)
  return path
}

const read = (bytes: Buffer, more: Partial<PackageSource> = {}): Promise<ReadPackage> =>
  readPackage({ path: file(bytes), ...more })

function rejects(reading: Promise<unknown>, code: string, says?: RegExp): Promise<void> {
  return assert.rejects(reading, (error: unknown) => {
    assert.ok(error instanceof FaultError, String(error))
    assert.equal(error.fault.code, code)
    assert.equal(error.fault.message.includes('\n'), false)
    if (says) assert.match(error.fault.message, says)
    return true
  })
}

const entriesOf = (entries: TarEntry[]): Buffer => tgzArchive([manifestEntry, valueSetEntry, ...entries])
const DAMAGED = 'definitions.package.damaged'
const REFUSED = 'definitions.package.entry-refused'

test('a package is read: its definitions without prose, everything else passed over', async () => {
  const dependencies = { 'hl7.fhir.r4.core': '4.0.1', 'other.package': '2.0.x' }
  const archive = packageArchive({ ...MANIFEST, dependencies }, [
    { ...VALUE_SET, text: { status: 'generated', div: '<div/>' } },
    { resourceType: 'ImplementationGuide', url: 'http://test.example/ig' },
    { resourceType: 'ValueSet', id: 'without-url' },
  ])
  const found = await read(archive)
  assert.deepEqual(
    found.pack.index.rows.map(([type, url, version]) => [type, url, version]),
    [['ValueSet', 'http://test.example/vs', '1.0.0']],
  )
  assert.deepEqual(JSON.parse(gunzipSync(found.pack.members[0] ?? '').toString()), VALUE_SET)
  assert.equal(found.passedOver, 2)
  assert.deepEqual(found.dependencies, dependencies)
  assert.match(found.sha256, /^[0-9a-f]{64}$/)
})

test('examples, other folders, hidden files and the order of entries do not matter', async () => {
  const example = { ...VALUE_SET, url: 'http://test.example/example' }
  const entries = [
    { name: 'package/', type: '5' },
    valueSetEntry,
    { name: 'package/.index.json', content: 'not json' },
    { name: 'package/other/broken.json', content: 'not json' },
    { name: 'package/example/ValueSet-example.json', content: JSON.stringify(example) },
    { name: 'package/readme.txt', content: 'hello' },
    manifestEntry,
  ]
  assert.equal((await read(tgzArchive(entries))).pack.index.rows.length, 1)
  assert.equal((await read(tgzArchive(entries), { withExamples: true })).pack.index.rows.length, 2)
})

test('a folder, an unpacked package, one definition and a Bundle are packages, too', async () => {
  const plain = join(folder, 'plain')
  mkdirSync(plain)
  writeFileSync(join(plain, 'vs.json'), JSON.stringify(VALUE_SET))
  const named = { name: 'made.here', version: '0.1.0' }
  assert.equal((await readPackage({ path: plain, ...named })).name, 'made.here')
  await rejects(readPackage({ path: plain }), 'definitions.package.manifest', /--name/)
  const unpacked = join(folder, 'unpacked')
  mkdirSync(join(unpacked, 'package'), { recursive: true })
  writeFileSync(join(unpacked, 'package', 'package.json'), JSON.stringify(MANIFEST))
  writeFileSync(join(unpacked, 'package', 'vs.json'), JSON.stringify(VALUE_SET))
  assert.equal((await readPackage({ path: unpacked })).name, 'test.profiles')
  const bundle = { resourceType: 'Bundle', entry: [{ resource: VALUE_SET }, {}, null] }
  assert.equal((await readPackage({ path: file(JSON.stringify(bundle), '.json'), ...named })).passedOver, 2)
  symlinkSync('/etc/hostname', join(plain, 'link.json'))
  await rejects(readPackage({ path: plain, ...named }), REFUSED)
})

test('an entry that points out of the package refuses it as a whole', async () => {
  for (const name of ['../evil.json', 'package/../../evil.json', '/etc/evil.json', 'C:\\evil.json', '..\\evil.json'])
    await rejects(read(entriesOf([{ name, content: '{}' }])), REFUSED, /points out of the package/)
  await rejects(read(entriesOf([{ name: 'package/a\x1b[2J.json', content: '{}' }])), REFUSED, /a\?\[2J/)
})

test('links and double entries refuse a package', async () => {
  const link = { name: 'package/link.json', type: '2', linkName: '/etc/passwd' }
  await rejects(read(entriesOf([link])), REFUSED, /symlink/)
  await rejects(read(entriesOf([{ ...link, type: '1' }])), REFUSED, /link/)
  await rejects(read(entriesOf([valueSetEntry])), REFUSED, /two entries/)
})

test('a damaged archive is told in one line, wherever it is cut', async () => {
  const whole = entriesOf([])
  for (const length of [0, 1, 20, Math.floor(whole.length / 2), whole.length - 9])
    await rejects(read(whole.subarray(0, length)), DAMAGED)
  await rejects(read(Buffer.from('this is no archive')), DAMAGED)
  await rejects(read(gzipSync('this is no tar archive'.repeat(100))), DAMAGED)
  const tar = tarArchive([manifestEntry, valueSetEntry])
  await rejects(read(gzipSync(tar.subarray(0, 1_100))), DAMAGED)
  await rejects(read(gzipSync(tarArchive([{ ...valueSetEntry, claimedBytes: 1_000_000 }]))), DAMAGED)
})

test('an entry that is no JSON, no UTF-8 or nested without end refuses a package', async () => {
  const json = (content: string | Buffer): Promise<unknown> => read(entriesOf([{ name: 'package/x.json', content }]))
  await rejects(json('{"a":'), DAMAGED, /not JSON/)
  await rejects(json(Buffer.from([0x22, 0xff, 0x22])), DAMAGED, /UTF-8/)
  await rejects(json('['.repeat(10_000) + ']'.repeat(10_000)), DAMAGED, /nested/)
  await rejects(json(`{"a":`.repeat(1_000_000)), DAMAGED, /nested/)
  // Braces in a text do not nest.
  await read(entriesOf([{ name: 'package/x.json', content: JSON.stringify({ a: `\\"${'['.repeat(1_000)}` }) }]))
})

test('a bomb is stopped at the limit', async () => {
  const claimed = { name: 'package/x.json', content: '', claimedBytes: PACKAGE_LIMITS.entryBytesMax + 1 }
  await rejects(read(entriesOf([claimed])), 'definitions.package.too-large')
  const many = Array.from({ length: PACKAGE_LIMITS.entriesMax + 1 }, (_, place) => ({ name: `x/${place}` }))
  await rejects(read(tgzArchive(many)), 'definitions.package.too-large', /entries/)
  // Members of one gzip file that are all the same: half a megabyte that opens to more than the limit.
  const zeros = gzipSync(Buffer.alloc(64 * 1024 * 1024))
  const head = tarArchive([{ name: 'other/zeros', claimedBytes: 700_000_000 }]).subarray(0, 512)
  const bomb = Buffer.concat([gzipSync(head), ...Array.from({ length: 9 }, () => zeros)])
  await rejects(read(bomb), 'definitions.package.too-large', /opens to more/)
})

test('a package says what it is, for R4', async () => {
  const manifest = (change: object): Promise<unknown> => read(packageArchive({ ...MANIFEST, ...change }, [VALUE_SET]))
  await rejects(manifest({ name: '../../evil' }), 'definitions.package.manifest')
  await rejects(manifest({ version: 7 }), 'definitions.package.manifest')
  await rejects(manifest({ fhirVersions: ['5.0.0'] }), 'definitions.package.fhir-version', /R4/)
  await rejects(read(packageArchive(MANIFEST, [])), 'definitions.package.empty')
  await rejects(readPackage({ path: join(folder, 'absent.tgz') }), 'definitions.package.unreadable')
})

test('two definitions of one canonical, and a url that is no key, refuse a package', async () => {
  const INVALID = 'definitions.package.definition-invalid'
  await rejects(read(packageArchive(MANIFEST, [VALUE_SET, VALUE_SET])), INVALID, /two definitions/)
  for (const url of [7, '', 'has blank', 'x'.repeat(3_000), ['http://a']])
    await rejects(read(packageArchive(MANIFEST, [{ ...VALUE_SET, url }])), INVALID)
})
