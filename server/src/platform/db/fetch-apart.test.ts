import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchApart } from './fetch-apart.ts'

const failure = (code: string): Error => Object.assign(new Error('refused'), { code })

test('a value that PostgreSQL refuses fails its own key and no other', async () => {
  let queries = 0
  const fetched = await fetchApart(
    Array.from({ length: 1_000 }, (_, key) => key),
    async (keys) => {
      queries++
      if (keys.includes(700)) throw failure('22021')
      return keys.map((key) => key * 2)
    },
  )
  for (const [key, one] of fetched.entries())
    if (key === 700) assert.ok('error' in one)
    else assert.deepEqual(one, { value: key * 2 })
  assert.ok(queries <= 21, `${queries}`)
})

test('any other error is that of all keys, and nothing is asked again', async () => {
  let queries = 0
  const fetched = await fetchApart([1, 2, 3], async () => {
    queries++
    throw failure('57P01')
  })
  assert.equal(queries, 1)
  assert.ok(fetched.every((one) => 'error' in one))
})
