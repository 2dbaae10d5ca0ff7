import { createHmac, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
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
/** Checks under way and waiting, about 3 s of work; beyond it the answer is busy. */
const CHECKS_MAX = 48
/** Those of one address: a flood from there leaves two thirds of the places to others. */
const CHECKS_PER_ADDRESS_MAX = 16
/** Secrets known to be right; beyond it the first is checked the slow way again. */
const REMEMBERED_MAX = 1_000

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

/** A hash no secret has: checked for unknown clients, so that they take as long as a wrong secret. */
export const NOBODYS_HASH = `scrypt$${COST_LOG2}$${BLOCK}$${PARALLEL}$${randomBytes(SALT_BYTES).toString('base64url')}$${randomBytes(HASH_BYTES).toString('base64url')}`

/** Checks secrets, a few at a time; one per process. */
export interface SecretChecks {
  /**
   * Whether `secret` is the one hashed; compared in constant time.
   * A secret that was right before is known again by a keyed hash, so that a flood of wrong ones never holds it up.
   * @throws `identity.busy`
   */
  matches(attempt: { secret: string; stored: string; address: string }): Promise<boolean>
}

export function createSecretChecks(): SecretChecks {
  const key = randomBytes(HASH_BYTES)
  const right = new Map<string, Buffer>()
  const queue = createQueue()
  return {
    matches: async ({ secret, stored, address }) => {
      const keyed = createHmac('sha256', key).update(secret).digest()
      const known = right.get(stored)
      if (known && timingSafeEqual(known, keyed)) return true
      const matches = await queue(address, () => hashMatches(secret, stored))
      if (matches) right.set(stored, keyed)
      const first = right.keys().next()
      if (right.size > REMEMBERED_MAX && !first.done) right.delete(first.value)
      return matches
    },
  }
}

async function hashMatches(secret: string, stored: string): Promise<boolean> {
  const [, cost, block, parallel, salt, hash] = stored.split('$')
  if (!cost || !block || !parallel || !salt || !hash) return false
  const expected = Buffer.from(hash, 'base64url')
  const actual = await derive(secret, Buffer.from(salt, 'base64url'), Number(cost), Number(block), Number(parallel))
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}

function derive(secret: string, salt: Buffer, log2: number, block: number, parallel: number): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** log2, r: block, p: parallel, maxmem: 256 * 2 ** log2 * block }
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, HASH_BYTES, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

type Queue = <T>(address: string, work: () => Promise<T>) => Promise<T>

function createQueue(): Queue {
  const waiting: (() => void)[] = []
  const byAddress = new Map<string, number>()
  let running = 0
  return async (address, work) => {
    const ofAddress = byAddress.get(address) ?? 0
    if (running + waiting.length >= CHECKS_MAX || ofAddress >= CHECKS_PER_ADDRESS_MAX)
      raise({
        category: 'busy',
        code: 'identity.busy',
        message: 'Too many clients are asking for tokens at once. Retry in a few seconds.',
      })
    byAddress.set(address, ofAddress + 1)
    if (running < CHECKS_AT_ONCE_MAX) running++
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const left = (byAddress.get(address) ?? 1) - 1
      if (left === 0) byAddress.delete(address)
      else byAddress.set(address, left)
      // The place is handed on, so that nobody who comes in between takes it too.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
