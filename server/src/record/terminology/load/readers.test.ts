import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { FaultError } from '#kernel'
import {
  cvxTextSample,
  cvxXmlSample,
  icd10cmOrderSample,
  icd10cmTabularSample,
  loincSample,
  rxnormSample,
  type SampleFiles,
  snomedSample,
} from '../../../../../test/fixtures/release-samples.ts'
import { zipArchive } from '../../../../../test/fixtures/zip-archive.ts'
import { cvxRelease } from './cvx.ts'
import { icd10cmRelease } from './icd10cm.ts'
import { LOAD_LIMITS } from './load-limits.ts'
import { loincRelease } from './loinc.ts'
import type { Release, ReleaseHead, ReleaseItem } from './release.ts'
import { openReleaseFiles, type ReleaseFiles } from './release-files.ts'
import { rxnormRelease } from './rxnorm.ts'
import { type SnomedOptions, snomedRelease } from './snomed.ts'

const folder = mkdtempSync('/tmp/salus-releases-')
after(() => rmSync(folder, { recursive: true, force: true }))

let count = 0
function asFolder(files: Record<string, string | Buffer>): string {
  const root = join(folder, String(++count))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  return root
}

function asZip(files: Record<string, string | Buffer>, name = `${++count}.zip`): string {
  const path = join(folder, name)
  writeFileSync(path, zipArchive(Object.entries(files).map(([entry, content]) => ({ name: entry, content }))))
  return path
}

async function read(
  path: string,
  release: (files: ReleaseFiles) => Promise<Release>,
): Promise<{ head: ReleaseHead; items: ReleaseItem[] }> {
  const files = await openReleaseFiles(path)
  try {
    const { head, items } = await release(files)
    const all: ReleaseItem[] = []
    for await (const some of items()) all.push(...some)
    return { head, items: all }
  } finally {
    files.close()
  }
}

const hasCode = (code: string, says?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof FaultError, String(error))
  assert.equal(error.fault.code, code)
  if (says) assert.match(error.fault.message, says)
  return true
}

const DAMAGED = 'terminology.load.damaged'
const LAYOUT = 'terminology.load.layout'
const of = <Kind extends ReleaseItem['kind']>(items: ReleaseItem[], kind: Kind): (ReleaseItem & { kind: Kind })[] =>
  items.filter((item): item is ReleaseItem & { kind: Kind } => item.kind === kind)

const snomed = (options?: SnomedOptions) => (files: ReleaseFiles) => snomedRelease(files, options)

test('SNOMED CT: active facts of the snapshot, the display by the language reference set, from a folder and a zip alike', async () => {
  const { head, items } = await read(asFolder(snomedSample()), snomed())
  assert.deepEqual((await read(asZip(snomedSample()), snomed())).items, items)
  assert.equal(head.version, 'http://snomed.info/sct/900000000000207008/version/20240101')
  assert.equal(of(items, 'concept').length, 7)
  assert.deepEqual(
    of(items, 'concept').filter(({ isInactive }) => isInactive),
    [{ kind: 'concept', code: '190330002', isInactive: true }],
  )
  const names = of(items, 'designation').filter(({ code }) => code === '44054006')
  assert.deepEqual(
    names.toSorted((a, b) => (a.displayRank ?? 9) - (b.displayRank ?? 9)).map(({ value }) => value),
    ['Diabetes mellitus type 2', 'Diabetes mellitus type 2 (disorder)', 'NIDDM'],
  )
  assert.deepEqual(
    of(items, 'parent').filter(({ code }) => code === '44054006'),
    [{ kind: 'parent', code: '44054006', parent: '73211009' }],
  )
  assert.ok(of(items, 'property').some(({ property, value }) => property === '363698007' && value === '113331007'))
  assert.deepEqual(of(items, 'member'), [{ kind: 'member', set: '723264001', code: '113331007' }])
})

test('SNOMED CT: the edition of an unknown namespace must be told', async () => {
  const foreign = Object.fromEntries(
    Object.entries(snomedSample()).map(([name, content]) => [name.replace('_INT_', '_XX1000999_'), content]),
  )
  await assert.rejects(read(asFolder(foreign), snomed()), hasCode('terminology.load.version-unknown'))
  const { head } = await read(asFolder(foreign), snomed({ edition: '11000999105' }))
  assert.equal(head.version, 'http://snomed.info/sct/11000999105/version/20240101')
})

test('LOINC: terms with their parts, hierarchy and answers', async () => {
  const { head, items } = await read(asZip(loincSample()), loincRelease)
  assert.equal(head.version, '2.77')
  assert.deepEqual(
    of(items, 'concept').map(({ code, display, isInactive = false }) => [code, display, isInactive]),
    [
      ['2345-7', 'Glucose [Mass/volume] in Serum or Plasma', false],
      ['1-8', 'Old\ntest', true],
      ['LP14635-4', 'Glucose', false],
      ['LP432695-7', '{component}', false],
      ['LP14635-4', 'Glucose', false],
      ['LA47-6', 'Married', false],
    ],
  )
  assert.ok(
    of(items, 'property').some(({ code, property, value }) => `${code} ${property} ${value}` === '2345-7 SCALE_TYP Qn'),
  )
  assert.ok(of(items, 'designation').some(({ value }) => value === 'Chemistry; "Glu"; Level'))
  assert.deepEqual(
    of(items, 'parent').map(({ code, parent }) => `${code} ${parent}`),
    ['LP14635-4 LP432695-7', '2345-7 LP14635-4'],
  )
  assert.deepEqual(of(items, 'member'), [{ kind: 'member', set: 'LL365-8', code: 'LA47-6' }])
})

test('RxNorm: its own names, relationships and attributes, not those of its sources', async () => {
  const { head, items } = await read(asZip(rxnormSample(), 'RxNorm_full_03042024.zip'), rxnormRelease)
  assert.equal(head.version, '03042024')
  assert.deepEqual(
    of(items, 'concept').map(({ code, isInactive = false }) => [code, isInactive]),
    [
      ['161', false],
      ['202433', false],
      ['313782', false],
      ['999999', true],
    ],
  )
  const names = of(items, 'designation').filter(({ code }) => code === '313782')
  assert.equal(
    names.toSorted((a, b) => (a.displayRank ?? 0) - (b.displayRank ?? 0))[0]?.value,
    'acetaminophen 325 MG Oral Tablet',
  )
  assert.equal(
    of(items, 'designation').some(({ value }) => value === 'ACETAMINOPHEN'),
    false,
  )
  assert.deepEqual(of(items, 'parent'), [{ kind: 'parent', code: '202433', parent: '161' }])
  const properties = of(items, 'property').map(({ code, property, value }) => `${code} ${property} ${value}`)
  assert.ok(properties.includes('313782 consists_of 161'))
  assert.ok(properties.includes('313782 NDC 00045049660'))
  assert.equal(properties.includes('313782 x 161'), false)
  await assert.rejects(read(asZip(rxnormSample()), rxnormRelease), hasCode('terminology.load.version-unknown'))
})

test('ICD-10-CM: the tabular list gives chapters, sections, notes and seventh characters', async () => {
  const { head, items } = await read(asFolder(icd10cmTabularSample()), icd10cmRelease)
  assert.equal(head.version, '2024')
  assert.deepEqual(
    of(items, 'concept').map(({ code, isAbstract = false }) => `${code}${isAbstract ? ' abstract' : ''}`),
    'A00.0,A00.9,A00,A00-A09 abstract,1 abstract,S50.00,S50.00XA,S50.00XD,S50.0,S50,S50-S59 abstract,19 abstract'.split(
      ',',
    ),
  )
  const parents = Object.fromEntries(of(items, 'parent').map(({ code, parent }) => [code, parent]))
  assert.equal(parents['S50.00XA'], 'S50.00')
  assert.equal(parents['S50.00'], 'S50.0')
  assert.equal(parents['A00'], 'A00-A09')
  assert.equal(parents['A00-A09'], '1')
  const billable = of(items, 'property').filter(({ property, value }) => property === 'billable' && value === 'true')
  assert.deepEqual(
    billable.map(({ code }) => code),
    ['A00.0', 'A00.9', 'S50.00XA', 'S50.00XD'],
  )
  assert.ok(
    of(items, 'property').some(({ property, value }) => `${property} ${value}` === 'excludes1 none of it & nothing'),
  )
  assert.ok(of(items, 'designation').some(({ value }) => value === 'Classical cholera'))
})

test('ICD-10-CM: the order file gives every code, alone and beside the tabular list', async () => {
  const { items } = await read(asFolder(icd10cmOrderSample()), icd10cmRelease)
  assert.deepEqual(
    of(items, 'parent').map(({ code, parent }) => `${code} ${parent}`),
    ['A00.0 A00', 'S50.0 S50', 'S50.00 S50.0', 'S50.00XA S50.00'],
  )
  assert.equal(of(items, 'concept').at(-1)?.display, 'Contusion of unspecified elbow, initial encounter')
  const both = await read(asZip({ ...icd10cmTabularSample(), ...icd10cmOrderSample() }), icd10cmRelease)
  const parents = new Map<string, Set<string>>()
  for (const { code, parent } of of(both.items, 'parent'))
    parents.set(code, (parents.get(code) ?? new Set()).add(parent))
  assert.ok([...parents.values()].every(({ size }) => size === 1))
})

test('ICD-10-CM: of several releases in one folder none is taken, and each is named', async () => {
  const [[name, order]] = Object.entries(icd10cmOrderSample()) as [[string, string]]
  const [[list, tabular]] = Object.entries(icd10cmTabularSample()) as [[string, string]]
  const next = (file: string): string => file.replace('2024', '2025')
  const mixtures: Record<string, string>[] = [
    { [name]: order, [next(name)]: order },
    { [`a/${name}`]: order, [`b/${next(name)}`]: order },
    { [list]: tabular, [next(list)]: tabular },
    { [list]: tabular, [next(name)]: order },
  ]
  for (const files of mixtures) {
    const names = new RegExp(
      Object.keys(files)
        .map((file) => `(?=.*${file})`)
        .join(''),
    )
    for (const path of [asFolder(files), asZip(files)])
      await assert.rejects(read(path, icd10cmRelease), hasCode('terminology.load.several-releases', names))
  }
})

test('CVX: the same vaccines from text and XML', async () => {
  const cvx = (files: ReleaseFiles) => cvxRelease(files, { version: '20240301' })
  const text = await read(asFolder(cvxTextSample()), cvx)
  const xml = await read(asFolder(cvxXmlSample()), cvx)
  for (const { items } of [text, xml])
    assert.deepEqual(
      of(items, 'concept')
        .slice(0, 2)
        .map(({ code, display }) => [code, display]),
      [
        ['01', 'DTP'],
        ['208', 'COVID-19, mRNA'],
      ],
    )
  assert.ok(
    of(text.items, 'property').some(
      ({ code, property, value }) => `${code} ${property} ${value}` === '998 nonvaccine true',
    ),
  )
  await assert.rejects(read(asFolder(cvxTextSample()), cvxRelease), hasCode('terminology.load.version-unknown'))
})

/** Each kind with a made release of it. */
const KINDS: [string, SampleFiles, (files: ReleaseFiles) => Promise<Release>, string][] = [
  ['SNOMED CT', snomedSample(), snomed(), 'sct2_Description_Snapshot'],
  ['LOINC', loincSample(), (files) => loincRelease(files, { version: '2.77' }), 'Loinc.csv'],
  ['RxNorm', rxnormSample(), (files) => rxnormRelease(files, { version: '1' }), 'RXNCONSO'],
  ['ICD-10-CM tabular', icd10cmTabularSample(), icd10cmRelease, 'tabular'],
  ['ICD-10-CM order', icd10cmOrderSample(), icd10cmRelease, 'order'],
  ['CVX text', cvxTextSample(), (files) => cvxRelease(files, { version: '1' }), 'cvx'],
  ['CVX XML', cvxXmlSample(), (files) => cvxRelease(files, { version: '1' }), 'cvx'],
]

/** The release with one file changed. */
function changed(files: SampleFiles, part: string, change: (content: Buffer) => Buffer): Record<string, Buffer> {
  return Object.fromEntries(
    Object.entries(files).map(([name, content]) => {
      const bytes = Buffer.from(content)
      return [name, name.includes(part) ? change(bytes) : bytes]
    }),
  )
}

for (const [kind, files, release, part] of KINDS) {
  test(`${kind}: a file that is cut off, in another encoding or of another kind is refused`, async () => {
    const rejects = (change: (content: Buffer) => Buffer, code: string): Promise<void> =>
      assert.rejects(read(asFolder(changed(files, part, change)), release), hasCode(code), `${kind} ${code}`)
    await rejects((content) => content.subarray(0, content.length - 100), DAMAGED)
    await rejects(
      (content) => Buffer.concat([content.subarray(0, -5), Buffer.from([0xff, 0xfe]), content.subarray(-5)]),
      DAMAGED,
    )
    await assert.rejects(read(asFolder(changed(files, part, () => Buffer.from('x;y;z\n1;2;3\n'))), release), FaultError)
    await assert.rejects(read(asFolder(changed(files, part, () => Buffer.alloc(0))), release), hasCode(DAMAGED))
    await assert.rejects(read(asFolder({ 'readme.md': 'nothing' }), release), hasCode('terminology.load.file-missing'))
  })

  test(`${kind}: a line without end is stopped`, async () => {
    const endless = Buffer.alloc(3 * 1024 * 1024, 'x')
    const path = asFolder(changed(files, part, (content) => Buffer.concat([content.subarray(0, -20), endless])))
    await assert.rejects(read(path, release), (error: unknown) => error instanceof FaultError)
  })
}

test('a table with other columns, and an identifier that is none, are told by file', async () => {
  const columns = changed(snomedSample(), 'sct2_Concept_', (content) =>
    Buffer.from(content.toString().replace('definitionStatusId', 'somethingElse')),
  )
  await assert.rejects(read(asFolder(columns), snomed()), hasCode(LAYOUT, /sct2_Concept_Snapshot_INT_20240101\.txt/))
  const identifier = changed(snomedSample(), 'sct2_Concept_', (content) =>
    Buffer.from(content.toString().replace('138875005', "1' or '1")),
  )
  await assert.rejects(read(asFolder(identifier), snomed()), hasCode(LAYOUT, /identifier/))
  const description = changed(snomedSample(), 'sct2_Description_', (content) =>
    Buffer.from(content.toString().replace(/\n\d+\t/, '\n2024-02-30a\t')),
  )
  await assert.rejects(read(asFolder(description), snomed()), hasCode(LAYOUT, /identifier/))
  const loinc = changed(loincSample(), 'Loinc.csv', (content) =>
    Buffer.from(content.toString().replace('LONG_COMMON_NAME', 'X')),
  )
  await assert.rejects(
    read(asFolder(loinc), (files) => loincRelease(files)),
    hasCode(LAYOUT, /LONG_COMMON_NAME/),
  )
})

test('XML with entities of its own, and elements without end, are refused', async () => {
  const xml = (content: string): Promise<unknown> =>
    read(asFolder({ 'cvx.xml': content }), (files) => cvxRelease(files, { version: '1' }))
  const bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><CVXCodes>&b;</CVXCodes>'
  await assert.rejects(xml(bomb), hasCode(LAYOUT, /document type/))
  await assert.rejects(xml('<a>'.repeat(10_000)), hasCode(LAYOUT, /within each other/))
  await assert.rejects(xml('<CVXCodes><CVXInfo></CVXCodes>'), hasCode(DAMAGED))
})

test('a hostile archive is refused before anything of it is read', async () => {
  const REFUSED = 'terminology.load.entry-refused'
  const open = (entries: Parameters<typeof zipArchive>[0]): Promise<unknown> => {
    const path = join(folder, `${++count}.zip`)
    writeFileSync(path, zipArchive(entries))
    return read(path, snomed())
  }
  for (const name of ['../evil.txt', '/etc/evil.txt', 'a/../../evil.txt', 'a\\..\\evil.txt', 'C:/evil.txt'])
    await assert.rejects(open([{ name, content: 'x' }]), hasCode(REFUSED), name)
  await assert.rejects(
    open([
      { name: 'a.txt', content: '1' },
      { name: 'a.txt', content: '2' },
    ]),
    hasCode(REFUSED, /two entries/),
  )
  await assert.rejects(
    open([{ name: 'bomb.txt', content: Buffer.alloc(16 * 1024 * 1024) }]),
    hasCode(REFUSED, /times its size/),
  )
  await assert.rejects(open([{ name: 'x.txt', content: 'x', claimedBytes: 0xfffffffe }]), hasCode(REFUSED))
  const vast = LOAD_LIMITS.xmlFileBytesMax + 1
  const xml = join(folder, 'vast.xml')
  writeFileSync(xml, '')
  truncateSync(xml, vast)
  await assert.rejects(
    read(xml, (files) => cvxRelease(files, { version: '1' })),
    hasCode('terminology.load.too-large'),
  )
  const lying = Object.entries(snomedSample()).map(([name, content]) => ({
    name,
    content,
    claimedBytes: Math.max(1, content.length - 10),
  }))
  await assert.rejects(open(lying), hasCode(DAMAGED))
  const whole = zipArchive(Object.entries(snomedSample()).map(([name, content]) => ({ name, content })))
  for (const length of [0, 10, Math.floor(whole.length / 2), whole.length - 4]) {
    const path = join(folder, `${++count}.zip`)
    writeFileSync(path, whole.subarray(0, length))
    await assert.rejects(read(path, snomed()), hasCode(DAMAGED))
  }
  await assert.rejects(read(join(folder, 'absent'), snomed()), hasCode('terminology.load.unreadable'))
})

test('a release of many lines is read in pieces that hold each line whole', async () => {
  const row = (number: number): string =>
    `${1_000_000 + number}\t20240101\t1\t900000000000012004\t900000000000074008\r\n`
  const many = changed(snomedSample(), 'sct2_Concept_', (content) =>
    Buffer.concat([content, Buffer.from(Array.from({ length: 20_000 }, (_, number) => row(number)).join(''))]),
  )
  const { items } = await read(asZip(many), snomed())
  assert.equal(of(items, 'concept').length, 20_007)
})
