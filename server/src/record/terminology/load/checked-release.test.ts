import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError } from '#kernel'
import { checkedRelease } from './checked-release.ts'
import type { Release, ReleaseItem } from './release.ts'

function release(items: readonly ReleaseItem[], version = '1'): Release {
  return {
    head: {
      url: 'http://test.example/system',
      version,
      name: 'Test',
      title: 'Test',
      language: 'en',
      isCaseSensitive: true,
      properties: [],
    },
    async *items() {
      yield items
    },
  }
}

async function read(items: readonly ReleaseItem[]): Promise<number> {
  let count = 0
  for await (const some of checkedRelease(release(items)).items()) count += some.length
  return count
}

test('what a release may hold passes, what no code or value can be does not', async () => {
  const good: ReleaseItem[] = [
    { kind: 'concept', code: 'a b', display: 'x' },
    { kind: 'designation', code: 'a b', value: '' },
    { kind: 'parent', code: 'a b', parent: 'c' },
  ]
  assert.equal(await read(good), 3)
  const bad: ReleaseItem[] = [
    { kind: 'concept', code: '' },
    { kind: 'concept', code: ' a' },
    { kind: 'concept', code: 'x'.repeat(300) },
    { kind: 'concept', code: 'a', display: 'zero\0byte' },
    { kind: 'parent', code: 'a', parent: 'zero\0byte' },
    { kind: 'member', code: 'a', set: '' },
    { kind: 'property', code: 'a', property: 'p', value: 'x'.repeat(70_000) },
    { kind: 'designation', code: 'a', value: 'x'.repeat(70_000) },
    { kind: 'designation', code: 'a', value: 'x', language: 'e\0' },
  ]
  for (const item of bad)
    await assert.rejects(
      read([...good, item]),
      (error: unknown) => error instanceof FaultError && error.fault.code === 'terminology.load.layout',
      JSON.stringify(item).slice(0, 100),
    )
})

test('what can be no version is refused at once', () => {
  for (const version of ['', 'a b', 'a|b', 'zero\0byte', 'x'.repeat(200)])
    assert.throws(
      () => checkedRelease(release([], version)),
      (error: unknown) => error instanceof FaultError && error.fault.code === 'terminology.load.version-unknown',
    )
})
