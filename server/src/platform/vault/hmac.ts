import { createHmac, createSecretKey } from 'node:crypto'

/**
 * HMAC-SHA-256 with the state of the key block kept, so that a short message costs two compressions instead of
 * four and no crossing into native code: 0.6 us against 2.5 us for `createHmac` (test/bench/vault.ts).
 * Checked against node:crypto in the boot self-test. In FIPS mode the native implementation is used instead,
 * because a JavaScript one is not a validated module.
 */
export interface HmacKey {
  /**
   * Computes HMAC(key, message) and leaves it in `HMAC_WORDS` as eight 32-bit words, to be read before the next
   * call. No allocation: tokens are made by the hundred for one patient.
   */
  compute(message: string): void
}

/** The result of the latest `compute`, big-endian words as signed 32-bit integers. One thread, so one is enough. */
export const HMAC_WORDS = new Int32Array(8)

export function hmacKey(key: Buffer, implementation: 'javascript' | 'native'): HmacKey {
  return implementation === 'native' ? nativeHmac(key) : javascriptHmac(key)
}

/** The whole 32 bytes, for deriving one key from another. */
export function hmacDigest(key: HmacKey, message: string): Buffer {
  key.compute(message)
  const digest = Buffer.allocUnsafe(32)
  for (let i = 0; i < 8; i++) digest.writeInt32BE(HMAC_WORDS[i] as number, i * 4)
  return digest
}

function nativeHmac(key: Buffer): HmacKey {
  const secret = createSecretKey(key)
  return {
    compute(message) {
      const digest = createHmac('sha256', secret).update(message, 'utf8').digest()
      for (let i = 0; i < 8; i++) HMAC_WORDS[i] = digest.readInt32BE(i * 4)
    },
  }
}

const BLOCK_BYTES = 64

function javascriptHmac(key: Buffer): HmacKey {
  if (key.length > BLOCK_BYTES) throw new RangeError('an HMAC key longer than one block would have to be hashed first')
  const inner = keyState(key, 0x36)
  const outer = keyState(key, 0x5c)
  return {
    compute(message) {
      state.set(inner)
      absorb(message)
      for (let i = 0; i < 8; i++) block[i] = state[i] as number
      block[8] = 0x80000000 | 0
      block.fill(0, 9, 15)
      block[15] = (BLOCK_BYTES + 32) * 8
      state.set(outer)
      compress()
      HMAC_WORDS.set(state)
    },
  }
}

function keyState(key: Buffer, pad: number): Int32Array {
  const padded = Buffer.alloc(BLOCK_BYTES, pad)
  for (let i = 0; i < key.length; i++) padded[i] = (key[i] as number) ^ pad
  for (let i = 0; i < 16; i++) block[i] = padded.readInt32BE(i * 4)
  state.set(INITIAL)
  compress()
  return state.slice()
}

/** Bytes of a message encoded without an allocation; longer ones are rare (a long note in `text`). */
const SCRATCH_BYTES = 4096
const scratch = Buffer.alloc(SCRATCH_BYTES)

/** Hash `message` on top of `state`, which has already taken one block, and finish with the SHA-256 padding. */
function absorb(message: string): void {
  if (message.length < 56 && absorbShortAscii(message)) return
  const fits = message.length * 3 <= SCRATCH_BYTES
  const bytes = fits ? scratch : Buffer.from(message, 'utf8')
  const length = fits ? scratch.write(message, 0, 'utf8') : bytes.length
  let position = 0
  for (; position + BLOCK_BYTES <= length; position += BLOCK_BYTES) {
    for (let i = 0; i < 16; i++) block[i] = bytes.readInt32BE(position + i * 4)
    compress()
  }
  block.fill(0)
  for (let i = position; i < length; i++) put(i - position, bytes[i] as number)
  put(length - position, 0x80)
  if (length - position >= 56) {
    compress()
    block.fill(0)
  }
  block[14] = Math.floor((BLOCK_BYTES + length) / 0x20000000)
  block[15] = ((BLOCK_BYTES + length) * 8) | 0
  compress()
}

/** Nearly every code, name and prefix: one block, straight from the string's characters. */
function absorbShortAscii(message: string): boolean {
  block.fill(0)
  const length = message.length
  for (let i = 0; i < length; i++) {
    const unit = message.charCodeAt(i)
    if (unit > 0x7f) return false
    put(i, unit)
  }
  put(length, 0x80)
  block[15] = (BLOCK_BYTES + length) * 8
  compress()
  return true
}

function put(index: number, byte: number): void {
  block[index >> 2] = (block[index >> 2] as number) | (byte << (24 - (index & 3) * 8))
}

const state = new Int32Array(8)
/** The block being hashed in the first sixteen words, then its schedule (FIPS 180-4, 6.2.2). */
const block = new Int32Array(64)

const INITIAL = Int32Array.from([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
])

const ROUND = Int32Array.from(
  `428a2f98 71374491 b5c0fbcf e9b5dba5 3956c25b 59f111f1 923f82a4 ab1c5ed5 d807aa98 12835b01 243185be 550c7dc3
   72be5d74 80deb1fe 9bdc06a7 c19bf174 e49b69c1 efbe4786 0fc19dc6 240ca1cc 2de92c6f 4a7484aa 5cb0a9dc 76f988da
   983e5152 a831c66d b00327c8 bf597fc7 c6e00bf3 d5a79147 06ca6351 14292967 27b70a85 2e1b2138 4d2c6dfc 53380d13
   650a7354 766a0abb 81c2c92e 92722c85 a2bfe8a1 a81a664b c24b8b70 c76c51a3 d192e819 d6990624 f40e3585 106aa070
   19a4c116 1e376c08 2748774c 34b0bcb5 391c0cb3 4ed8aa4a 5b9cca4f 682e6ff3 748f82ee 78a5636f 84c87814 8cc70208
   90befffa a4506ceb bef9a3f7 c67178f2`
    .trim()
    .split(/\s+/)
    .map((word) => Number.parseInt(word, 16) | 0),
)

/** One SHA-256 compression of `block` into `state` (FIPS 180-4, 6.2.2). */
function compress(): void {
  for (let i = 16; i < 64; i++) {
    const x = block[i - 15] as number
    const y = block[i - 2] as number
    const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    block[i] = ((block[i - 16] as number) + small0 + (block[i - 7] as number) + small1) | 0
  }
  let a = state[0] as number
  let b = state[1] as number
  let c = state[2] as number
  let d = state[3] as number
  let e = state[4] as number
  let f = state[5] as number
  let g = state[6] as number
  let h = state[7] as number
  for (let i = 0; i < 64; i++) {
    const big1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const t1 = (h + big1 + ((e & f) ^ (~e & g)) + (ROUND[i] as number) + (block[i] as number)) | 0
    const big0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const t2 = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  state[0] = ((state[0] as number) + a) | 0
  state[1] = ((state[1] as number) + b) | 0
  state[2] = ((state[2] as number) + c) | 0
  state[3] = ((state[3] as number) + d) | 0
  state[4] = ((state[4] as number) + e) | 0
  state[5] = ((state[5] as number) + f) | 0
  state[6] = ((state[6] as number) + g) | 0
  state[7] = ((state[7] as number) + h) | 0
}
