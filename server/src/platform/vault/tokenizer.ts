import { HMAC_WORDS, type HmacKey, hmacDigest, hmacKey } from './hmac.ts'

/**
 * Kinds whose values come from code systems, not from a person, and are remembered between calls. Everything
 * else (names, identifiers, telephone numbers, prefixes, dates) is computed each time and leaves nothing in memory.
 */
export const REMEMBERED_KINDS: ReadonlySet<string> = new Set(['code', 'coding', 'system', 'unit', 'uri'])

/** Remembered tokens of one tenant: a busy record uses a few thousand distinct codes; 32,768 take about 4 MB. */
const REMEMBERED_MAX = 32_768
/** Longer values are not worth remembering: real codes with their system URL stay below. */
const REMEMBERED_LENGTH_MAX = 128
/** Leaves are named by code, about 4,000 for all of R4; the limit only guards against a caller that names them by data. */
const LEAVES_MAX = 20_000

/** Turns search values into 64-bit keyed tokens of one tenant; see `Vault.tokenizer`. */
export interface Tokenizer {
  /** The token as 8 bytes, big-endian: PostgreSQL's binary bigint. */
  token(leaf: string, kind: string, value: string): Buffer
  /** Writes the 8 bytes at `offset` of `target`, without allocating. */
  into(target: Buffer, offset: number, leaf: string, kind: string, value: string): void
  /** The token as the signed number PostgreSQL shows. */
  signed(leaf: string, kind: string, value: string): bigint
}

interface Leaf {
  key: HmacKey
  /** Value to its place in `remembered`; absent for kinds that may hold what identifies a person. */
  places: Map<string, number> | undefined
}

/**
 * HMAC-SHA-256 truncated to 64 bits, under a key of its own per leaf and kind: HMAC(index key, leaf \0 kind).
 * Deriving first lets the key state be kept per leaf, so a token costs two compressions however long the leaf's name.
 */
export function createTokenizer(indexKey: Buffer, implementation: 'javascript' | 'native'): Tokenizer {
  const root = hmacKey(indexKey, implementation)
  const leaves = new Map<string, Map<string, Leaf>>()
  let leafCount = 0
  let remembered = new Int32Array(2048)
  let rememberedCount = 0
  let high = 0
  let low = 0

  function leafOf(name: string, kind: string): Leaf {
    const known = leaves.get(name)?.get(kind)
    if (known) return known
    if (++leafCount > LEAVES_MAX) throw new RangeError('search leaves must be named by code, not by data')
    const key = hmacKey(hmacDigest(root, `${name}\0${kind}`), implementation)
    const leaf = { key, places: REMEMBERED_KINDS.has(kind) ? new Map<string, number>() : undefined }
    const kinds = leaves.get(name) ?? new Map<string, Leaf>()
    leaves.set(name, kinds.set(kind, leaf))
    return leaf
  }

  function remember(places: Map<string, number>, value: string): void {
    if (rememberedCount === REMEMBERED_MAX) {
      for (const kinds of leaves.values()) for (const leaf of kinds.values()) leaf.places?.clear()
      rememberedCount = 0
    }
    if (rememberedCount * 2 === remembered.length) {
      const grown = new Int32Array(remembered.length * 2)
      grown.set(remembered)
      remembered = grown
    }
    remembered[rememberedCount * 2] = high
    remembered[rememberedCount * 2 + 1] = low
    places.set(value, rememberedCount++)
  }

  function compute(name: string, kind: string, value: string): void {
    const leaf = leafOf(name, kind)
    const place = leaf.places?.get(value)
    if (place !== undefined) {
      high = remembered[place * 2] as number
      low = remembered[place * 2 + 1] as number
      return
    }
    leaf.key.compute(value)
    high = HMAC_WORDS[0] as number
    low = HMAC_WORDS[1] as number
    if (leaf.places && value.length <= REMEMBERED_LENGTH_MAX) remember(leaf.places, value)
  }

  function into(target: Buffer, offset: number, leaf: string, kind: string, value: string): void {
    compute(leaf, kind, value)
    target.writeInt32BE(high, offset)
    target.writeInt32BE(low, offset + 4)
  }

  return {
    into,
    token(leaf, kind, value) {
      const token = Buffer.allocUnsafe(8)
      into(token, 0, leaf, kind, value)
      return token
    },
    signed(leaf, kind, value) {
      compute(leaf, kind, value)
      return (BigInt(high) << 32n) | BigInt(low >>> 0)
    },
  }
}
