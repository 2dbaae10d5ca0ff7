import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Connection } from '#db'
import { FaultError } from '#kernel'
import { openTestAudit, type TestAudit } from '../../../../test/fixtures/audit.ts'
import { acceptRestore } from './accept-restore.ts'
import { newestAnchor, readAnchors, writeAnchor } from './anchors.ts'
import { startCheckpoints } from './checkpoint.ts'
import { encodeCheckpoint, parseAnchor, parseCheckpoint } from './checkpoint-body.ts'
import { restoreTree, treeAt } from './log-tree.ts'
import { openNotary } from './notary.ts'
import { loadPublicKey, loadSigningKey } from './signing-key.ts'
import { checkpoints, claimNode, logHeads, newestCheckpoint } from './store.ts'

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
const run = async (audit: TestAudit, text: string): Promise<void> => void (await audit.owner.query({ text }))
const unlock = async (audit: TestAudit): Promise<void> => {
  await run(audit, 'alter table audit.log disable trigger only_grows')
  await run(audit, 'alter table audit.checkpoint disable trigger only_grows')
}

test('a checkpoint names every log, is signed, chained to the one before, stored and anchored alike', async () => {
  const audit = await open()
  await audit.write(0, [3])
  await audit.write(1, [1, 1])
  const first = await audit.sign()
  await audit.write(1, [2])
  const second = await audit.sign()
  const body = parseCheckpoint(second.body)
  assert.deepEqual(
    body?.heads.map(({ node, size }) => [node, size]),
    [
      [0, 3],
      [1, 4],
    ],
  )
  assert.equal(parseCheckpoint(first.body)?.origin, body?.origin)
  const stored = await checkpoints(audit.database, 1, 10)
  const anchored = []
  for await (const anchor of readAnchors(audit.options.anchorDirectory)) anchored.push(anchor.checkpoint)
  assert.deepEqual(anchored, stored)
  assert.equal((await audit.verify()).ok, true)
})

test('the running server signs by itself, and what is left when it stops', async () => {
  const audit = await open()
  await audit.write(0, [2])
  const checkpointer = await startCheckpoints(audit.options)
  assert.equal((await checkpointer.checkpoint())?.number, 1)
  assert.equal(await checkpointer.checkpoint(), undefined)
  await audit.write(0, [1])
  await checkpointer.close()
  assert.equal((await newestCheckpoint(audit.database))?.number, 2)
})

test('a checkpoint is due after 10 seconds or 1,000 leaves, and after an hour without any', async () => {
  const audit = await open()
  await audit.write(0, [1])
  const notary = await openNotary(audit.options)
  assert.equal((await notary.look())?.number, 1)
  assert.equal(await notary.look(), undefined)
  await audit.write(0, [1])
  assert.equal(await notary.look(), undefined)
  audit.clock.at += 10_000
  assert.equal((await notary.look())?.number, 2)
  await audit.write(0, [1_000])
  assert.equal((await notary.look())?.number, 3)
  audit.clock.at += 3_599_000
  assert.equal(await notary.look(), undefined)
  audit.clock.at += 2_000
  assert.equal((await notary.look())?.number, 4)
})

test('one process leads; another takes over when it goes', async () => {
  const audit = await open()
  const [one, two] = [await startCheckpoints(audit.options), await startCheckpoints(audit.options)]
  await audit.write(0, [1])
  assert.equal((await one.checkpoint())?.number, 1)
  await audit.write(0, [1])
  assert.equal(await two.checkpoint(), undefined)
  await one.close()
  await audit.write(0, [1])
  assert.equal((await two.checkpoint())?.number, 3)
  await two.close()
})

test('a row rewritten while the server runs is refused, not signed', async () => {
  const audit = await open()
  await audit.write(0, [2, 2])
  const notary = await openNotary(audit.options)
  await notary.sign()
  await audit.write(0, [2, 2])
  await unlock(audit)
  await run(audit, `update audit.log set leaves[1] = 'x'::bytea where node = 0 and first = 4`)
  await assert.rejects(notary.sign(), faultOf('audit.log.inconsistent'))
  await assert.rejects(audit.sign(), faultOf('audit.log.inconsistent'))
  assert.equal((await newestCheckpoint(audit.database))?.number, 1)
  await assert.rejects(restoreTree(audit.database, 0), faultOf('audit.log.inconsistent'))
})

test('a log that lost leaves is refused, not signed', async () => {
  for (const harm of ['delete from audit.log where node = 0 and first >= 2', 'delete from audit.log where node = 0']) {
    const audit = await open()
    await audit.write(0, [2, 2])
    await audit.write(1, [1])
    const notary = await openNotary(audit.options)
    await notary.sign()
    await unlock(audit)
    await run(audit, harm)
    await audit.write(1, [1])
    await assert.rejects(notary.sign(), faultOf('audit.checkpoint.smaller'))
    await assert.rejects(audit.sign(), faultOf('audit.checkpoint.smaller'))
  }
})

test('a stored checkpoint of another key, and a lost key, are refused', async () => {
  const audit = await open()
  await audit.write(0, [1])
  await audit.sign()
  const path = join(audit.directory, 'audit-signing.key')
  const kept = readFileSync(path)
  writeFileSync(path, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }))
  await audit.write(0, [1])
  await assert.rejects(audit.sign(), faultOf('audit.checkpoint.foreign'))
  rmSync(path)
  await assert.rejects(audit.sign(), faultOf('audit.key.missing'))
  assert.ok(!existsSync(path))
  writeFileSync(path, 'no key', { mode: 0o600 })
  await assert.rejects(audit.sign(), faultOf('audit.key.unreadable'))
  writeFileSync(path, kept)
  chmodSync(path, 0o644)
  await assert.rejects(audit.sign(), faultOf('audit.key.permissions'))
  chmodSync(path, 0o600)
  assert.equal((await audit.sign()).number, 2)
})

test('a public key that a kill kept from being written is laid beside the private one at the next start', async () => {
  const audit = await open()
  await audit.write(0, [1])
  await audit.sign()
  const before = audit.publicKey()
  rmSync(join(audit.directory, 'audit-signing.pub'))
  await openNotary(audit.options)
  assert.ok(audit.publicKey().equals(before))
})

test('the private key is for its owner only, and the public key file fits it', async () => {
  const audit = await open()
  const directory = join(audit.directory, 'keys')
  const { publicKey } = loadSigningKey(directory, { create: true })
  assert.equal(statSync(join(directory, 'audit-signing.key')).mode & 0o777, 0o600)
  assert.ok(loadPublicKey(join(directory, 'audit-signing.pub')).equals(publicKey))
  assert.ok(loadSigningKey(directory, { create: true }).publicKey.equals(publicKey))
})

test('anchors a crash or a lost directory kept back are written when signing goes on', async () => {
  const audit = await open()
  for (let round = 0; round < 3; round++) {
    await audit.write(0, [1])
    await audit.sign()
  }
  renameSync(audit.options.anchorDirectory, `${audit.options.anchorDirectory}.lost`)
  await audit.write(0, [1])
  await audit.sign()
  assert.equal((await newestAnchor(audit.options.anchorDirectory))?.number, 4)
  const report = await audit.verify()
  assert.deepEqual([report.ok, report.anchored], [true, 4])
})

test('an anchor directory that cannot be written stops nothing but says so; the checkpoint is anchored later', async () => {
  const audit = await open()
  await audit.write(0, [1])
  writeFileSync(audit.options.anchorDirectory, 'a file where the directory should be')
  await assert.rejects(audit.sign(), (error) => error instanceof Error)
  rmSync(audit.options.anchorDirectory)
  await audit.write(0, [1])
  await audit.sign()
  assert.equal((await audit.verify()).ok, true)
})

test('writing an anchor twice is one anchor; another of the same number is refused; no folder is a fault', async () => {
  const audit = await open()
  await audit.write(0, [1])
  const checkpoint = await audit.sign()
  const { anchorDirectory } = audit.options
  await writeAnchor(anchorDirectory, checkpoint)
  const other = { ...checkpoint, signature: Buffer.alloc(64) }
  await assert.rejects(writeAnchor(anchorDirectory, other), faultOf('audit.anchor.differs'))
  const blocked = join(audit.directory, 'blocked')
  writeFileSync(blocked, '')
  await assert.rejects(writeAnchor(blocked, checkpoint), faultOf('audit.anchor.unwritable'))
})

test('a database older than its anchors is refused until the restore is signed; verification then reports the restore', async () => {
  const audit = await open()
  await audit.write(0, [2])
  await audit.sign()
  await audit.write(0, [2])
  await audit.sign()
  await unlock(audit)
  await run(audit, 'delete from audit.checkpoint where id = 2')
  await run(audit, 'delete from audit.frontier where checkpoint = 2')
  await run(audit, 'delete from audit.log where first >= 2')
  for (const ledger of audit.ledgers.splice(0)) await ledger.close()
  await assert.rejects(audit.sign(), faultOf('audit.checkpoint.behind-anchors'))
  assert.deepEqual((await audit.verify()).finding, { what: 'truncated', node: 0, index: 2, checkpoint: 2 })
  assert.equal((await acceptRestore(audit.options))?.number, 3)
  assert.equal(await acceptRestore(audit.options), undefined)
  const report = await audit.verify()
  assert.deepEqual([report.ok, report.restores], [true, [{ checkpoint: 3, lostFrom: 2, lostTo: 2 }]])
})

test('a restore is not signed over anchors of another key', async () => {
  const audit = await open()
  await audit.write(0, [2])
  await audit.sign()
  await unlock(audit)
  await run(audit, 'delete from audit.checkpoint')
  const elsewhere = join(audit.directory, 'elsewhere')
  loadSigningKey(elsewhere, { create: true })
  await assert.rejects(
    acceptRestore({ ...audit.options, keyDirectory: elsewhere }),
    faultOf('audit.checkpoint.foreign'),
  )
})

test('a restarting writer goes on from the stored frontier, without reading what lies before it', async () => {
  const audit = await open()
  await audit.write(0, [3, 1, 2])
  await audit.sign()
  await audit.write(0, [2, 5])
  const [head] = await logHeads(audit.database)
  const whole = await restoreTree(audit.database, 0)
  assert.deepEqual([whole.tree.size, whole.nextEntry], [13, 0])
  assert.deepEqual(whole.tree.root(), head?.root)
  await unlock(audit)
  await run(audit, `update audit.log set leaves[1] = 'x'::bytea where node = 0 and first = 0`)
  assert.deepEqual((await restoreTree(audit.database, 0)).tree.root(), head?.root)
})

test('a stored frontier that no checkpoint vouches for is not used', async () => {
  const audit = await open()
  await audit.write(0, [3, 1, 2])
  await audit.sign()
  const root = (await logHeads(audit.database))[0]?.root
  for (const harm of [
    'update audit.frontier set frontier = set_byte(frontier, 12, 255 - get_byte(frontier, 12))',
    'update audit.frontier set frontier = substr(frontier, 1, 20)',
    'update audit.frontier set checkpoint = 9',
  ]) {
    await run(audit, harm)
    assert.deepEqual((await treeAt(audit.database, 0)).root(), root)
  }
})

test('frontiers close together are thinned; trees still begin at any checkpointed size', async () => {
  const audit = await open()
  for (let round = 0; round < 6; round++) {
    await audit.write(0, [2])
    await audit.sign()
  }
  const [row] = await audit.owner.query({ text: 'select count(*), max(size) from audit.frontier where node = 0' })
  assert.deepEqual(row, [1, 12])
  assert.equal((await treeAt(audit.database, 0, 6)).size, 6)
})

test('each process writes the lowest log nobody writes; a number is free again when its connection ends', async () => {
  const audit = await open()
  const connections: Connection[] = []
  for (const expected of [2, 3]) {
    const connection = await audit.database.connect()
    connections.push(connection)
    assert.equal(await claimNode(connection), expected)
  }
  await connections[0]?.close()
  const next = await audit.database.connect()
  let got = 3
  // The session's end reaches the lock table a moment after the client has left.
  for (let attempt = 0; attempt < 100 && got !== 2; attempt++) got = await claimNode(next)
  assert.equal(got, 2)
  await next.close()
  await connections[1]?.close()
})

test('with every log number taken a process is refused', async () => {
  const audit = await open()
  const holder = await audit.owner.connect()
  await holder.query({ text: 'select pg_advisory_lock(1635083369, n) from generate_series(2, 999) n' })
  const connection = await audit.database.connect()
  await assert.rejects(claimNode(connection), faultOf('audit.log.none-free'))
  await connection.close()
  await holder.close()
})

test('the application can only add to log, checkpoint and segment; the owner is stopped by triggers', async () => {
  const audit = await open()
  await audit.write(0, [1])
  await audit.sign()
  const app = audit.database
  for (const table of ['log', 'checkpoint', 'segment'])
    for (const text of [`update audit.${table} set at = 0`, `delete from audit.${table}`, `truncate audit.${table}`]) {
      await assert.rejects(app.query({ text }), { code: '42501' }, text)
      await assert.rejects(audit.owner.query({ text }), { code: 'SA002' }, text)
    }
  await assert.rejects(app.query({ text: 'select audit.remove_archived(0::smallint, 0)' }), { code: '42501' })
  await assert.rejects(app.query({ text: 'alter table audit.log disable trigger only_grows' }), { code: '42501' })
  const replica = await audit.owner.connect()
  await replica.query({ text: 'set session_replication_role = replica' })
  await assert.rejects(replica.query({ text: 'delete from audit.log' }), { code: 'SA002' })
  await replica.close()
  assert.equal((await audit.verify()).ok, true)
})

test('text that is no checkpoint is not read as one', async () => {
  const audit = await open()
  await audit.write(0, [1])
  const { body } = await audit.sign()
  const parsed = parseCheckpoint(body)
  assert.ok(parsed)
  assert.equal(encodeCheckpoint(parsed), body)
  for (const text of [
    '',
    body.trimEnd(),
    `${body}\n`,
    body.replace('number 1', 'number 01'),
    body.replace('log 0 1', 'log 0 1.0'),
    body.replace('log 0 1', 'log 0 -1'),
    body.replace('number 1', 'number 0'),
    body.replace('time ', 'time x'),
    `${body}log 0 2 ${parsed.heads[0]?.root.toString('base64')}\n`,
  ])
    assert.equal(parseCheckpoint(text), undefined, text)
  assert.equal(parseAnchor(body), undefined)
  assert.equal(parseAnchor(`${body}signature AAAA\n`), undefined)
  mkdirSync(join(audit.directory, 'empty'))
  assert.equal(await newestAnchor(join(audit.directory, 'empty')), undefined)
})
