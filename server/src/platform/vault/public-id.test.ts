import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createPublicIds } from './public-id.ts'

const secret = randomBytes(32)
const ids = createPublicIds(secret, 1, 'javascript')
const rid = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const type = fc.integer({ min: 1, max: 148 })

test('an id is a UUIDv8 that gives its resource number back', () => {
  fc.assert(
    fc.property(type, rid, (type, rid) => {
      const id = ids.publicId(type, rid)
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      assert.equal(ids.ridOf(type, id), rid)
      assert.equal(createPublicIds(secret, 1, 'native').publicId(type, rid), id)
    }),
  )
  for (const edge of [1, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER])
    assert.equal(ids.ridOf(9, ids.publicId(9, edge)), edge)
})

test('an id is worth nothing for another type, tenant or key', () => {
  fc.assert(
    fc.property(type, rid, (type, rid) => {
      const id = ids.publicId(type, rid)
      assert.equal(ids.ridOf(type + 1, id), undefined)
      assert.equal(createPublicIds(secret, 2, 'javascript').ridOf(type, id), undefined)
      assert.equal(createPublicIds(randomBytes(32), 1, 'javascript').ridOf(type, id), undefined)
    }),
  )
})

test('any changed digit makes it unknown', () => {
  const id = ids.publicId(5, 123_456_789)
  for (let i = 0; i < id.length; i++)
    for (const digit of '0123456789abcdef-A') {
      const changed = id.slice(0, i) + digit + id.slice(i + 1)
      if (changed !== id) assert.equal(ids.ridOf(5, changed), undefined, changed)
    }
})

test('text that is no id of ours is unknown, whatever it is', () => {
  const id = ids.publicId(5, 1)
  for (const text of [
    '',
    'foo',
    id.toUpperCase(),
    `${id} `,
    id.slice(1),
    id.replaceAll('-', ''),
    `${id.slice(0, 35)}é`,
    '漢'.repeat(36),
  ])
    assert.equal(ids.ridOf(5, text), undefined)
  fc.assert(fc.property(fc.uuid(), (uuid) => ids.ridOf(5, uuid) === undefined))
})

test('ids of neighbours share no visible part, so creation order and volume stay private', () => {
  const [a, b] = [ids.publicId(5, 1000), ids.publicId(5, 1001)] as const
  assert.notEqual(a.slice(0, 8), b.slice(0, 8))
  assert.notEqual(a.slice(0, 13), b.slice(0, 13))
})

test('zero, fractions and unsafe numbers are bugs', () => {
  for (const bad of [0, -1, 1.5, Number.MAX_SAFE_INTEGER + 1, Number.NaN]) assert.throws(() => ids.publicId(5, bad))
})
