import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError, LIMITS } from '#kernel'
import { newestPerCode } from './newest-per-code.ts'
import { parseSearch } from './parse-search.ts'
import type { SearchDeps } from './search-deps.ts'

test('more candidates than may be looked at are refused before any is fetched', async () => {
  const rows = Array.from({ length: LIMITS.sealedCandidatesMax + 1 }, (_, rid) => [rid, String(rid), 0])
  const clock = { now: () => 0, monotonic: () => 0 }
  const deps = {
    database: { query: async ({ text }: { text: string }) => (text.includes('row_number') ? rows : []) },
    vault: { tokenizer: () => ({ token: () => Buffer.alloc(8) }) },
    clock,
  } as unknown as SearchDeps
  const parsed = parseSearch({ types: ['Observation'], parameters: [['code', 'a']], clock })
  assert.ok(parsed.ok)
  const searcher = { tenant: 1, client: 'c', scopes: { allows: () => true } }
  await assert.rejects(
    () => newestPerCode(deps, searcher, parsed.value, 1),
    (error) => error instanceof FaultError && error.fault.code === 'fhir.search.newest-too-many',
  )
})
