import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FaultError } from '#kernel'
import { ndjsonLines } from './ndjson-lines.ts'

async function* pieces(...of: (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const one of of) yield Buffer.from(one)
}

async function read(source: AsyncIterable<Buffer>, lineBytesMax = 1_000, bytesMax = 1_000_000) {
  const lines: [number, string | undefined][] = []
  for await (const { number, bytes, tooLong } of ndjsonLines(source, { lineBytesMax, bytesMax }))
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
