import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type CliPlace, salus } from '../../../test/fixtures/cli.ts'
import { startTestServer, type TestServer } from '../../../test/fixtures/server.ts'
import { packageArchive } from '../../../test/fixtures/tar-archive.ts'

let server: TestServer
let place: CliPlace
let folder = ''
before(async () => {
  server = await startTestServer()
  place = { dataDir: server.dataDir, databaseUrl: server.databaseUrl }
  folder = mkdtempSync('/tmp/salus-package-')
})
after(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

const URL = 'http://test.example/ValueSet/a'

test('a package added on the command line is used by the running server, until it is removed; all of it is recorded', async () => {
  const file = join(folder, 'package.tgz')
  const manifest = { name: 'test.sets', version: '1.0.0', dependencies: { 'not.there': '2.0.0' } }
  writeFileSync(file, packageArchive(manifest, [{ resourceType: 'ValueSet', url: URL, version: '1.0.0' }]))
  const added = await salus(place, 'package', 'add', file)
  assert.equal(added.code, 0, added.stderr)
  assert.match(added.stdout, /test\.sets 1\.0\.0 is installed: 1 definitions\.\nIt leans on not\.there 2\.0\.0/)
  const { definitions } = server.platform
  await definitions.refresh()
  assert.equal(definitions.find('ValueSet', URL)?.version, '1.0.0')
  const again = await salus(place, 'package', 'add', file)
  assert.equal(again.code, 9)
  assert.match(again.stderr, /^salus: [^\n]+--replace[^\n]+\[definitions\.package\.exists\]\n$/)
  const list = await salus(place, 'package', 'list', '--json')
  assert.deepEqual(
    list.json.packages.map(({ name, version }: { name: string; version: string }) => `${name} ${version}`),
    ['test.sets 1.0.0'],
  )
  assert.match((await salus(place, 'package', 'list')).stdout, /test\.sets +1\.0\.0 +1 /)
  assert.equal((await salus(place, 'package', 'remove', 'test.sets', '1.0.0')).code, 0)
  await definitions.refresh()
  assert.equal(definitions.find('ValueSet', URL), undefined)
  const records = await server.audit({ action: 'admin' })
  assert.equal(records.filter(({ client }) => client === 'cli').length, 10)
  assert.equal(records.filter(({ outcome }) => outcome === 'failed').length, 1)
})

test('what is meant wrongly is told, and nothing is done', async () => {
  for (const words of [['add'], ['add', 'a', 'b'], ['remove', 'a'], ['list', 'x'], ['fetch'], ['list', '--replace']])
    assert.equal((await salus(place, 'package', ...words)).code, 2, words.join(' '))
  const absent = await salus(place, 'package', 'add', join(folder, 'absent.tgz'))
  assert.match(absent.stderr, /definitions\.package\.unreadable/)
  assert.equal(absent.code, 9)
})
