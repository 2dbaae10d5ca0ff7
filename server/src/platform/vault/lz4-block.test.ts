import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LZ4_INPUT_BYTES_MAX, lz4Compress, lz4Dictionary, lz4Expand } from './lz4-block.ts'

const none = lz4Dictionary(Buffer.alloc(0))
const preset = lz4Dictionary(
  Buffer.from('{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"'),
)

/** Pieces that repeat, as JSON does, among random bytes. */
const bodies = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom('"status":"final"', '{"resourceType":"Observation"', 'aaaaaaaaaaaaaaaaaaaaaaaa', '}')
        .map((text) => Buffer.from(text)),
      fc.integer({ min: 1, max: 700 }).map((length) => Buffer.alloc(length, 'ab')),
    ),
    { maxLength: 30 },
  )
  .map((parts) => Buffer.concat(parts).subarray(0, LZ4_INPUT_BYTES_MAX))

test('any body comes back, with and without a dictionary', () => {
  fc.assert(
    fc.property(bodies, fc.constantFrom(none, preset), (body, dictionary) => {
      const block = Buffer.from(lz4Compress(body, dictionary))
      assert.deepEqual(lz4Expand(block, dictionary, body.length), body)
    }),
    { numRuns: 500 },
  )
  for (const size of [0, 1, 4, 12, 13, LZ4_INPUT_BYTES_MAX]) {
    const body = Buffer.alloc(size, 'x')
    assert.deepEqual(lz4Expand(Buffer.from(lz4Compress(body, preset)), preset, size), body)
  }
})

test('blocks are those of the LZ4 format', () => {
  // Eight literals, then a match of four at a distance of eight overlapping nothing, then five last literals.
  const block = Buffer.concat([
    Buffer.of(0x80),
    Buffer.from('abcdefgh'),
    Buffer.of(8, 0),
    Buffer.of(0x50),
    Buffer.from('vwxyz'),
  ])
  assert.equal(lz4Expand(block, none, 17).toString(), 'abcdefghabcdvwxyz')
  // One literal, a match that overlaps itself with a long length (15 + 5 + 4), then the last literals.
  const run = Buffer.concat([
    Buffer.of(0x1f),
    Buffer.from('a'),
    Buffer.of(1, 0, 5),
    Buffer.of(0x50),
    Buffer.from('bbbbb'),
  ])
  assert.equal(lz4Expand(run, none, 30).toString(), `${'a'.repeat(25)}bbbbb`)
  // A match that begins in the dictionary and runs on into the output.
  const across = Buffer.concat([Buffer.of(0x04), Buffer.of(4, 0), Buffer.of(0x50), Buffer.from('12345')])
  assert.equal(lz4Expand(across, lz4Dictionary(Buffer.from('wxyz')), 13).toString(), 'wxyzwxyz12345')
  // The last five bytes are literals, and no match begins in the last twelve.
  assert.equal(lz4Compress(Buffer.alloc(12, 'a'), none).length, 13)
  assert.deepEqual([...lz4Compress(Buffer.alloc(13, 'a'), none)], [0x13, 97, 1, 0, 0x50, 97, 97, 97, 97, 97])
})

test('a damaged block is refused, whatever the damage, without reading or writing beyond its bytes', () => {
  const body = Buffer.from('{"resourceType":"Observation","status":"final"}'.repeat(3))
  const block = Buffer.from(lz4Compress(body, preset))
  for (const size of [0, body.length - 1, body.length + 1])
    assert.throws(() => lz4Expand(block, preset, size), RangeError)
  for (let length = 0; length < block.length; length++)
    assert.throws(() => lz4Expand(block.subarray(0, length), preset, body.length), RangeError)
  assert.throws(() => lz4Expand(Buffer.of(0x00, 9, 0), none, 4), RangeError)
  assert.throws(() => lz4Expand(Buffer.of(0x10, 97, 0, 0, 0x50, 1, 2, 3, 4, 5), none, 10), RangeError)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 400 }), (bytes, size) => {
      try {
        assert.equal(lz4Expand(Buffer.from(bytes), preset, size).length, size)
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error))
      }
    }),
    { numRuns: 2_000 },
  )
})
