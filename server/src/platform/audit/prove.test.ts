import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, test } from 'node:test'
import { FaultError } from '#kernel'
import { openTestAudit, type TestAudit } from '../../../../test/fixtures/audit.ts'
import {
  type ConsistencyBundle,
  type InclusionBundle,
  proveConsistency,
  proveRecord,
  verifyConsistencyProof,
  verifyProof,
} from './index.ts'

let audit: TestAudit
before(async () => {
  audit = await openTestAudit()
  // Log 0 is signed at 1, 5, 8 and 15 leaves; leaf 15 is not signed.
  for (const rows of [[1], [3, 1], [3], [2, 5]]) {
    await audit.write(0, rows)
    await audit.write(1, [1])
    await audit.sign()
  }
  await audit.write(0, [1])
})
after(() => audit.close())

const faultOf =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof FaultError && error.fault.code === code
/** As it arrives at an auditor's: through JSON. */
const sent = <T>(bundle: T): T => JSON.parse(JSON.stringify(bundle)) as T

test('every signed record is proved by the first checkpoint that covers it, with the public key alone', async () => {
  for (let index = 0; index < 15; index++) {
    const bundle = sent(await proveRecord(audit.database, { node: 0, index }))
    const proven = verifyProof(bundle, audit.publicKey())
    assert.ok(proven.ok)
    assert.deepEqual([proven.value.node, proven.value.index], [0, index])
    assert.equal(proven.value.record.client, 'portal')
    assert.equal(proven.value.checkpoint.number, [1, 5, 8, 15].findIndex((size) => size > index) + 1)
  }
})

test('a leaf that is not signed yet, or not there, has no proof', async () => {
  await assert.rejects(proveRecord(audit.database, { node: 0, index: 15 }), faultOf('audit.proof.not-covered'))
  await assert.rejects(proveRecord(audit.database, { node: 9, index: 0 }), faultOf('audit.proof.not-covered'))
})

test('a bundle with anything changed, or checked with another key, is refused', async () => {
  const bundle = await proveRecord(audit.database, { node: 0, index: 6 })
  const other = await proveRecord(audit.database, { node: 0, index: 2 })
  const changed: unknown[] = [
    { ...bundle, index: 5 },
    { ...bundle, node: 1 },
    { ...bundle, leaf: other.leaf },
    { ...bundle, path: bundle.path.slice(1) },
    { ...bundle, path: bundle.path.with(0, Buffer.alloc(32).toString('base64')) },
    { ...bundle, path: bundle.path.with(0, 'AAAA') },
    { ...bundle, path: 'none' },
    { ...bundle, checkpoint: other.checkpoint },
    { ...bundle, checkpoint: { ...bundle.checkpoint, body: bundle.checkpoint.body.replace('log 0 8', 'log 0 9') } },
    { ...bundle, format: 'salus-audit-consistency/1' },
    {},
    null,
    'text',
  ]
  for (const [at, each] of changed.entries()) {
    const result = verifyProof(sent(each), audit.publicKey())
    assert.equal(result.ok ? 'accepted' : result.fault.code, 'audit.proof.invalid', `change ${at}`)
  }
  assert.equal(verifyProof(bundle, generateKeyPairSync('ed25519').publicKey).ok, false)
  assert.equal(verifyProof(bundle satisfies InclusionBundle, audit.publicKey()).ok, true)
})

test('any two checkpoints are proved consistent, every log of them', async () => {
  for (let from = 1; from <= 4; from++)
    for (let to = from; to <= 4; to++) {
      const bundle = sent(await proveConsistency(audit.database, { from, to }))
      const proven = verifyConsistencyProof(bundle, audit.publicKey())
      assert.ok(proven.ok, `${from} ${to}`)
      assert.deepEqual([proven.value.from.number, proven.value.to.number, bundle.logs.length], [from, to, 2])
    }
  await assert.rejects(proveConsistency(audit.database, { from: 1, to: 5 }), faultOf('audit.proof.not-covered'))
})

test('a consistency bundle that leaves a log out, or has anything changed, is refused', async () => {
  const bundle = await proveConsistency(audit.database, { from: 2, to: 4 })
  const [first, second] = bundle.logs as [ConsistencyBundle['logs'][0], ConsistencyBundle['logs'][0]]
  const changed: unknown[] = [
    { ...bundle, logs: [first] },
    { ...bundle, logs: [second] },
    { ...bundle, logs: [{ ...first, path: second.path }, second] },
    { ...bundle, logs: [null] },
    { ...bundle, logs: 'none' },
    { ...bundle, from: bundle.to, to: bundle.from },
    { ...bundle, from: { ...bundle.from, signature: bundle.to.signature } },
    {},
  ]
  for (const [at, each] of changed.entries()) {
    const result = verifyConsistencyProof(sent(each), audit.publicKey())
    assert.equal(result.ok ? 'accepted' : result.fault.code, 'audit.proof.invalid', `change ${at}`)
  }
})

test('a log that was altered gives no proof', async () => {
  await audit.owner.query({ text: 'alter table audit.log disable trigger only_grows' })
  await audit.owner.query({ text: `update audit.log set leaves[1] = 'x'::bytea where node = 0 and first = 8` })
  await assert.rejects(proveRecord(audit.database, { node: 0, index: 9 }), faultOf('audit.log.inconsistent'))
  await assert.rejects(proveConsistency(audit.database, { from: 3, to: 4 }), faultOf('audit.log.inconsistent'))
})
