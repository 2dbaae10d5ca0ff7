import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createTokenizer } from './tokenizer.ts'

const key = randomBytes(32)
const tokenizer = createTokenizer(key, 'javascript')

test('a token is the truncated HMAC of the value under the key of its leaf and kind', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('Patient.family', 'Observation.code'),
      fc.constantFrom('prefix', 'coding'),
      fc.string({ unit: 'grapheme' }),
      (leaf, kind, value) => {
        const leafKey = createHmac('sha256', key).update(`${leaf}\0${kind}`).digest()
        const expected = createHmac('sha256', leafKey).update(value).digest().subarray(0, 8)
        assert.deepEqual(tokenizer.token(leaf, kind, value), expected)
        // Twice: the second answer of a code comes from memory.
        assert.deepEqual(tokenizer.token(leaf, kind, value), expected)
        assert.equal(tokenizer.signed(leaf, kind, value), expected.readBigInt64BE())
      },
    ),
  )
})

test('native and JavaScript tokenizers agree, so a record may move into FIPS mode', () => {
  const native = createTokenizer(key, 'native')
  for (const value of ['smith', 'http://loinc.org|8480-6', 'é', ''])
    assert.deepEqual(native.token('X.y', 'code', value), tokenizer.token('X.y', 'code', value))
})

test('the same value differs between leaves, kinds and tenants', () => {
  const other = createTokenizer(randomBytes(32), 'javascript')
  const tokens = [
    tokenizer.token('Patient.family', 'prefix', 'smith'),
    tokenizer.token('Patient.given', 'prefix', 'smith'),
    tokenizer.token('Patient.family', 'exact', 'smith'),
    tokenizer.token('Patient.familyprefix', '', 'smith'),
    other.token('Patient.family', 'prefix', 'smith'),
  ].map((token) => token.toString('hex'))
  assert.equal(new Set(tokens).size, tokens.length)
})

test('more codes than are remembered still give the right tokens', () => {
  const fresh = createTokenizer(key, 'javascript')
  const before = fresh.token('Observation.code', 'coding', 'c0').toString('hex')
  for (let i = 0; i < 70_000; i++) fresh.signed('Observation.code', 'coding', `c${i}`)
  for (const i of [0, 1, 32_767, 32_768, 69_999])
    assert.deepEqual(
      fresh.token('Observation.code', 'coding', `c${i}`),
      tokenizer.token('Observation.code', 'coding', `c${i}`),
    )
  assert.equal(fresh.token('Observation.code', 'coding', 'c0').toString('hex'), before)
})

test('into writes at its offset and nowhere else', () => {
  const target = Buffer.alloc(24, 0xee)
  tokenizer.into(target, 8, 'Patient.family', 'prefix', 'sm')
  assert.deepEqual(target.subarray(8, 16), tokenizer.token('Patient.family', 'prefix', 'sm'))
  assert.ok(target.subarray(0, 8).every((byte) => byte === 0xee) && target.subarray(16).every((byte) => byte === 0xee))
})

test('leaves named by data are refused', () => {
  const fresh = createTokenizer(key, 'javascript')
  assert.throws(() => {
    for (let i = 0; i < 30_000; i++) fresh.token(`leaf ${i}`, 'prefix', 'x')
  }, RangeError)
})
