import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError } from '#kernel'
import { canonicalQuery } from './conditions.ts'
import { pendingConditions } from './pending-conditions.ts'

test('one condition has one text, however it is escaped, ordered or addressed', () => {
  const canonical = canonicalQuery('identifier=urn:a|1&active=true')
  for (const same of [
    'active=true&identifier=urn:a|1',
    'identifier=urn%3Aa%7C1&active=true',
    'Patient?identifier=urn:a|1&active=true',
    '?identifier=urn:a|1&active=true&_format=json&_pretty=true',
  ])
    assert.equal(canonicalQuery(same), canonical)
  assert.notEqual(canonicalQuery('identifier=urn:a|2&active=true'), canonical)
  assert.equal(canonicalQuery(''), '')
})

test('a question mark inside a value stays part of it', () => {
  assert.equal(new URLSearchParams(canonicalQuery('identifier=http://x?y|1')).get('identifier'), 'http://x?y|1')
  assert.equal(new URLSearchParams(canonicalQuery('Patient?identifier=http://x?y|1')).get('identifier'), 'http://x?y|1')
})

const outcome = (work: Promise<unknown>): Promise<unknown> =>
  work.catch((error: unknown) => (error instanceof FaultError ? error.fault.code : error))

test('of writes that decide on one condition one runs, and the others start again when it has ended', async () => {
  const pending = pendingConditions()
  let end = (): void => undefined
  const first = pending.run(['a', 'b'], () => new Promise<void>((resolve) => (end = resolve)))
  let ended = false
  const second = outcome(pending.run(['b', 'c'], async () => 'ran')).then((value) => {
    assert.ok(ended)
    return value
  })
  assert.equal(await pending.run(['c'], async () => 'ran'), 'ran', 'a write that waits holds nothing')
  ended = true
  end()
  await first
  assert.equal(await second, 'audit.ledger.race-lost')
  assert.equal(await pending.run(['b', 'c'], async () => 'ran'), 'ran')
})

test('a write that fails leaves the condition free', async () => {
  const pending = pendingConditions()
  await assert.rejects(pending.run(['a'], () => Promise.reject(new Error('x'))))
  assert.equal(await pending.run(['a'], async () => 'ran'), 'ran')
})
