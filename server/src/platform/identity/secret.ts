import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { raise } from '#kernel'

/**
 * scrypt N=2^14 r=8 p=5, of the equal settings OWASP recommends the one with the least memory (16 MB); 120 ms on one core.
 * Source: OWASP Password Storage Cheat Sheet, 2025. A bootstrap secret may be weak, so every secret is treated as a password.
 */
const COST_LOG2 = 14
const BLOCK = 8
const PARALLEL = 5
const HASH_BYTES = 32
const SALT_BYTES = 16
/** Two of libuv's four threads: secret checks never starve file and name look-ups. */
const CHECKS_AT_ONCE_MAX = 2
/** Checks that may wait, about 2 s of work; beyond it the answer is busy. */
const CHECKS_WAITING_MAX = 32

let running = 0
const waiting: (() => void)[] = []

/** 32 random bytes as base64url: needs no escaping in HTTP Basic. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** `scrypt$<log2 N>$<r>$<p>$<salt>$<hash>`, with a salt of its own. The cost is stored so that it can be raised later. */
export async function hashSecret(secret: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(secret, salt, COST_LOG2, BLOCK, PARALLEL)
  return `scrypt$${COST_LOG2}$${BLOCK}$${PARALLEL}$${salt.toString('base64url')}$${hash.toString('base64url')}`
}

/** Whether `secret` is the one hashed; compared in constant time. */
export async function secretMatches(secret: string, stored: string): Promise<boolean> {
  const [, cost, block, parallel, salt, hash] = stored.split('$')
  if (!cost || !block || !parallel || !salt || !hash) return false
  const expected = Buffer.from(hash, 'base64url')
  const actual = await derive(secret, Buffer.from(salt, 'base64url'), Number(cost), Number(block), Number(parallel))
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}

/** A hash no secret has: checked for unknown clients, so that they take as long as a wrong secret. */
export const NOBODYS_HASH = `scrypt$${COST_LOG2}$${BLOCK}$${PARALLEL}$${randomBytes(SALT_BYTES).toString('base64url')}$${randomBytes(HASH_BYTES).toString('base64url')}`

async function derive(secret: string, salt: Buffer, log2: number, block: number, parallel: number): Promise<Buffer> {
  await turn()
  try {
    const options: ScryptOptions = { N: 2 ** log2, r: block, p: parallel, maxmem: 256 * 2 ** log2 * block }
    return await new Promise<Buffer>((resolve, reject) => {
      scrypt(secret, salt, HASH_BYTES, options, (error, key) => (error ? reject(error) : resolve(key)))
    })
  } finally {
    // The slot is handed on, so that nobody who comes in between takes it too.
    const next = waiting.shift()
    if (next) next()
    else running--
  }
}

async function turn(): Promise<void> {
  if (running < CHECKS_AT_ONCE_MAX) {
    running++
    return
  }
  if (waiting.length >= CHECKS_WAITING_MAX)
    raise({
      category: 'busy',
      code: 'identity.busy',
      message: 'Too many clients are asking for tokens at once. Retry in a few seconds.',
    })
  await new Promise<void>((resolve) => waiting.push(resolve))
}
