import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { FaultError } from '#kernel'
import { openTestAudit, type TestAudit } from '../../../../test/fixtures/audit.ts'
import { archiveMonths, removeArchived } from './archive.ts'
import {
  databaseSource,
  EXPORTED_CHECKPOINTS,
  exportLogs,
  joinedSource,
  type LogSource,
  proveConsistency,
  proveRecord,
  segmentSource,
  type VerifyReport,
  verifyAudit,
} from './index.ts'
import { treeAt } from './log-tree.ts'
import { verifyConsistency } from './merkle-proof.ts'

const opened: TestAudit[] = []
after(async () => {
  for (const audit of opened) await audit.close()
})
const open = async (): Promise<TestAudit> => {
  const audit = await openTestAudit()
  opened.push(audit)
  return audit
}
const faultOf =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof FaultError && error.fault.code === code
const verify = (audit: TestAudit, source: LogSource, anchors?: string): Promise<VerifyReport> =>
  verifyAudit({ source, anchorDirectory: anchors ?? audit.options.anchorDirectory, publicKey: audit.publicKey() })
const sizes = (report: VerifyReport): number[] => report.logs.map((log) => log.leaves)

test('an export verifies by itself, and repeating it adds only what came since', async () => {
  const audit = await open()
  const directory = join(audit.directory, 'export')
  await audit.write(0, [3, 2, 4, 1])
  await audit.write(1, [1])
  await audit.sign()
  const options = { source: databaseSource(audit.database), directory, leavesPerFile: 4 }
  const files = await exportLogs(options)
  assert.deepEqual(
    files.map(({ node, first, next }) => [node, first, next]),
    [
      [0, 0, 5],
      [0, 5, 9],
      [0, 9, 10],
      [1, 0, 1],
    ],
  )
  assert.deepEqual(await exportLogs(options), [])
  await audit.write(0, [2])
  await audit.sign()
  assert.deepEqual(
    (await exportLogs(options)).map(({ first, next }) => [first, next]),
    [[10, 12]],
  )
  const report = await verify(audit, segmentSource(directory), join(directory, EXPORTED_CHECKPOINTS))
  assert.deepEqual([report.ok, report.checkpoints, sizes(report)], [true, 2, [12, 1]])
})

test('an export that was cut short leaves nothing that looks finished, and goes on', async () => {
  const audit = await open()
  const directory = join(audit.directory, 'export')
  await audit.write(0, [3, 2])
  const source = databaseSource(audit.database)
  const dying: LogSource = {
    ...source,
    async *rows(node, from) {
      for await (const row of source.rows(node, from)) {
        if (row.first === 3) throw new Error('killed')
        yield row
      }
    },
  }
  await assert.rejects(exportLogs({ source: dying, directory }), /killed/)
  assert.deepEqual(readdirSync(directory), [])
  assert.equal((await exportLogs({ source, directory })).length, 1)
})

test('a changed or cut export file is found', async () => {
  const audit = await open()
  const directory = join(audit.directory, 'export')
  await audit.write(0, [3, 2])
  await audit.sign()
  const [file] = await exportLogs({ source: databaseSource(audit.database), directory })
  assert.ok(file)
  const kept = gunzipSync(readFileSync(file.path)).toString()
  writeFileSync(file.path, gzipSync(kept.replaceAll('"portal\\",', '"portax\\",')))
  assert.deepEqual((await verify(audit, segmentSource(directory))).finding, { what: 'flipped', node: 0, index: 0 })
  const lines = kept.split('\n')
  writeFileSync(file.path, gzipSync(lines.toSpliced(2, 1).join('\n')))
  const report = await verify(audit, segmentSource(directory))
  assert.deepEqual(report.finding, { what: 'truncated', node: 0, index: 3, checkpoint: 1 })
  writeFileSync(file.path, gzipSync(kept).subarray(0, 80))
  await assert.rejects(verify(audit, segmentSource(directory)), faultOf('audit.segment.unreadable'))
  writeFileSync(file.path, 'not deflated')
  await assert.rejects(verify(audit, segmentSource(directory)), faultOf('audit.segment.unreadable'))
})

test('an altered log is exported as it is, and the export names the place', async () => {
  const audit = await open()
  const directory = join(audit.directory, 'export')
  await audit.write(0, [3, 2])
  await audit.sign()
  await audit.owner.query({ text: 'alter table audit.log disable trigger only_grows' })
  await audit.owner.query({ text: `update audit.log set leaves[2] = '\\xff00fe' where node = 0 and first = 0` })
  await exportLogs({ source: databaseSource(audit.database), directory })
  assert.deepEqual((await verify(audit, segmentSource(directory))).finding, { what: 'flipped', node: 0, index: 1 })
})

/** Three months with three rows each, signed after the second row of a month; in December everything before is over. */
async function threeMonths(): Promise<{ audit: TestAudit; directory: string }> {
  const audit = await open()
  for (const month of [8, 9, 10]) {
    audit.clock.at = Date.UTC(2026, month, 10)
    await audit.write(0, [2, 1])
    await audit.write(1, [1])
    await audit.sign()
    await audit.write(0, [1])
  }
  audit.clock.at = Date.UTC(2026, 11, 1)
  return { audit, directory: join(audit.directory, 'archive') }
}

const archive = (audit: TestAudit, directory: string) =>
  archiveMonths({ database: audit.database, clock: audit.options.clock, directory })

test('each whole month is archived once, up to what a checkpoint signed, with the proof that it continues the last', async () => {
  const { audit, directory } = await threeMonths()
  audit.clock.at = Date.UTC(2026, 10, 20)
  const segments = await archive(audit, directory)
  assert.deepEqual(
    segments.map(({ node, first, next, checkpoint }) => [node, first, next, checkpoint]),
    [
      [0, 0, 3, 1],
      [0, 3, 7, 2],
      [1, 0, 1, 1],
      [1, 1, 2, 2],
    ],
  )
  assert.deepEqual(await archive(audit, directory), [])
  const text = gunzipSync(readFileSync(join(directory, 'audit-0-3-7.ndjson.gz'))).toString()
  const end = JSON.parse(text.trim().split('\n').at(-1) ?? '') as { root: string; consistency: string[] }
  const first = { size: 3, root: (await treeAt(audit.database, 0, 3)).root() }
  const second = { size: 7, root: Buffer.from(end.root, 'base64') }
  const proof = end.consistency.map((hash) => Buffer.from(hash, 'base64'))
  assert.ok(verifyConsistency({ first, second, proof }))
})

test('archived rows can be removed; the archive joined with the rest verifies, and the rest alone verifies from there', async () => {
  const { audit, directory } = await threeMonths()
  await archive(audit, directory)
  const remove = (node: number, first: number): Promise<number> =>
    removeArchived({ owner: audit.owner, directory, node, first })
  assert.equal(await remove(0, 0), 2)
  assert.equal(await remove(0, 3), 3)
  const joined = await verify(audit, joinedSource(segmentSource(directory), databaseSource(audit.database)))
  assert.deepEqual([joined.ok, sizes(joined)], [true, [12, 3]])
  const rest = await verify(audit, databaseSource(audit.database))
  assert.deepEqual([rest.ok, rest.logs[0]?.archivedBefore], [true, 7])
  await audit.write(0, [1])
  await audit.sign()
  await audit.write(0, [1])
  await audit.sign()
  assert.equal((await treeAt(audit.database, 0)).size, 14)
  assert.equal((await proveRecord(audit.database, { node: 0, index: 8 })).node, 0)
  assert.equal((await proveConsistency(audit.database, { from: 2, to: 5 })).logs.length, 2)
  assert.equal((await verify(audit, databaseSource(audit.database))).ok, true)
})

test('an export of what is left verifies too', async () => {
  const { audit, directory } = await threeMonths()
  await archive(audit, directory)
  await removeArchived({ owner: audit.owner, directory, node: 0, first: 0 })
  const exported = join(audit.directory, 'export')
  await exportLogs({ source: databaseSource(audit.database), directory: exported })
  const report = await verify(audit, segmentSource(exported), join(exported, EXPORTED_CHECKPOINTS))
  assert.deepEqual([report.ok, report.logs[0]?.archivedBefore], [true, 3])
})

test('rows are removed only behind a verified archive: oldest first, never the newest, never a file that differs', async () => {
  const { audit, directory } = await threeMonths()
  const remove = (node: number, first: number): Promise<number> =>
    removeArchived({ owner: audit.owner, directory, node, first })
  await assert.rejects(remove(0, 0), faultOf('audit.segment.missing'))
  await archive(audit, directory)
  await assert.rejects(remove(0, 3), { code: 'SA003' })
  await assert.rejects(remove(0, 1), faultOf('audit.segment.missing'))
  const app = { owner: audit.database, directory, node: 0, first: 0 }
  await assert.rejects(removeArchived(app), { code: '42501' })
  const path = join(directory, 'audit-0-0-3.ndjson.gz')
  renameSync(path, `${path}.kept`)
  await assert.rejects(remove(0, 0), faultOf('audit.segment.missing'))
  copyFileSync(join(directory, 'audit-0-3-7.ndjson.gz'), path)
  await assert.rejects(remove(0, 0), faultOf('audit.segment.wrong'))
  rmSync(path)
  renameSync(`${path}.kept`, path)
  assert.equal(await remove(0, 0), 2)
  for (const first of [0, 1]) assert.equal(await remove(1, first), 1)
  await assert.rejects(remove(1, 2), { code: 'SA003' })
  await assert.rejects(audit.owner.query({ text: 'delete from audit.log' }), { code: 'SA002' })
})

test('rows removed without an archive are dropped rows, whatever frontier is stored', async () => {
  const { audit } = await threeMonths()
  await audit.owner.query({ text: 'alter table audit.log disable trigger only_grows' })
  await audit.owner.query({ text: 'delete from audit.log where node = 0 and first < 2' })
  const report = await verify(audit, databaseSource(audit.database))
  assert.deepEqual(report.finding, { what: 'dropped', node: 0, index: 0, among: 2 })
})

test('an altered month is not archived', async () => {
  const { audit, directory } = await threeMonths()
  await audit.owner.query({ text: 'alter table audit.log disable trigger only_grows' })
  await audit.owner.query({ text: `update audit.log set leaves[1] = 'x'::bytea where node = 0 and first = 2` })
  await assert.rejects(archive(audit, directory), faultOf('audit.log.inconsistent'))
  assert.deepEqual(readdirSync(directory), [])
})
