import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError } from '#kernel'
import { AUDIT_ACTIONS, AUDIT_OUTCOMES, type AuditRecord, decodeRecord, encodeRecord, isIntact } from './record.ts'

const read: AuditRecord = {
  at: 1_790_000_000_123,
  tenant: 1,
  client: 'portal',
  actor: 'dr-a',
  requestId: '8c1f2b7a-2f0e-4a2b-9d51-3b1d0a7b6f10',
  purpose: 'TREAT',
  action: 'search',
  outcome: 'success',
  type: 104,
  rid: 0,
  version: 0,
  patients: [17, 9_007_199_254_740_991],
  count: 2,
  detail: Buffer.from([0, 255, 1, 2]),
}
const { detail: _detail, ...bare } = read

test('a record is read back as it was written', () => {
  assert.deepEqual(decodeRecord(encodeRecord(read)), read)
  assert.deepEqual(decodeRecord(encodeRecord(bare)), bare)
  for (const action of AUDIT_ACTIONS) assert.equal(decodeRecord(encodeRecord({ ...bare, action })).action, action)
  for (const outcome of AUDIT_OUTCOMES) assert.equal(decodeRecord(encodeRecord({ ...bare, outcome })).outcome, outcome)
})

test('an actor that is the client itself, and one that is called "0", are told apart', () => {
  assert.equal(decodeRecord(encodeRecord({ ...bare, actor: 'portal' })).actor, 'portal')
  assert.equal(decodeRecord(encodeRecord({ ...bare, actor: '0' })).actor, '0')
})

test('names of clients in any script survive', () => {
  const record = { ...bare, client: 'Zürich "北京"\n', actor: '\u{1F600}' }
  assert.deepEqual(decodeRecord(encodeRecord(record)), record)
})

test('stored numbers of actions and outcomes never change', () => {
  assert.equal(
    AUDIT_ACTIONS.slice(0, 15).join(),
    'read,vread,history,search,create,update,patch,delete,transaction,batch,operation,login,refusal,key,admin',
  )
  assert.equal(AUDIT_OUTCOMES.slice(0, 3).join(), 'success,refused,failed')
})

test('every single flipped bit is found by the checksum and refused', () => {
  const leaf = encodeRecord(read)
  assert.ok(isIntact(leaf))
  for (let bit = 0; bit < leaf.length * 8; bit++) {
    const bent = Buffer.from(leaf)
    bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.ok(!isIntact(bent), `bit ${bit}`)
    assert.throws(() => decodeRecord(bent), FaultError)
  }
})

test('bytes of another kind are refused without quoting them', () => {
  for (const bytes of ['', '[]', '{}', '[2,1]', 'Müller']) {
    assert.ok(!isIntact(Buffer.from(bytes)))
    assert.throws(
      () => decodeRecord(Buffer.from(bytes)),
      (error: FaultError) => error.fault.code === 'audit.record.unreadable' && !error.message.includes('Müller'),
    )
  }
})
