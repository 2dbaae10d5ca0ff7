import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { hmacDigest, hmacKey } from './hmac.ts'

const reference = (key: Buffer, message: string): Buffer => createHmac('sha256', key).update(message, 'utf8').digest()

test('our HMAC-SHA-256 equals node:crypto for every length around the block limits', () => {
  const key = randomBytes(32)
  const ours = hmacKey(key, 'javascript')
  for (let length = 0; length < 260; length++)
    for (const character of ['a', 'é', '漢', '😀'])
      assert.deepEqual(hmacDigest(ours, character.repeat(length)), reference(key, character.repeat(length)))
  const long = 'é'.repeat(100_000)
  assert.deepEqual(hmacDigest(ours, long), reference(key, long))
})

test('both implementations agree on any key and text, lone surrogates included', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 0, maxLength: 64 }),
      fc.string({ unit: 'binary', maxLength: 200 }),
      (bytes, message) => {
        const key = Buffer.from(bytes)
        const expected = reference(key, message)
        assert.deepEqual(hmacDigest(hmacKey(key, 'javascript'), message), expected)
        assert.deepEqual(hmacDigest(hmacKey(key, 'native'), message), expected)
      },
    ),
  )
})

test('RFC 4231 test case 2', () => {
  const digest = hmacDigest(hmacKey(Buffer.from('Jefe'), 'javascript'), 'what do ya want for nothing?')
  assert.equal(digest.toString('hex'), '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843')
})

test('a key longer than a block is refused rather than hashed wrongly', () => {
  assert.throws(() => hmacKey(Buffer.alloc(65), 'javascript'), RangeError)
})
