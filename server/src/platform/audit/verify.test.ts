import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { byteaArray } from '#db'
import { auditRecord, openTestAudit, type TestAudit } from '../../../../test/fixtures/audit.ts'
import { anchorText, encodeCheckpoint, parseCheckpoint, signCheckpoint } from './checkpoint-body.ts'
import { describeFinding, type Finding } from './diagnose.ts'
import { databaseSource } from './log-source.ts'
import { leafHash, MerkleTree } from './merkle.ts'
import { encodeRecord } from './record.ts'
import { loadSigningKey } from './signing-key.ts'
import { logRows, type Queryable, type StoredCheckpoint } from './store.ts'
import { type VerifyReport, verifyAudit } from './verify.ts'

/** What a drill harms: the logs inside a transaction that is rolled back, and a copy of the anchors. */
interface Harmed {
  owner: Queryable
  directory: string
  anchorDirectory: string
}

let audit: TestAudit

/**
 * Log 0: rows that begin at leaves 0, 1, 4 | 6, 10 | 11; log 1: at 0 | 2. The bars are checkpoints 1 and 2;
 * what stands behind the second is not signed. Triggers are off: this is a forger with the owner's rights.
 */
before(async () => {
  audit = await openTestAudit()
  await audit.write(0, [1, 3, 2])
  await audit.write(1, [2])
  await audit.sign()
  await audit.write(0, [4, 1])
  await audit.write(1, [2])
  await audit.sign()
  await audit.write(0, [2])
  await audit.owner.query({ text: 'alter table audit.log disable trigger only_grows' })
  await audit.owner.query({ text: 'alter table audit.checkpoint disable trigger only_grows' })
})
after(() => audit.close())

class RolledBack extends Error {}

/** What verification says after `harm`; everything is as before when it has said it. */
async function reportAfter(harm: (harmed: Harmed) => Promise<void>): Promise<VerifyReport> {
  const anchorDirectory = join(audit.directory, 'harmed')
  cpSync(audit.options.anchorDirectory, anchorDirectory, { recursive: true })
  let report: VerifyReport | undefined
  const drill = audit.owner.transaction(async (tx) => {
    await harm({ owner: tx, directory: audit.directory, anchorDirectory })
    report = await verifyAudit({ source: databaseSource(tx), anchorDirectory, publicKey: audit.publicKey() })
    throw new RolledBack()
  })
  await assert.rejects(drill, RolledBack)
  rmSync(anchorDirectory, { recursive: true })
  return report ?? assert.fail()
}

const run = async (audit: Harmed, text: string, values: unknown[] = []): Promise<void> =>
  void (await audit.owner.query({ text }, values))
const anchorPath = (audit: Harmed, number: number): string =>
  join(audit.anchorDirectory, '000000000', `${String(number).padStart(12, '0')}.checkpoint`)

async function leavesOf(audit: Harmed, first: number): Promise<Buffer[]> {
  const [row] = await logRows(audit.owner, { node: 0, from: first, rows: 1 })
  return row?.leaves ?? []
}

async function setLeaves(audit: Harmed, first: number, leaves: Buffer[]): Promise<void> {
  const text = 'update audit.log set leaves = $1::bytea[], n = $2::int where node = 0 and first = $3::bigint'
  await run(audit, text, [byteaArray(leaves), leaves.length, first])
}

/** Put a well-formed other record at leaf 7 and make every root behind it anew. */
async function rewrite(audit: Harmed): Promise<void> {
  const leaves = await leavesOf(audit, 6)
  await setLeaves(audit, 6, leaves.with(1, encodeRecord(auditRecord({ actor: 'nobody' }))))
  const tree = new MerkleTree()
  for (const row of await logRows(audit.owner, { node: 0, from: 0, rows: 100 })) {
    for (const leaf of row.leaves) tree.append(leafHash(leaf))
    const text = 'update audit.log set root = $1::bytea where node = 0 and first = $2::bigint'
    await run(audit, text, [tree.root(), row.first])
  }
}

/** Checkpoint 2 over what the logs hold now, by `key`. */
async function forged(audit: Harmed, key: KeyObject): Promise<StoredCheckpoint> {
  const signed = await storedBody(audit, 2)
  const [row] = await logRows(audit.owner, { node: 0, from: 10, rows: 1 })
  const body = parseCheckpoint(signed)
  assert.ok(row && body)
  const heads = body.heads.map((head) => (head.node === 0 ? { ...head, root: row.root } : head))
  const text = encodeCheckpoint({ ...body, heads })
  return { number: 2, at: body.at, body: text, signature: signCheckpoint(text, key) }
}

async function storedBody(audit: Harmed, number: number): Promise<string> {
  const [row] = await audit.owner.query({ text: 'select body from audit.checkpoint where id = $1' }, [number])
  return String(row?.[0])
}

async function store(audit: Harmed, checkpoint: StoredCheckpoint): Promise<void> {
  const text = 'update audit.checkpoint set body = $1, signature = $2::bytea where id = $3'
  await run(audit, text, [checkpoint.body, checkpoint.signature, checkpoint.number])
}

const anyKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey

const DRILLS: [name: string, harm: (audit: Harmed) => Promise<void>, found: Finding][] = [
  [
    'a flipped bit in a signed leaf',
    async (audit) => {
      const leaves = await leavesOf(audit, 6)
      const bytes = Buffer.from(leaves[1] ?? [])
      bytes[20] = (bytes[20] ?? 0) ^ 1
      await setLeaves(audit, 6, leaves.with(1, bytes))
    },
    { what: 'flipped', node: 0, index: 7 },
  ],
  [
    'a flipped bit in a leaf that is not signed yet',
    async (audit) => {
      const leaves = await leavesOf(audit, 11)
      const bytes = Buffer.from(leaves[1] ?? [])
      bytes[0] = 0xff
      await setLeaves(audit, 11, leaves.with(1, bytes))
    },
    { what: 'flipped', node: 0, index: 12 },
  ],
  [
    'a flipped bit in a stored root',
    (audit) =>
      run(audit, 'update audit.log set root = set_byte(root, 3, 255 - get_byte(root, 3)) where node = 0 and first = 4'),
    { what: 'flipped', node: 0, index: 4, among: 2 },
  ],
  [
    'a leaf replaced by another well-formed one',
    async (audit) => setLeaves(audit, 1, (await leavesOf(audit, 1)).with(1, encodeRecord(auditRecord({ rid: 99 })))),
    { what: 'rewritten', node: 0, index: 1, among: 3 },
  ],
  [
    'a dropped row',
    (audit) => run(audit, 'delete from audit.log where node = 0 and first = 4'),
    { what: 'dropped', node: 0, index: 4, among: 2 },
  ],
  [
    'the first row dropped',
    (audit) => run(audit, 'delete from audit.log where node = 0 and first = 0'),
    { what: 'dropped', node: 0, index: 0, among: 1 },
  ],
  [
    'a leaf dropped from a row',
    async (audit) => setLeaves(audit, 6, (await leavesOf(audit, 6)).toSpliced(2, 1)),
    { what: 'dropped', node: 0, index: 6, among: 4 },
  ],
  [
    'a leaf slipped into a row',
    async (audit) => setLeaves(audit, 6, [...(await leavesOf(audit, 6)), encodeRecord(auditRecord())]),
    { what: 'inserted', node: 0, index: 6, among: 5 },
  ],
  [
    'a row slipped in',
    (audit) =>
      run(
        audit,
        'insert into audit.log (node, first, n, at, root, leaves) select 0, 5, n, at, root, leaves from audit.log where node = 0 and first = 4',
      ),
    { what: 'inserted', node: 0, index: 5, among: 2 },
  ],
  [
    'two rows that changed places',
    async (audit) => {
      for (const [from, to] of [
        [1, 1_000],
        [4, 1],
        [1_000, 4],
      ])
        await run(audit, 'update audit.log set first = $2::bigint where node = 0 and first = $1::bigint', [from, to])
    },
    { what: 'reordered', node: 0, index: 1 },
  ],
  [
    'two rows whose leaves changed places',
    async (audit) => {
      const [four, eleven] = [await leavesOf(audit, 4), await leavesOf(audit, 11)]
      await setLeaves(audit, 4, eleven)
      await setLeaves(audit, 11, four)
    },
    { what: 'reordered', node: 0, index: 4 },
  ],
  [
    'two leaves of a row that changed places',
    async (audit) => {
      const leaves = await leavesOf(audit, 6)
      await setLeaves(audit, 6, leaves.with(1, leaves[3] as Buffer).with(3, leaves[1] as Buffer))
    },
    { what: 'reordered', node: 0, index: 7 },
  ],
  [
    'a log cut short',
    (audit) => run(audit, 'delete from audit.log where node = 0 and first >= 6'),
    { what: 'truncated', node: 0, index: 6, checkpoint: 2 },
  ],
  [
    'a whole log removed',
    (audit) => run(audit, 'delete from audit.log where node = 1'),
    { what: 'truncated', node: 1, index: 0, checkpoint: 1 },
  ],
  [
    'a log cut short together with the checkpoint that signed it',
    async (audit) => {
      await run(audit, 'delete from audit.log where node = 0 and first >= 6')
      await run(audit, 'delete from audit.checkpoint where id = 2')
    },
    { what: 'truncated', node: 0, index: 6, checkpoint: 2 },
  ],
  ['rows and roots made anew', rewrite, { what: 'rewritten', node: 0, index: 6, among: 5, checkpoint: 2 }],
  [
    'rows and roots made anew, and the stored checkpoint signed again',
    async (audit) => {
      await rewrite(audit)
      await store(audit, await forged(audit, anyKey()))
    },
    { what: 're-signed', checkpoint: 2 },
  ],
  [
    'rows and roots made anew, stored and anchored checkpoint signed again',
    async (audit) => {
      await rewrite(audit)
      const checkpoint = await forged(audit, anyKey())
      await store(audit, checkpoint)
      writeFileSync(anchorPath(audit, 2), anchorText(checkpoint))
    },
    { what: 're-signed', checkpoint: 2 },
  ],
  [
    'rows and roots made anew and signed with the stolen key, but an anchor kept elsewhere',
    async (audit) => {
      await rewrite(audit)
      await store(audit, await forged(audit, loadSigningKey(audit.directory, { create: false }).privateKey))
    },
    { what: 're-signed', checkpoint: 2 },
  ],
  [
    'a checkpoint that does not follow from the one before',
    async (audit) => {
      const body = parseCheckpoint(await storedBody(audit, 2))
      assert.ok(body)
      const text = encodeCheckpoint({ ...body, previous: Buffer.alloc(32, 1) })
      const { privateKey } = loadSigningKey(audit.directory, { create: false })
      const checkpoint = { number: 2, at: body.at, body: text, signature: signCheckpoint(text, privateKey) }
      await store(audit, checkpoint)
      writeFileSync(anchorPath(audit, 2), anchorText(checkpoint))
    },
    { what: 'unchained', checkpoint: 2 },
  ],
  [
    'a stored checkpoint removed',
    (audit) => run(audit, 'delete from audit.checkpoint where id = 1'),
    { what: 'dropped', checkpoint: 1 },
  ],
  [
    'the last stored checkpoint removed',
    (audit) => run(audit, 'delete from audit.checkpoint where id = 2'),
    { what: 'truncated', checkpoint: 2 },
  ],
  ['an anchor removed', async (audit) => rmSync(anchorPath(audit, 1)), { what: 'dropped', checkpoint: 1 }],
  [
    'a checkpoint removed everywhere',
    async (audit) => {
      rmSync(anchorPath(audit, 1))
      await run(audit, 'delete from audit.checkpoint where id = 1')
    },
    { what: 'dropped', checkpoint: 1 },
  ],
  [
    'an anchor with one character changed',
    async (audit) =>
      writeFileSync(anchorPath(audit, 1), readFileSync(anchorPath(audit, 1), 'utf8').replace('log 0 6', 'log 0 5')),
    { what: 're-signed', checkpoint: 1 },
  ],
  [
    'an anchor that is no text',
    async (audit) => writeFileSync(anchorPath(audit, 2), Buffer.alloc(300_000)),
    { what: 're-signed', checkpoint: 2 },
  ],
]

test('an audit nobody touched verifies, and says what no checkpoint covers', async () => {
  const { logs, ...rest } = await audit.verify()
  assert.deepEqual(rest, { ok: true, checkpoints: 2, anchored: 2, restores: [] })
  assert.deepEqual(
    logs.map(({ node, leaves, unanchored }) => ({ node, leaves, unanchored })),
    [
      { node: 0, leaves: 13, unanchored: 2 },
      { node: 1, leaves: 4, unanchored: 0 },
    ],
  )
})

for (const [name, harm, found] of DRILLS)
  test(`verification names the place: ${name}`, async () => {
    assert.equal((await audit.verify()).ok, true)
    const report = await reportAfter(harm)
    assert.deepEqual({ ok: report.ok, finding: report.finding }, { ok: false, finding: found })
  })

test('another key does not verify', async () => {
  const { publicKey } = generateKeyPairSync('ed25519')
  const report = await verifyAudit({ source: databaseSource(audit.owner), publicKey })
  assert.deepEqual(report.finding, { what: 're-signed', checkpoint: 1 })
})

test('a finding reads as one sentence', () => {
  assert.equal(describeFinding({ what: 'flipped', node: 3, index: 7 }), 'flipped in log 3, leaf 7')
  assert.equal(
    describeFinding({ what: 'rewritten', node: 0, index: 6, among: 5, checkpoint: 2 }),
    'rewritten in log 0, leaves 6 to 10 (shown by checkpoint 2)',
  )
  assert.equal(describeFinding({ what: 're-signed', checkpoint: 2 }), 're-signed: checkpoint 2')
})

test('a running audit verifies at any moment: what is signed and written meanwhile is no damage', async () => {
  const running = await openTestAudit()
  await running.write(0, [1])
  await running.sign()
  let writing = true
  const writers = [0, 1].map(async (log) => {
    while (writing) await running.write(log, [1, 3])
  })
  const signer = (async () => {
    while (writing) await running.sign().catch(() => undefined)
  })()
  const found: unknown[] = []
  for (let round = 0; round < 15; round++) {
    const report = await running.verify()
    found.push(report.finding)
  }
  writing = false
  await Promise.all([...writers, signer])
  assert.deepEqual(new Set(found), new Set([undefined]))
  const last = await running.verify()
  assert.deepEqual([last.ok, last.checkpoints > 3], [true, true])
  await running.close()
})
