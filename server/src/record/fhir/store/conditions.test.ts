import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '#db'
import { FaultError } from '#kernel'
import { type ConditionSearch, Conditions, canonicalQuery } from './conditions.ts'
import type { Caller } from './write-request.ts'

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

/** A search in which each query matches what `found` holds for it, and how often it was asked. */
function searchOf(found: Map<string, number[]>): { search: ConditionSearch; asked: () => number } {
  let asked = 0
  const search = {
    find: async (_caller: unknown, _type: string, query: string) => {
      asked++
      return (found.get(query) ?? []).map((rid) => ({ rid }))
    },
  }
  return { search: search as unknown as ConditionSearch, asked: () => asked }
}
const caller = { tenant: 1 } as Caller
const connection = {} as Connection

test('a condition is asked once, and holds for as long as it is answered the same', async () => {
  const found = new Map([['a=1', [7]]])
  const { search, asked } = searchOf(found)
  const conditions = new Conditions(search, caller)
  assert.equal((await conditions.match('Patient', 'a=1')).matched, 7)
  assert.equal((await conditions.match('Patient', 'a=1')).matched, 7)
  assert.equal((await conditions.match('Patient', 'a=2')).matched, 0)
  assert.equal(asked(), 2)
  assert.ok(await conditions.stillHold(connection))
  for (const other of [[], [8], [7, 8]]) {
    found.set('a=1', other)
    assert.equal(await conditions.stillHold(connection), false, other.join())
  }
  found.set('a=1', [7]).set('a=2', [9])
  assert.equal(await conditions.stillHold(connection), false)
})

test('5,000 conditions are asked, in turns, and looked at again; one more is refused', async () => {
  const found = new Map<string, number[]>()
  const { search, asked } = searchOf(found)
  const conditions = new Conditions(search, caller)
  await Promise.all(Array.from({ length: 5_000 }, (_, i) => conditions.match('Patient', `a=${i}`)))
  assert.equal(await outcome(conditions.match('Patient', 'a=5000')), 'fhir.condition.too-many')
  assert.equal((await conditions.match('Patient', 'a=4999')).matched, 0, 'a known one is none more')
  assert.equal(asked(), 5_000)
  assert.ok(await conditions.stillHold(connection))
  assert.equal(asked(), 10_000)
  found.set('a=4999', [1])
  assert.equal(await conditions.stillHold(connection), false)
})

test('the second look stops when it is late', async () => {
  const { search, asked } = searchOf(new Map())
  const conditions = new Conditions(search, caller)
  await conditions.match('Patient', 'a=1')
  await assert.rejects(conditions.stillHold(connection, AbortSignal.abort()))
  assert.equal(asked(), 1)
})
