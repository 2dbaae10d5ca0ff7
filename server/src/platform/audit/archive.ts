import { mkdir } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Database } from '#db'
import { type Clock, raise } from '#kernel'
import { parseCheckpoint } from './checkpoint-body.ts'
import { appendRow, inconsistent, logRowsFrom, treeAt } from './log-tree.ts'
import { type Frontier, leafHash, MerkleTree, serializeFrontier } from './merkle.ts'
import { consistencyRanges, RangeHasher, verifyConsistency } from './merkle-proof.ts'
import { listSegments, type SegmentFile, segmentDigest, segmentRows, writeSegment } from './segment.ts'
import {
  checkpointBefore,
  type Head,
  insertFrontier,
  insertSegment,
  type LogRow,
  lastSegment,
  logHeads,
  removeSegmentRows,
  type StoredSegment,
  segmentAt,
} from './store.ts'

/** Months caught up in one run and log; the rest follows in the next run. */
const MONTHS_MAX = 120
/** Storing the frontier at a segment's end makes no earlier one superfluous. */
const KEEP_ALL = 0

/**
 * Archive every whole month (UTC) that is over: one segment file per log and month in `directory`, cut where a checkpoint
 * signed the log, with its root and the proof that it continues the month before. Each file is read back and checked, then
 * registered. Rows stay in the table until `removeArchived`. Run twice, it does nothing the second time.
 * Faults: `audit.log.inconsistent`, `audit.segment.*`.
 */
export async function archiveMonths(options: {
  database: Database
  clock: Clock
  directory: string
}): Promise<StoredSegment[]> {
  await mkdir(options.directory, { recursive: true })
  const written: StoredSegment[] = []
  for (const { node } of await logHeads(options.database))
    for (let month = 0; month < MONTHS_MAX; month++) {
      const segment = await archiveNext(options, node)
      if (!segment) break
      written.push(segment)
    }
  return written
}

async function archiveNext(
  { database, clock, directory }: { database: Database; clock: Clock; directory: string },
  node: number,
): Promise<StoredSegment | undefined> {
  const first = (await lastSegment(database, node))?.next ?? 0
  const [start] = await rowsOnce(logRowsFrom(database, { node, from: first }))
  if (!start) return undefined
  const end = await signedEnd(database, { node, first, from: start.at, now: clock.now() })
  if (!end) return undefined
  const base = (await treeAt(database, node, first)).snapshot()
  if (base.size !== first) inconsistent(node, base.size)
  const file = await writeChecked({ database, directory, node, base, end })
  const segment = {
    node,
    first,
    next: end.head.size,
    root: end.head.root,
    checkpoint: end.checkpoint,
    file: basename(file.path),
    digest: await segmentDigest(file),
    at: clock.now(),
  }
  const behind = await checkSegment(file, base, end.head)
  await database.transaction(async (tx) => {
    await insertSegment(tx, segment)
    const bytes = serializeFrontier(behind)
    await insertFrontier(tx, { node, size: segment.next, checkpoint: end.checkpoint, bytes }, KEEP_ALL)
  })
  return segment
}

interface SignedEnd {
  head: Head
  checkpoint: number
}

/** The last checkpoint of the first month that has rows and is over: where that month's segment ends. */
async function signedEnd(
  database: Database,
  where: { node: number; first: number; from: number; now: number },
): Promise<SignedEnd | undefined> {
  let monthEnd = nextMonth(where.from)
  for (let month = 0; month < MONTHS_MAX && monthEnd <= where.now; month++) {
    const checkpoint = await checkpointBefore(database, monthEnd)
    const head = parseCheckpoint(checkpoint?.body ?? '')?.heads.find((candidate) => candidate.node === where.node)
    if (checkpoint && head && head.size > where.first) return { head, checkpoint: checkpoint.number }
    monthEnd = nextMonth(monthEnd)
  }
  return undefined
}

async function writeChecked(options: {
  database: Database
  directory: string
  node: number
  base: Frontier
  end: SignedEnd
}): Promise<SegmentFile> {
  const { database, node, base, end } = options
  const tree = new MerkleTree(base)
  const before = { size: base.size, root: tree.root() }
  const hasher = new RangeHasher(consistencyRanges(base.size, end.head.size), base)
  async function* checked(): AsyncGenerator<LogRow> {
    for await (const row of logRowsFrom(database, { node, from: base.size, until: end.head.size })) {
      const bad = appendRow(tree, row)
      if (bad !== undefined) inconsistent(node, bad)
      for (const leaf of row.leaves) hasher.append(leafHash(leaf))
      yield row
    }
    if (!tree.root().equals(end.head.root)) inconsistent(node, base.size)
  }
  const file = await writeSegment({
    directory: options.directory,
    node,
    first: base.size,
    rows: checked(),
    ...(base.size > 0 ? { base } : {}),
    end: () => {
      const proof = hasher.hashes() ?? []
      if (!verifyConsistency({ first: before, second: end.head, proof })) inconsistent(node, base.size)
      return {
        root: end.head.root.toString('base64'),
        frontier: tree.serialize().toString('base64'),
        consistency: proof.map((hash) => hash.toString('base64')),
        checkpoint: end.checkpoint,
      }
    },
  })
  return file ?? inconsistent(node, base.size)
}

/** Read a segment back and recompute it; returns the tree behind it. Fault: `audit.segment.wrong`. */
async function checkSegment(
  file: SegmentFile,
  base: Frontier,
  head: { size: number; root: Buffer },
): Promise<Frontier> {
  const tree = new MerkleTree(base)
  for await (const row of segmentRows(file)) if (appendRow(tree, row) !== undefined) return wrong(file.path)
  if (tree.size !== head.size || !tree.root().equals(head.root)) return wrong(file.path)
  return tree.snapshot()
}

/**
 * Remove the rows of the archived segment that begins at leaf `first`, as the owner of the database. Refuses unless the file
 * in `directory` is the registered one and gives, recomputed now, the root that a checkpoint signed; oldest first, and never
 * the newest row of a log. Returns the number of rows removed. Faults: `audit.segment.missing`, `.wrong`, `.unreadable`.
 */
export async function removeArchived(options: {
  owner: Database
  directory: string
  node: number
  first: number
}): Promise<number> {
  const { owner, directory, node, first } = options
  const segment = await segmentAt(owner, node, first)
  const file = (await listSegments(directory)).find((candidate) => basename(candidate.path) === segment?.file)
  if (!segment || !file) return missing(node, first)
  if (!(await segmentDigest(file)).equals(segment.digest)) wrong(file.path)
  const base = (await treeAt(owner, node, first)).snapshot()
  if (base.size !== first) inconsistent(node, base.size)
  await checkSegment(file, base, { size: segment.next, root: segment.root })
  return removeSegmentRows(owner, node, first)
}

/** Midnight UTC at the start of the month after `at`. */
function nextMonth(at: number): number {
  const date = new Date(at)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
}

async function rowsOnce(rows: AsyncIterable<LogRow>): Promise<LogRow[]> {
  for await (const row of rows) return [row]
  return []
}

function missing(node: number, first: number): never {
  return raise({
    category: 'not-found',
    code: 'audit.segment.missing',
    message: `No archived segment of audit log ${node} that begins at leaf ${first} is in the archive directory. Run the archive first, or name its directory.`,
  })
}

function wrong(path: string): never {
  return raise({
    category: 'conflict',
    code: 'audit.segment.wrong',
    message: `${path} is not what was archived. Nothing was removed. Take the file from another copy of the archive.`,
  })
}
