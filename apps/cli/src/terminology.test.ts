import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type CliPlace, salus } from '../../../test/fixtures/cli.ts'
import { cvxTextSample, type SampleFiles } from '../../../test/fixtures/release-samples.ts'
import { startTestServer, type TestServer } from '../../../test/fixtures/server.ts'
import { zipArchive } from '../../../test/fixtures/zip-archive.ts'

let server: TestServer
let place: CliPlace
let folder = ''
before(async () => {
  server = await startTestServer()
  place = { dataDir: server.dataDir, databaseUrl: server.databaseUrl }
  folder = mkdtempSync('/tmp/salus-terminology-')
})
after(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

function zip(name: string, files: SampleFiles): string {
  const path = join(folder, name)
  writeFileSync(path, zipArchive(Object.entries(files).map(([entry, content]) => ({ name: entry, content }))))
  return path
}

test('a release is loaded, listed and removed beside a running server; what was done is recorded', async () => {
  const load = ['terminology', 'load', 'cvx', zip('cvx.zip', cvxTextSample()), '--version', '20240301']
  const loaded = await salus(place, ...load)
  assert.equal(loaded.code, 0, loaded.stderr)
  assert.equal(loaded.stdout, 'http://hl7.org/fhir/sid/cvx version 20240301 is loaded: 3 concepts.\n')
  const again = await salus(place, ...load)
  assert.equal(again.code, 9)
  assert.match(again.stderr, /^salus: [^\n]+--replace[^\n]+\[terminology\.load\.exists\]\n$/)
  const list = await salus(place, 'terminology', 'list', '--json')
  assert.equal(list.json.systems[0].concepts, 3)
  const removed = await salus(place, 'terminology', 'remove', 'http://hl7.org/fhir/sid/cvx', '20240301')
  assert.match(removed.stdout, /is removed/)
  const records = await server.audit({ action: 'admin' })
  assert.equal(records.filter(({ client }) => client === 'cli').length, 8)
})

test('what is meant wrongly is told, and nothing is done', async () => {
  for (const words of [
    ['load', 'icd-9', folder],
    ['load', 'cvx', folder, '--edition', '1'],
    ['remove', 'x'],
  ])
    assert.equal((await salus(place, 'terminology', ...words)).code, 2, words.join(' '))
  const absent = await salus(place, 'terminology', 'load', 'cvx', join(folder, 'absent'))
  assert.match(absent.stderr, /terminology\.load\.unreadable/)
})
