import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGunzip, gunzip } from 'node:zlib'
import { fail, LIMITS, ok, type Result } from '@salus/server/kernel'
import type { LoadFile } from './load-files.ts'

/** A JSON file is held whole; a few of these fit beside a server. Larger collections belong in NDJSON. */
export const FILE_BYTES_MAX = 256 * 1024 * 1024
const NEWLINE = 10

/** Why a file could not be read; the code of its refusal. */
export type ReadFault = 'load.unreadable' | 'load.gzip-broken' | 'load.too-large'

/** The whole file, unpacked. */
export async function readWhole(file: LoadFile): Promise<Result<Buffer, ReadFault>> {
  if (file.bytes > FILE_BYTES_MAX) return fail('load.too-large')
  const packed = await readFile(file.path).catch(() => undefined)
  if (packed === undefined) return fail('load.unreadable')
  if (!file.gzip) return ok(packed)
  try {
    return ok(await promisify(gunzip)(packed, { maxOutputLength: FILE_BYTES_MAX }))
  } catch (error) {
    return fail(
      (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'load.too-large' : 'load.gzip-broken',
    )
  }
}

export interface Line {
  /** From 1. */
  number: number
  /** Without its end. A fault stands for a line that is too long, or for the end of what can be read. */
  text: Result<Buffer, ReadFault>
}

/** Lines of an NDJSON file that are not blank, as a stream: one at a time is in memory. */
export async function* readLines(file: LoadFile, onBytes: (bytes: number) => void): AsyncGenerator<Line> {
  const source = createReadStream(file.path)
  source.on('data', (chunk) => onBytes(chunk.length))
  const bytes = file.gzip ? createGunzip() : source
  // Faults of both streams surface where `bytes` is read; the pipeline only has to pass them on.
  const piped = file.gzip
    ? pipeline(source, bytes as ReturnType<typeof createGunzip>).catch(() => undefined)
    : undefined
  const splitter = newSplitter()
  try {
    for await (const chunk of bytes) yield* splitter.lines(chunk as Buffer)
    yield* splitter.rest()
  } catch (error) {
    const code = String((error as NodeJS.ErrnoException).code)
    yield { number: splitter.number(), text: fail(/^Z_|^ERR_/.test(code) ? 'load.gzip-broken' : 'load.unreadable') }
  } finally {
    source.destroy()
    await piped
  }
}

/** Cuts chunks into lines; a line beyond the limit of a resource is dropped as it comes, not gathered. */
export function newSplitter(bytesMax: number = LIMITS.resourceBytesMax): {
  lines(chunk: Buffer): Generator<Line>
  rest(): Generator<Line>
  number(): number
} {
  let parts: Buffer[] = []
  let length = 0
  let number = 1
  const keep = (part: Buffer): void => {
    length += part.length
    if (length <= bytesMax) parts.push(part)
    else parts = []
  }
  const take = function* (): Generator<Line> {
    const line = Buffer.concat(parts)
    const isTooLong = length > bytesMax
    parts = []
    length = 0
    if (isTooLong) yield { number, text: fail('load.too-large') }
    else if (!isBlank(line)) yield { number, text: ok(line) }
  }
  return {
    *lines(chunk) {
      let start = 0
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
        keep(chunk.subarray(start, end))
        yield* take()
        number++
        start = end + 1
      }
      keep(chunk.subarray(start))
    },
    rest: take,
    number: () => number,
  }
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 32 || byte === 9 || byte === 13)
}
