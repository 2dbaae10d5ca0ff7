import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type CliAnswer, salus } from '../../../test/fixtures/cli.ts'
import { profile } from '../../../test/fixtures/profiles.ts'
import { packageArchive } from '../../../test/fixtures/tar-archive.ts'

let folder = ''
before(() => {
  folder = mkdtempSync('/tmp/salus-validate-')
})
after(() => rmSync(folder, { recursive: true, force: true }))

const TEXT = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Secretname</div>' }
const SOUND = { resourceType: 'Patient', text: TEXT, birthDate: '1980' }
const UNSOUND = { resourceType: 'Patient', text: TEXT, gender: 'Secretname' }
const BORN = profile('born', 'Patient', [{ path: 'Patient.birthDate', min: 1 }])

/** Where nothing is: neither a database nor a data directory. */
function validate(...args: string[]): Promise<CliAnswer> {
  return salus({ dataDir: join(folder, 'nothing'), databaseUrl: 'postgres://127.0.0.1:1/none' }, 'validate', ...args)
}

function file(name: string, ...content: (object | string)[]): string {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  const text = content.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n')
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text)
  return path
}

test('each finding has a line with file, severity, place and text, and no value; an error decides the exit code', async () => {
  const sound = await validate(file('one/sound.json', SOUND))
  assert.equal(sound.stdout, '1 resource in 1 file: no errors, 0 warnings.\n')
  assert.equal(sound.code, 0, sound.stderr)
  const path = file('one/unsound.json', UNSOUND)
  const unsound = await validate(path)
  assert.equal(unsound.code, 8)
  const [line = '', summary] = unsound.stdout.split('\n')
  assert.ok(line.startsWith(`${path}: error Patient.gender: `), line)
  assert.equal(summary, '1 resource in 1 file: 1 error in 1 resource, 0 warnings.')
  assert.doesNotMatch(unsound.stdout + unsound.stderr, /Secretname/)
})

test('directories are searched: JSON, NDJSON, gzipped, Bundles; what is no resource there is passed over', async () => {
  file('many/a.json', { resourceType: 'Bundle', type: 'collection', entry: [{ resource: UNSOUND }] })
  const lines = file('many/deep/b.ndjson.gz', SOUND, '', UNSOUND, '{"resourceType": ')
  const other = file('many/package.json', { name: 'x' })
  const answer = await validate(join(folder, 'many'))
  assert.equal(answer.code, 8)
  assert.match(answer.stdout, /a\.json: error Bundle\.entry\[0\]\.resource\.gender: /)
  assert.ok(answer.stdout.includes(`${lines}:3: error Patient.gender: `), answer.stdout)
  assert.ok(answer.stdout.includes(`${lines}:4: error: The line is not valid JSON: column 18.\n`), answer.stdout)
  assert.match(answer.stdout, /4 resources in 3 files: .* in 3 resources/)
  assert.match(answer.stdout, /Passed over, because they are no resources: 1 file\.\n$/)
  assert.equal((await validate(other)).code, 8)
})

test('profiles come from packages, and are checked as claimed and as asked', async () => {
  const archive = join(folder, 'package.tgz')
  writeFileSync(archive, packageArchive({ name: 'test.born', version: '1.0.0' }, [BORN]))
  const loose = file('born-profile.json', BORN)
  const claiming = file('claiming.json', { ...SOUND, birthDate: undefined, meta: { profile: [BORN.url] } })
  const plain = file('plain.json', { ...SOUND, birthDate: undefined })
  const unknown = await validate(claiming)
  assert.equal(unknown.code, 0)
  assert.match(unknown.stdout, /warning Patient\.meta\.profile\[0\]: /)
  for (const from of [archive, loose]) {
    assert.match((await validate(claiming, '--package', from)).stdout, /error Patient: birthDate/)
    assert.equal((await validate(plain, '--package', from)).code, 0)
    assert.equal((await validate(plain, '--package', from, '--profile', BORN.url)).code, 8)
  }
  assert.equal((await validate(plain, '--profile', BORN.url)).code, 8)
})

test('--json is one document for programs', async () => {
  const lines = file('json/a.ndjson', UNSOUND, SOUND, UNSOUND)
  const { json, code } = await validate(lines, '--json')
  assert.equal(code, 8)
  assert.deepEqual(
    json.resources.map((one: { file: string; line: number }) => [one.file, one.line]),
    [
      [lines, 1],
      [lines, 3],
    ],
  )
  const [{ severity, expression, text }] = json.resources[0].issues
  assert.deepEqual([severity, expression, typeof text], ['error', 'Patient.gender', 'string'])
  assert.deepEqual(json.summary, { files: 1, resources: 3, failed: 2, errors: 2, warnings: 0, passedOver: 0 })
})

test('several thousand resources, a key that comes twice, hostile nesting and broken files', async () => {
  file('hostile/a.ndjson', ...Array.from({ length: 5_000 }, () => SOUND))
  file('hostile/double.json', '{"resourceType":"Patient","birthDate":"1980","birthDate":"1990"}')
  file('hostile/deep.json', `{"resourceType":"Patient","extension":${'['.repeat(10_000)}${']'.repeat(10_000)}}`)
  writeFileSync(join(folder, 'hostile', 'cut.json.gz'), gzipSync(JSON.stringify(SOUND)).subarray(0, 20))
  const { json } = await validate(join(folder, 'hostile'), '--json')
  assert.equal(json.summary.resources, 5_003)
  assert.equal(json.summary.failed, 3)
})

test('--errors shows errors only, for people and for programs, and counts the same', async () => {
  const extension = [{ url: 'http://example.test/x', valueString: 'x' }]
  const path = file('errors/a.json', { ...UNSOUND, extension })
  const whole = await validate(path)
  assert.match(whole.stdout, /: warning Patient\.extension\[0\]: /)
  const { stdout, code } = await validate(path, '--errors')
  assert.equal(code, 8)
  assert.doesNotMatch(stdout, /: warning /)
  assert.match(stdout, /: error Patient\.gender: .*\n1 resource in 1 file: 1 error in 1 resource, 1 warning\.\n$/)
  const { json } = await validate(path, '--errors', '--json')
  assert.deepEqual([json.resources[0].issues.length, json.summary.warnings], [1, 1])
  assert.equal((await validate(path, '--errors', '--all')).code, 2)
})

test('a file that is no JSON says where, in words about the file', async () => {
  const cut = file('broken/cut.json', '{', '  "resourceType": "Patient",', '  "gender": Secretname', '}')
  assert.ok((await validate(cut)).stdout.startsWith(`${cut}: error: The file is not valid JSON: line 3, column 13.\n`))
  const list = file('broken/list.json', '[]')
  assert.match((await validate(list)).stdout, /: error: The file must hold one JSON object: a FHIR resource\.\n/)
  const refused = await validate(list, '--package', cut)
  assert.match(refused.stderr, /^salus: The package is damaged: "cut\.json" is not JSON in UTF-8\./)
  assert.doesNotMatch(refused.stderr, /Secretname|file\.json/)
})

test('the notes of the help are whole sentences', async () => {
  for (const command of ['validate', 'package', 'terminology']) {
    const { stdout } = await salus({ dataDir: folder, databaseUrl: '' }, command, '--help')
    const [, notes = ''] = stdout.split(/--help .*\n\n/)
    for (const note of notes.trim().split('\n\n')) assert.match(note, /^[A-Z].*\.$/)
  }
})

test('what is meant wrongly is told', async () => {
  assert.equal((await validate()).code, 2)
  assert.equal((await validate(join(folder, 'absent.json'))).code, 2)
  assert.equal((await validate(file('note.txt', 'x'))).code, 2)
  const noPackage = await validate(file('one/sound.json', SOUND), '--package', join(folder, 'absent.tgz'))
  assert.match(noPackage.stderr, /definitions\.package\.unreadable/)
})
