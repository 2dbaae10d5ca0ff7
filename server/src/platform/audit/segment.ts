import { hash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { raise } from '#kernel'
import type { LogSource } from './log-source.ts'
import { deserializeFrontier, type Frontier, serializeFrontier } from './merkle.ts'
import type { LogRow } from './store.ts'

/** A file with the rows of one log from leaf `first` up to before leaf `next`. */
export interface SegmentFile {
  node: number
  first: number
  next: number
  path: string
}

/** What an archived segment says at its end; to be checked, not believed. */
export interface SegmentEnd {
  root: string
  /** Edge of the tree behind the segment. */
  frontier: string
  /** Proof that this tree continues the one before the segment (RFC 6962 §2.1.2). */
  consistency: string[]
  /** The checkpoint that signs `root`. */
  checkpoint: number
}

const FORMAT = 'salus-audit-segment/1'
const NAME = /^audit-(\d{1,5})-(\d{1,16})-(\d{1,16})\.ndjson\.gz$/
/** Files of one folder: a segment a month and log, or 100,000 leaves each. */
const FILES_MAX = 100_000

/**
 * Write `rows`, which begin at leaf `first`, as a segment: NDJSON, deflated; a header, one line per row, an end. It gets its
 * name when it is complete and on disk, so that a crash leaves nothing that looks finished. Undefined when there were no rows.
 * `base`: the tree before the first row, where that is not leaf 0. `end` is asked once all rows have gone by. `mayBeEmpty`: a
 * file without rows is written too, for the base in its header.
 */
export async function writeSegment(options: {
  directory: string
  node: number
  first: number
  rows: AsyncIterable<LogRow>
  base?: Frontier
  end?: () => SegmentEnd
  mayBeEmpty?: boolean
}): Promise<SegmentFile | undefined> {
  const { directory, node, first, base } = options
  const partial = join(directory, `audit-${node}-${first}.partial`)
  let next = first
  async function* lines(): AsyncGenerator<string> {
    const frontier = base && serializeFrontier(base).toString('base64')
    yield `${JSON.stringify({ format: FORMAT, node, first, frontier })}\n`
    for await (const row of options.rows) {
      next = row.first + row.count
      yield `${JSON.stringify([row.first, row.count, row.at, row.root.toString('base64'), row.leaves.map(exact)])}\n`
    }
    yield `${JSON.stringify({ next, ...options.end?.() })}\n`
  }
  try {
    await pipeline(Readable.from(lines()), createGzip(), createWriteStream(partial, { flush: true }))
    if (next === first && options.mayBeEmpty !== true) return undefined
    const path = join(directory, `audit-${node}-${first}-${next}.ndjson.gz`)
    await rename(partial, path)
    await syncFolder(dirname(path))
    return { node, first, next, path }
  } finally {
    await rm(partial, { force: true })
  }
}

/** Finished segments in `directory`, by log and first leaf. */
export async function listSegments(directory: string): Promise<SegmentFile[]> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => NAME.test(name)).slice(0, FILES_MAX)
  const files = names.map((name) => {
    const [, node, first, next] = NAME.exec(name) ?? []
    return { node: Number(node), first: Number(first), next: Number(next), path: join(directory, name) }
  })
  return files.sort((a, b) => a.node - b.node || a.first - b.first || b.next - a.next)
}

/** The rows of a segment in order, one line in memory at a time. Fault: `audit.segment.unreadable`. */
export async function* segmentRows(file: SegmentFile): AsyncGenerator<LogRow> {
  for await (const line of segmentLines(file)) if (Array.isArray(line)) yield rowOf(file.node, line)
}

/** SHA-256 of the file, to notice that an archived file was swapped. */
export async function segmentDigest(file: SegmentFile): Promise<Buffer> {
  // A month of one log is some hundred MB at most once deflated; larger ones would be hashed in pieces.
  return (await stat(file.path)).size === 0 ? unreadable(file) : hash('sha256', await readFile(file.path), 'buffer')
}

/** All segments in `directory` as one source of logs, exported or archived; holes show as dropped leaves. */
export function segmentSource(directory: string): LogSource {
  const filesOf = async (node: number): Promise<SegmentFile[]> =>
    (await listSegments(directory)).filter((file) => file.node === node)
  return {
    nodes: async () => [...new Set((await listSegments(directory)).map((file) => file.node))],
    base: async (node) => {
      const [file] = await filesOf(node)
      return file && headerFrontier(file)
    },
    async *rows(node, from) {
      let next = from
      for (const file of await filesOf(node)) {
        if (file.next <= next) continue
        for await (const row of segmentRows(file)) {
          if (row.first < next) continue
          yield row
          next = row.first + 1
        }
      }
    },
  }
}

/** The tree before a segment, as its header gives it; whether it is the right one, only a signed root tells. */
async function headerFrontier(file: SegmentFile): Promise<Frontier | undefined> {
  for await (const line of segmentLines(file)) {
    const { frontier } = line as { frontier?: string }
    return frontier === undefined ? undefined : deserializeFrontier(Buffer.from(frontier, 'base64'))
  }
  return undefined
}

async function* segmentLines(file: SegmentFile): AsyncGenerator<unknown> {
  const input = createReadStream(file.path).pipe(createGunzip())
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  try {
    for await (const line of lines) yield JSON.parse(line)
  } catch {
    unreadable(file)
  } finally {
    lines.close()
    input.destroy()
  }
}

function rowOf(node: number, line: unknown[]): LogRow {
  const [first, count, at, root, leaves] = line
  return {
    node,
    first: Number(first),
    count: Number(count),
    at: Number(at),
    root: Buffer.from(String(root), 'base64'),
    leaves: (Array.isArray(leaves) ? leaves : []).map(bytesOf),
  }
}

/** A leaf is JSON text and kept readable; bytes that are no text (an altered leaf) travel as base64 in an object. */
function exact(leaf: Buffer): string | { base64: string } {
  const text = leaf.toString()
  return Buffer.from(text).equals(leaf) ? text : { base64: leaf.toString('base64') }
}

function bytesOf(leaf: unknown): Buffer {
  return typeof leaf === 'string'
    ? Buffer.from(leaf)
    : Buffer.from((leaf as { base64?: string })?.base64 ?? '', 'base64')
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function unreadable(file: SegmentFile): never {
  return raise({
    category: 'invalid',
    code: 'audit.segment.unreadable',
    message: `${file.path} is not a whole audit segment. Take it from another copy of the archive.`,
  })
}
