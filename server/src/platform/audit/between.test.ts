import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openTestAudit, TEST_START, type TestAudit } from '../../../../test/fixtures/audit.ts'
import { betweenSource, EXPORTED_CHECKPOINTS, exportLogs, segmentSource, verifyAudit } from './index.ts'

const opened: TestAudit[] = []
after(async () => {
  for (const audit of opened) await audit.close()
})

const HOUR_MS = 3_600_000
const at = (hour: number): number => TEST_START + hour * HOUR_MS

/** One row at each full hour from 1 to 6, signed a second later. */
async function sixHours(): Promise<TestAudit> {
  const audit = await openTestAudit()
  opened.push(audit)
  for (let hour = 1; hour <= 6; hour++) {
    audit.clock.at = at(hour) - 1_000
    await audit.write(0, [1])
    await audit.sign()
  }
  return audit
}

let exports = 0
/** The times of the exported rows, in hours; the export must verify with nothing else. */
async function exported(audit: TestAudit, window: { from?: number; to?: number }): Promise<number[]> {
  const directory = join(audit.directory, `export-${++exports}`)
  await exportLogs({ source: await betweenSource(audit.database, window), directory })
  const source = segmentSource(directory)
  const anchorDirectory = join(directory, EXPORTED_CHECKPOINTS)
  const report = await verifyAudit({ source, anchorDirectory, publicKey: audit.publicKey() })
  assert.equal(report.finding, undefined)
  const hours: number[] = []
  for (const node of await source.nodes())
    for await (const row of source.rows(node, 0)) hours.push((row.at - TEST_START) / HOUR_MS)
  return hours
}

test('a window holds what was recorded at both of its ends, and leaves out what was before and after', async () => {
  const audit = await sixHours()
  assert.deepEqual(await exported(audit, {}), [1, 2, 3, 4, 5, 6])
  assert.deepEqual(await exported(audit, { from: at(3) }), [3, 4, 5, 6])
  assert.deepEqual(await exported(audit, { to: at(4) }), [1, 2, 3, 4])
  assert.deepEqual(await exported(audit, { from: at(3), to: at(4) }), [3, 4])
  assert.deepEqual(await exported(audit, { from: at(3) + HOUR_MS / 2, to: at(4) - HOUR_MS / 2 }), [])
  assert.deepEqual(await exported(audit, { from: at(7) }), [])
  assert.deepEqual(await exported(audit, { to: at(0) }), [])
})

test('a log in which nothing happened does not look cut short in a window', async () => {
  const audit = await openTestAudit()
  opened.push(audit)
  for (const hour of [1, 2, 3]) {
    audit.clock.at = at(hour) - 1_000
    await audit.write(0, [1])
    if (hour === 1) await audit.write(1, [3])
    await audit.sign()
  }
  assert.deepEqual(await exported(audit, { from: at(2) }), [2, 3])
})

test('a window behind a damaged place begins at the beginning, so that the damage is in the export', async () => {
  const audit = await sixHours()
  await audit.owner.query({ text: 'alter table audit.log disable trigger only_grows' })
  await audit.owner.query({ text: 'delete from audit.frontier' })
  await audit.owner.query({ text: `update audit.log set leaves[1] = 'x'::bytea where first = 1` })
  const directory = join(audit.directory, 'damaged')
  await exportLogs({ source: await betweenSource(audit.database, { from: at(4) }), directory })
  const report = await verifyAudit({ source: segmentSource(directory), publicKey: audit.publicKey() })
  assert.deepEqual(report.finding, { what: 'flipped', node: 0, index: 1 })
})
