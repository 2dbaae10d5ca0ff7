import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type TestDatabase, testDatabase } from '../../../../test/fixtures/database.ts'
import {
  boolArray,
  byteaArray,
  float8Array,
  int2Array,
  int4Array,
  int8Array,
  int8ArrayOf,
  textArray,
} from './arrays.ts'
import { type Connection, openConnection } from './connection.ts'

let database: TestDatabase
let connection: Connection

before(async () => {
  database = await testDatabase()
  connection = await openConnection({ url: database.url })
})
after(async () => {
  await connection.close()
  await database.drop()
})

async function unnested(type: string, array: Buffer): Promise<unknown[]> {
  const rows = await connection.query(
    { text: `select x from unnest($1::${type}[]) with ordinality as u(x, n) order by n` },
    [array],
  )
  return rows.map((row) => row[0])
}

test('numbers of 53 bits arrive as they left, null too', async () => {
  const values = [
    0,
    1,
    -1,
    2 ** 31,
    -(2 ** 31) - 1,
    2 ** 32,
    -(2 ** 32),
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
    null,
  ]
  assert.deepEqual(await unnested('bigint', int8Array(values)), values)
})

test('64-bit tokens arrive as bigint when a number cannot hold them', async () => {
  const values = [2n ** 63n - 1n, -(2n ** 63n), 5n]
  const expected = [2n ** 63n - 1n, -(2n ** 63n), 5]
  assert.deepEqual(await unnested('bigint', int8Array(values)), expected)
  assert.deepEqual(await unnested('bigint', int8Array(new BigInt64Array(values))), expected)
  const tokens = Buffer.alloc(24)
  for (const [index, value] of values.entries()) tokens.writeBigInt64BE(value, index * 8)
  assert.deepEqual(await unnested('bigint', int8Array(tokens)), expected)
  assert.deepEqual(
    await unnested('bigint', int8ArrayOf([tokens.subarray(0, 8), Buffer.alloc(0), tokens.subarray(8)])),
    expected,
  )
})

test('the other types arrive as they left', async () => {
  assert.deepEqual(await unnested('int', int4Array([1, -(2 ** 31), 2 ** 31 - 1, null])), [
    1,
    -(2 ** 31),
    2 ** 31 - 1,
    null,
  ])
  assert.deepEqual(await unnested('smallint', int2Array([1, -32_768, 32_767, null])), [1, -32_768, 32_767, null])
  const reals = [0.1, -1.5e300, Number.MIN_VALUE, 37.2, null]
  assert.deepEqual(await unnested('float8', float8Array(reals)), reals)
  assert.deepEqual(await unnested('float8', float8Array(new Float64Array([1.25]))), [1.25])
  assert.deepEqual(await unnested('boolean', boolArray([true, false, null])), [true, false, null])
  const blobs = [Buffer.from([0, 255, 92, 44]), Buffer.alloc(0), null, Buffer.alloc(70_000, 7)]
  assert.deepEqual(await unnested('bytea', byteaArray(blobs)), blobs)
  const texts = ['a', '', 'Zoë, "quoted" \\ {}', null, '漢字']
  assert.deepEqual(await unnested('text', textArray(texts)), texts)
})

test('an empty array is empty, not null', async () => {
  const empties = {
    bigint: int8Array([]),
    int: int4Array([]),
    smallint: int2Array([]),
    float8: float8Array([]),
    boolean: boolArray([]),
    bytea: byteaArray([]),
    text: textArray([]),
  }
  for (const [type, array] of Object.entries(empties)) {
    const rows = await connection.query({ text: `select cardinality($1::${type}[])` }, [array])
    assert.deepEqual(rows, [[0]], type)
  }
  assert.deepEqual(await unnested('bigint', int8Array(Buffer.alloc(0))), [])
})

test('what would be written wrong throws instead', () => {
  assert.throws(() => int8Array([2 ** 53]), RangeError)
  assert.throws(() => int8Array([1.5]), RangeError)
  assert.throws(() => int4Array([2 ** 31]), RangeError)
  assert.throws(() => int2Array([40_000]), RangeError)
  assert.throws(() => int8Array(Buffer.alloc(7)), RangeError)
  assert.throws(() => int8ArrayOf([Buffer.alloc(4), Buffer.alloc(4)]), RangeError)
})
