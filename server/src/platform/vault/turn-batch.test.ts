import assert from 'node:assert/strict'
import { test } from 'node:test'
import { turnBatch } from './turn-batch.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('requests of one turn travel together, those of the next turn by themselves', async () => {
  const calls: number[][] = []
  const batch = turnBatch<number, number>({
    run: async (requests) => {
      calls.push(requests)
      return requests.map((request) => request * 2)
    },
    inFlightMax: 2,
    requestsMax: 10,
  })
  assert.deepEqual(await Promise.all([1, 2, 3].map(batch.add)), [2, 4, 6])
  assert.equal(await batch.add(4), 8)
  assert.deepEqual(calls, [[1, 2, 3], [4]])
})

test('while enough calls are under way the next requests gather', async () => {
  const open: (() => void)[] = []
  const calls: number[][] = []
  const batch = turnBatch<number, number>({
    run: async (requests) => {
      calls.push(requests)
      await new Promise<void>((resolve) => open.push(resolve))
      return requests
    },
    inFlightMax: 2,
    requestsMax: 10,
  })
  const answers: Promise<number>[] = []
  for (const request of [1, 2, 3, 4, 5]) {
    answers.push(batch.add(request))
    await turn()
    await turn()
  }
  assert.deepEqual(calls, [[1], [2]])
  open.shift()?.()
  await turn()
  await turn()
  assert.deepEqual(calls, [[1], [2], [3, 4, 5]])
  while (open.length > 0) open.shift()?.()
  assert.deepEqual(await Promise.all(answers), [1, 2, 3, 4, 5])
})

test('more than one call can carry is split, and none is lost', async () => {
  const sizes: number[] = []
  const batch = turnBatch<number, number>({
    run: async (requests) => {
      sizes.push(requests.length)
      return requests
    },
    inFlightMax: 2,
    requestsMax: 4,
  })
  const numbers = Array.from({ length: 11 }, (_, i) => i)
  assert.deepEqual(await Promise.all(numbers.map(batch.add)), numbers)
  assert.deepEqual(sizes.sort(), [3, 4, 4])
})

test('one request may fail alone, and a failed call fails its requests and no later ones', async () => {
  let broken = false
  const batch = turnBatch<number, number>({
    run: async (requests) => {
      if (broken) throw new Error('down')
      return requests.map((request) => (request < 0 ? new Error('negative') : request))
    },
    inFlightMax: 1,
    requestsMax: 10,
  })
  const [a, b] = await Promise.allSettled([batch.add(1), batch.add(-1)])
  assert.equal(a.status, 'fulfilled')
  assert.equal(b.status, 'rejected')
  broken = true
  await assert.rejects(batch.add(2), /down/)
  broken = false
  assert.equal(await batch.add(3), 3)
})
