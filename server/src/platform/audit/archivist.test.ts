import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FaultError } from '#kernel'
import { openTestAudit, type TestAudit } from '../../../../test/fixtures/audit.ts'
import { databaseSource, runArchive, startArchive, verifyAudit } from './index.ts'
import { tryArchive } from './store.ts'

const opened: TestAudit[] = []
after(async () => {
  for (const audit of opened) await audit.close()
})

/** Two signed months in two logs, and a row in the third month, which is not over. */
async function twoMonths(): Promise<{ audit: TestAudit; directory: string }> {
  const audit = await openTestAudit()
  opened.push(audit)
  for (const month of [8, 9, 10]) {
    audit.clock.at = Date.UTC(2026, month, 10)
    await audit.write(0, [2, 1])
    if (month < 10) await audit.write(1, [1])
    await audit.sign()
  }
  return { audit, directory: join(audit.directory, 'archive') }
}

const run = (audit: TestAudit, directory: string, remove: boolean) =>
  runArchive({
    database: audit.database,
    clock: audit.options.clock,
    directory,
    ...(remove ? { owner: audit.owner } : {}),
  })

test('past months are written and, when asked, leave the database but for the newest row of each log', async () => {
  const { audit, directory } = await twoMonths()
  const first = await run(audit, directory, false)
  assert.deepEqual([first.written.length, first.removed], [4, { segments: 0, rows: 0 }])
  const second = await run(audit, directory, true)
  // The second month of log 1 ends with its newest row, from which its next writer goes on.
  assert.deepEqual([second.written.length, second.removed], [0, { segments: 3, rows: 5 }])
  assert.deepEqual((await run(audit, directory, true)).removed, { segments: 0, rows: 0 })
  const report = await verifyAudit({
    source: databaseSource(audit.database),
    anchorDirectory: audit.options.anchorDirectory,
    publicKey: audit.publicKey(),
  })
  assert.deepEqual([report.ok, report.logs.map((log) => log.archivedBefore)], [true, [6, 1]])
})

test('nothing is removed whose file is not in the directory', async () => {
  const { audit, directory } = await twoMonths()
  await run(audit, directory, false)
  await assert.rejects(
    run(audit, join(audit.directory, 'elsewhere'), true),
    (error) => error instanceof FaultError && error.fault.code === 'audit.segment.missing',
  )
  const [row] = await audit.owner.query({ text: 'select count(*) from audit.log' })
  assert.equal(Number(row?.[0]), 8)
})

test('one archives at a time: a second one is told, and the background one keeps still', async () => {
  const { audit, directory } = await twoMonths()
  const other = await audit.database.connect()
  assert.ok(await tryArchive(other))
  await assert.rejects(
    run(audit, directory, false),
    (error) => error instanceof FaultError && error.fault.code === 'audit.archive.busy',
  )
  const errors: string[] = []
  const log = { ...audit.options.log, error: (event: string) => errors.push(event) }
  const background = startArchive({ ...audit.options, log, directory }, 0)
  await sleep(50)
  await background.close()
  assert.deepEqual([errors, existsSync(directory)], [[], false])
  await other.close()
})

test('the server archives by itself what is over, removes nothing, and logs what fails', async () => {
  const { audit, directory } = await twoMonths()
  const archived = async (place: string, log = audit.options.log): Promise<void> => {
    const said = Promise.withResolvers<string>()
    const heard = { ...log, info: said.resolve, error: said.resolve }
    const background = startArchive({ ...audit.options, log: heard, directory: place }, 0)
    assert.equal(await said.promise, place === directory ? 'audit months archived' : 'audit archive failed')
    await background.close()
  }
  await archived('/dev/null/archive')
  await archived(directory)
  assert.equal(readdirSync(directory).length, 4)
  const [row] = await audit.owner.query({ text: 'select count(*) from audit.log' })
  assert.equal(Number(row?.[0]), 8)
})
