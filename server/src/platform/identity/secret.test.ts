import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError } from '#kernel'
import { createSecretChecks, hashSecret, NOBODYS_HASH, newSecret } from './secret.ts'

const checks = createSecretChecks()
const secretMatches = (secret: string, stored: string, address = '10.0.0.1'): Promise<boolean> =>
  checks.matches({ secret, stored, address })

test('a secret matches its own hash and no other does', async () => {
  const stored = await hashSecret('correct horse')
  assert.equal(await secretMatches('correct horse', stored), true)
  for (const wrong of ['', 'correct hors', 'correct horse ', 'Correct horse', stored])
    assert.equal(await secretMatches(wrong, stored), false, wrong)
})

test('two hashes of one secret differ', async () => {
  assert.notEqual(await hashSecret('same secret'), await hashSecret('same secret'))
})

test('nothing matches a damaged hash or the hash of unknown clients', async () => {
  for (const stored of ['', 'plain', 'scrypt$14$8$5$$', NOBODYS_HASH])
    assert.equal(await secretMatches('', stored), false)
})

test('a new secret is 256 random bits', () => {
  assert.equal(Buffer.from(newSecret(), 'base64url').length, 32)
  assert.notEqual(newSecret(), newSecret())
})

test('a secret that was right before is right again, and only that one', async () => {
  const stored = await hashSecret('correct horse')
  for (let i = 0; i < 3; i++) assert.equal(await secretMatches('correct horse', stored), true)
  assert.equal(await secretMatches('wrong horse', stored), false)
  assert.equal(await secretMatches('correct horse', await hashSecret('another')), false)
})

test('a flood of wrong secrets from one address is answered busy and holds up nobody else', async () => {
  const [known, unknown] = [await hashSecret('known secret'), await hashSecret('unknown secret')]
  await secretMatches('known secret', known)
  const flood = Promise.allSettled(Array.from({ length: 40 }, () => secretMatches('guess', NOBODYS_HASH)))
  assert.equal(await secretMatches('known secret', known), true)
  assert.equal(await secretMatches('unknown secret', unknown, '10.0.0.2'), true)
  const busy = (await flood).filter((result) => result.status === 'rejected')
  assert.equal(busy.length, 24)
  for (const { reason } of busy) assert.ok(reason instanceof FaultError && reason.fault.code === 'identity.busy')
  assert.equal(await secretMatches('unknown secret', unknown), true)
})

test('a flood from many addresses is answered busy instead of waiting without end', async () => {
  const flood = Array.from({ length: 60 }, (_, i) => secretMatches('guess', NOBODYS_HASH, `10.0.1.${i}`))
  const busy = (await Promise.allSettled(flood)).filter((result) => result.status === 'rejected')
  assert.equal(busy.length, 12)
})
