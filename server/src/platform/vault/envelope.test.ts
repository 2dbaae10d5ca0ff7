import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import { RESOURCE_TYPES } from '@salus/fhir-model'
import fc from 'fast-check'
import { FaultError } from '#kernel'
import { compress, expand } from './compression.ts'
import { dictionaryBytes, dictionaryNumber } from './dictionaries.ts'
import { type Aad, openEnvelope, sealEnvelope, sealedKeyVersion } from './envelope.ts'
import { type DataKey, KEY_CLASS, newKeyBytes, PatientKey, TenantKey } from './keys.ts'
import { openShortText, sealShortText } from './text-seal.ts'

const SEAL = { dictionaryType: 1, unsafePlaintext: false }
const OPEN = { unsafePlaintext: false }
const aad: Aad = { tenant: 1, type: 96, rid: 2 ** 40 + 7, version: 3, patient: 77 }
const body = Buffer.from('{"resourceType":"Observation","status":"final"}')

function patientKey(at: Aad = aad, version = 1): PatientKey {
  const key = new PatientKey(at.tenant, at.patient)
  key.add(version, createSecretKey(newKeyBytes()))
  return key
}

function tenantKey(keyClass: 2 | 3 = KEY_CLASS.tenant, tenant = 1): TenantKey {
  return new TenantKey({ tenant, keyClass, version: 1, secret: newKeyBytes() })
}

function refuses(work: () => unknown, code = 'vault.integrity'): void {
  assert.throws(work, (error) => error instanceof FaultError && error.fault.code === code)
}

test('what is sealed opens as it was, for any bytes and row', () => {
  const integer = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
  const row = fc.record({
    tenant: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    type: fc.integer({ min: 0, max: 148 }),
    rid: integer,
    version: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    patient: integer,
  })
  fc.assert(
    fc.property(
      row,
      fc.uint8Array({ maxLength: 20_000 }),
      fc.integer({ min: 0, max: 146 }),
      (at, bytes, dictionaryType) => {
        const plain = Buffer.from(bytes)
        const keys: DataKey[] = at.patient === 0 ? [tenantKey(2, at.tenant), tenantKey(3, at.tenant)] : [patientKey(at)]
        for (const key of keys)
          assert.deepEqual(
            openEnvelope(key, at, sealEnvelope(key, at, plain, { ...SEAL, dictionaryType }), OPEN),
            plain,
          )
      },
    ),
  )
})

test('a body does not open in another row, version, type, patient or tenant', () => {
  const key = patientKey()
  const sealed = sealEnvelope(key, aad, body, SEAL)
  for (const change of [
    { type: 97 },
    { rid: aad.rid + 1 },
    { rid: aad.rid - 2 ** 32 },
    { version: 2 },
    { version: 4 },
    { patient: 78 },
    { patient: 0 },
    { tenant: 2 },
  ])
    refuses(() => openEnvelope(key, { ...aad, ...change }, sealed, OPEN))
  // Even when the same key is put under another patient's or tenant's number.
  for (const change of [{ patient: 78 }, { tenant: 2 }]) {
    const at = { ...aad, ...change }
    const moved = new PatientKey(at.tenant, at.patient)
    moved.add(1, key.find(1) as never)
    refuses(() => openEnvelope(moved, at, sealed, OPEN))
  }
  assert.deepEqual(openEnvelope(key, aad, sealed, OPEN), body)
})

test('every single bit of the envelope counts', () => {
  for (const [key, at] of [
    [patientKey(), aad],
    [tenantKey(), { ...aad, patient: 0 }],
  ] as const) {
    const sealed = sealEnvelope(key, at, body, SEAL)
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      assert.throws(() => openEnvelope(key, at, changed, OPEN), FaultError)
    }
    for (let length = 0; length < sealed.length; length++)
      assert.throws(() => openEnvelope(key, at, sealed.subarray(0, length), OPEN), FaultError)
    assert.throws(() => openEnvelope(key, at, Buffer.concat([sealed, Buffer.from([0])]), OPEN), FaultError)
  }
})

test('a body sealed for one use does not open as another', () => {
  const secret = newKeyBytes()
  const at = { ...aad, patient: 0 }
  const data = new TenantKey({ tenant: 1, keyClass: KEY_CLASS.tenant, version: 1, secret })
  const audit = new TenantKey({ tenant: 1, keyClass: KEY_CLASS.audit, version: 1, secret })
  refuses(() => openEnvelope(audit, at, sealEnvelope(data, at, body, SEAL), OPEN))
})

test('sealing under the key of another patient or tenant is a bug that stops', () => {
  assert.throws(() => sealEnvelope(patientKey(), { ...aad, patient: 78 }, body, SEAL), /own tenant and patient/)
  assert.throws(
    () => sealEnvelope(tenantKey(), { ...aad, tenant: 2, patient: 0 }, body, SEAL),
    /own tenant and patient/,
  )
})

test('while a key is rotated both versions open and the newest seals', () => {
  const key = patientKey()
  const old = sealEnvelope(key, aad, body, SEAL)
  key.add(2, createSecretKey(newKeyBytes()))
  const fresh = sealEnvelope(key, aad, body, SEAL)
  assert.deepEqual([sealedKeyVersion(old), sealedKeyVersion(fresh)], [1, 2])
  assert.deepEqual(openEnvelope(key, aad, old, OPEN), body)
  assert.deepEqual(openEnvelope(key, aad, fresh, OPEN), body)
})

test('a newer format is told apart from tampering', () => {
  const key = patientKey()
  const sealed = sealEnvelope(key, aad, body, SEAL)
  sealed[0] = 2
  refuses(() => openEnvelope(key, aad, sealed, OPEN), 'vault.newer-format')
})

test('two seals of one body share neither nonce nor ciphertext', () => {
  const key = patientKey()
  const seen = new Set<string>()
  for (let i = 0; i < 2_000; i++) seen.add(sealEnvelope(key, aad, body, SEAL).toString('hex', 7, 40))
  assert.equal(seen.size, 2_000)
})

test('a vault that seals takes a plain body for tampering', () => {
  const key = patientKey()
  const plain = sealEnvelope(key, aad, body, { dictionaryType: 0, unsafePlaintext: true })
  assert.deepEqual(openEnvelope(key, aad, plain, { unsafePlaintext: true }), body)
  refuses(() => openEnvelope(key, aad, plain, OPEN))
})

test('keys show nothing when printed or serialised', () => {
  const key = patientKey()
  assert.equal(JSON.stringify(key), '{"keyClass":1,"tenant":1,"patient":77}')
  assert.doesNotMatch(JSON.stringify(tenantKey()), /secret|root/)
})

test('bodies compress with the dictionary of any type, large and incompressible ones too', () => {
  const random = createSecretKey(newKeyBytes()).export()
  for (let type = 0; type <= RESOURCE_TYPES.length; type++) {
    assert.ok((dictionaryBytes(dictionaryNumber(type))?.length ?? 0) <= 2048)
    const { bytes, packing } = compress(body, type)
    assert.deepEqual(expand(bytes, packing), body)
  }
  for (const plain of [Buffer.alloc(0), random, Buffer.alloc(9_000, 'ab'), Buffer.alloc(300_000, 'abc')]) {
    const { bytes, packing } = compress(plain, 96)
    assert.ok(bytes.length <= plain.length)
    assert.deepEqual(expand(bytes, packing), plain)
  }
  for (const packing of [0x2ff, 0x01ff, 0xff]) assert.throws(() => expand(Buffer.from('xxxx'), packing), RangeError)
})

test('bodies that an earlier Salus deflated still open', () => {
  const number = dictionaryNumber(96)
  const earlier = deflateRawSync(body, { dictionary: dictionaryBytes(number) as Buffer, windowBits: 12, memLevel: 4 })
  assert.deepEqual(expand(earlier, number), body)
})

test('a short text opens only for its purpose, tenant and context', () => {
  const secret = newKeyBytes()
  const key = (label: string, tenant = 1) =>
    new TenantKey({ tenant, keyClass: KEY_CLASS.text, version: 1, secret, label })
  const page = key('page')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (value, context) => {
      const text = sealShortText(page, value, context)
      assert.match(text, /^[\w-]+$/)
      assert.equal(openShortText(page, text, context), value)
      assert.equal(openShortText(page, text, `${context}x`), undefined)
      assert.equal(openShortText(key('other'), text, context), undefined)
      assert.equal(openShortText(key('page', 2), text, context), undefined)
    }),
  )
  const text = sealShortText(page, 'value', 'client')
  for (let i = 0; i < text.length; i++) {
    const changed = text.slice(0, i) + (text[i] === 'A' ? 'B' : 'A') + text.slice(i + 1)
    assert.equal(openShortText(page, changed, 'client'), undefined)
  }
  for (const forged of ['', 'x', `${text}A`, `${text}=`, ` ${text}`, '💥'])
    assert.equal(openShortText(page, forged, 'client'), undefined)
})
