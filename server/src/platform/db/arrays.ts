/**
 * PostgreSQL arrays in binary, for parameters of `unnest($1::bigint[])`. Each encoder makes one allocation and no
 * object per item: they run for every row written. Layout: array_send() in PostgreSQL's arrayfuncs.c.
 */

const OID = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, text: 25, float8: 701 } as const

/** Dimensions, has-null flag, element type; then length and lower bound of the one dimension. */
const HEADER_BYTES = 20
const EMPTY_BYTES = 12
const TWO_POW_32 = 4_294_967_296

function start(count: number, oid: number, dataBytes: number, hasNull: boolean): Buffer {
  if (count === 0) {
    const empty = Buffer.alloc(EMPTY_BYTES)
    empty.writeInt32BE(oid, 8)
    return empty
  }
  const out = Buffer.allocUnsafe(HEADER_BYTES + dataBytes)
  out.writeInt32BE(1, 0)
  out.writeInt32BE(hasNull ? 1 : 0, 4)
  out.writeInt32BE(oid, 8)
  out.writeInt32BE(count, 12)
  out.writeInt32BE(1, 16)
  return out
}

/**
 * `bigint[]` from safe integers (null allowed), from a BigInt64Array, or from a Buffer of big-endian 8-byte items such
 * as keyed tokens. A number beyond 2^53 is a bug and throws.
 */
export function int8Array(values: readonly (number | bigint | null)[] | BigInt64Array | Buffer): Buffer {
  if (Buffer.isBuffer(values)) return int8ArrayOf([values])
  if (values instanceof BigInt64Array) return fromBigInts(values)
  let nulls = 0
  for (const value of values) if (value === null) nulls++
  const count = values.length
  const out = start(count, OID.int8, count * 12 - nulls * 8, nulls > 0)
  let at = HEADER_BYTES
  for (const value of values) {
    if (value === null) {
      at = out.writeInt32BE(-1, at)
    } else if (typeof value === 'bigint') {
      at = out.writeInt32BE(8, at)
      at = out.writeBigInt64BE(value, at)
    } else {
      if (!Number.isSafeInteger(value)) throw new RangeError('not a safe integer')
      at = out.writeInt32BE(8, at)
      at = out.writeInt32BE(Math.floor(value / TWO_POW_32), at)
      at = out.writeUInt32BE(value >>> 0, at)
    }
  }
  return out
}

function fromBigInts(values: BigInt64Array): Buffer {
  const out = start(values.length, OID.int8, values.length * 12, false)
  let at = HEADER_BYTES
  for (const value of values) {
    at = out.writeInt32BE(8, at)
    at = out.writeBigInt64BE(value, at)
  }
  return out
}

/** `bigint[]` from chunks of big-endian 8-byte items laid end to end: the tokens of several resources as one array. */
export function int8ArrayOf(chunks: readonly Buffer[]): Buffer {
  let bytes = 0
  for (const chunk of chunks) bytes += chunk.length
  if (bytes % 8 !== 0) throw new RangeError('tokens are 8 bytes each')
  const count = bytes / 8
  const out = start(count, OID.int8, count * 12, false)
  let at = HEADER_BYTES
  for (const chunk of chunks) {
    if (chunk.length % 8 !== 0) throw new RangeError('tokens are 8 bytes each')
    for (let from = 0; from < chunk.length; from += 8) {
      at = out.writeInt32BE(8, at)
      at = out.writeInt32BE(chunk.readInt32BE(from), at)
      at = out.writeInt32BE(chunk.readInt32BE(from + 4), at)
    }
  }
  return out
}

/** `int[]`. Null allowed; a value out of range throws. */
export function int4Array(values: readonly (number | null)[]): Buffer {
  let nulls = 0
  for (const value of values) if (value === null) nulls++
  const out = start(values.length, OID.int4, values.length * 8 - nulls * 4, nulls > 0)
  let at = HEADER_BYTES
  for (const value of values) {
    if (value === null) {
      at = out.writeInt32BE(-1, at)
    } else {
      at = out.writeInt32BE(4, at)
      at = out.writeInt32BE(value, at)
    }
  }
  return out
}

/** `smallint[]`. Null allowed; a value out of range throws. */
export function int2Array(values: readonly (number | null)[]): Buffer {
  let nulls = 0
  for (const value of values) if (value === null) nulls++
  const out = start(values.length, OID.int2, values.length * 6 - nulls * 2, nulls > 0)
  let at = HEADER_BYTES
  for (const value of values) {
    if (value === null) {
      at = out.writeInt32BE(-1, at)
    } else {
      at = out.writeInt32BE(2, at)
      at = out.writeInt16BE(value, at)
    }
  }
  return out
}

/** `float8[]`. Null allowed. */
export function float8Array(values: readonly (number | null)[] | Float64Array): Buffer {
  let nulls = 0
  for (const value of values) if (value === null) nulls++
  const out = start(values.length, OID.float8, values.length * 12 - nulls * 8, nulls > 0)
  let at = HEADER_BYTES
  for (const value of values) {
    if (value === null) {
      at = out.writeInt32BE(-1, at)
    } else {
      at = out.writeInt32BE(8, at)
      at = out.writeDoubleBE(value, at)
    }
  }
  return out
}

/** `boolean[]`. Null allowed. */
export function boolArray(values: readonly (boolean | null)[]): Buffer {
  let nulls = 0
  for (const value of values) if (value === null) nulls++
  const out = start(values.length, OID.bool, values.length * 5 - nulls, nulls > 0)
  let at = HEADER_BYTES
  for (const value of values) {
    if (value === null) {
      at = out.writeInt32BE(-1, at)
    } else {
      at = out.writeInt32BE(1, at)
      out[at++] = value ? 1 : 0
    }
  }
  return out
}

/** `bytea[]`. Null allowed. Copies the items once, into the parameter. */
export function byteaArray(values: readonly (Uint8Array | null)[]): Buffer {
  let bytes = 0
  let nulls = 0
  for (const value of values) {
    if (value === null) nulls++
    else bytes += value.length
  }
  const out = start(values.length, OID.bytea, values.length * 4 + bytes, nulls > 0)
  let at = HEADER_BYTES
  for (const value of values) {
    if (value === null) {
      at = out.writeInt32BE(-1, at)
    } else {
      at = out.writeInt32BE(value.length, at)
      out.set(value, at)
      at += value.length
    }
  }
  return out
}

/** `text[]`. Null allowed. */
export function textArray(values: readonly (string | null)[]): Buffer {
  let bytes = 0
  let nulls = 0
  for (const value of values) {
    if (value === null) nulls++
    else bytes += Buffer.byteLength(value)
  }
  const out = start(values.length, OID.text, values.length * 4 + bytes, nulls > 0)
  let at = HEADER_BYTES
  for (const value of values) {
    if (value === null) {
      at = out.writeInt32BE(-1, at)
    } else {
      const written = out.write(value, at + 4)
      out.writeInt32BE(written, at)
      at += 4 + written
    }
  }
  return out
}
