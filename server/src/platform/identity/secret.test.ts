import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError } from '#kernel'
import { hashSecret, NOBODYS_HASH, newSecret, secretMatches } from './secret.ts'

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

test('a flood of checks is answered busy instead of waiting without end', async () => {
  const results = await Promise.allSettled(Array.from({ length: 40 }, () => secretMatches('guess', NOBODYS_HASH)))
  const busy = results.filter((result) => result.status === 'rejected')
  assert.equal(busy.length, 6)
  for (const { reason } of busy) assert.ok(reason instanceof FaultError && reason.fault.code === 'identity.busy')
  assert.equal(await secretMatches('afterwards', await hashSecret('afterwards')), true)
})
