import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FaultError, systemClock } from '#kernel'
import { ndjsonLines } from './ndjson-lines.ts'

async function* pieces(...of: (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const one of of) yield Buffer.from(one)
}

const beside = { clock: systemClock, signal: new AbortController().signal }

async function read(source: AsyncIterable<Buffer>, lineBytesMax = 1_000, bytesMax = 1_000_000) {
  const lines: [number, string | undefined][] = []
  for await (const { number, bytes, tooLong } of ndjsonLines(source, { lineBytesMax, bytesMax }, beside))
    lines.push([number, tooLong ? undefined : bytes.toString()])
  return lines
}

test('lines are counted with the empty ones, which are left out; ends of both kinds and none at the end', async () => {
  assert.deepEqual(await read(pieces('a\r\n', '\n  \nb', 'c\nd')), [
    [1, 'a'],
    [4, 'bc'],
    [5, 'd'],
  ])
  assert.deepEqual(await read(pieces()), [])
})

test('wherever the pieces are cut, the lines are the same', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('a', 'ä', '\n', '\r', ' ', 'bcd')), fc.nat(20), async (parts, size) => {
      const text = Buffer.from(parts.join(''))
      const cut: Buffer[] = []
      for (let from = 0; from < text.length; from += size + 1) cut.push(text.subarray(from, from + size + 1))
      assert.deepEqual(await read(pieces(...cut)), await read(pieces(text)))
    }),
  )
})

test('a line beyond the limit is passed over and told, in one piece or many; the others are read', async () => {
  const long = 'x'.repeat(50)
  const expected = [
    [1, 'a'],
    [2, undefined],
    [3, 'b'],
  ]
  assert.deepEqual(await read(pieces(`a\n${long}\nb`), 20), expected)
  assert.deepEqual(await read(pieces('a\n', ...(long.match(/.{7}|.+$/g) as string[]), '\nb'), 20), expected)
  assert.deepEqual(await read(pieces(`a\n${long}`), 20), expected.slice(0, 2))
})

test('a file beyond the limit ends the import', async () => {
  await assert.rejects(
    read(pieces('aaaa\n', 'bbbb\n'), 10, 6),
    (error) => error instanceof FaultError && error.fault.code === 'fhir.bulk.input-too-large',
  )
})

test('pieces without a line, and lines without content, go on no longer than the signal lets them', async () => {
  for (const piece of [' ', '\n']) {
    const ending = new AbortController()
    let sent = 0
    async function* endless(): AsyncGenerator<Buffer> {
      for (; sent < 1_000; sent++) {
        if (sent === 10) ending.abort()
        yield Buffer.from(piece)
      }
    }
    const limits = { lineBytesMax: 1_000, bytesMax: 1_000_000 }
    const lines = ndjsonLines(endless(), limits, { clock: systemClock, signal: ending.signal })
    await assert.rejects(lines.next(), (error) => error === ending.signal.reason)
    assert.equal(sent, 10)
  }
})

test('a megabyte of ends of lines leaves others their turn', async () => {
  const piece = Buffer.from(' \n'.repeat(1024 * 1024))
  let turns = 0
  let isRunning = true
  const others = (async () => {
    for (; isRunning; turns++) await new Promise((resolve) => setImmediate(resolve))
  })()
  await new Promise((resolve) => setImmediate(resolve))
  const before = turns
  assert.deepEqual(await read(pieces(piece), 1_000, piece.length), [])
  isRunning = false
  assert.ok(turns - before >= 3, `${turns - before} turns`)
  await others
})
