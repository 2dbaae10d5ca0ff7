import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAnchor } from './anchors.ts'
import type { LogSource } from './log-source.ts'
import { listSegments, type SegmentFile, writeSegment } from './segment.ts'
import type { LogRow } from './store.ts'

/** Leaves of one export file: about 15 MB of text, 2 MB deflated. */
const LEAVES_PER_FILE = 100_000
/** Where an export keeps its copies of the checkpoints, laid out like an anchor directory. */
export const EXPORTED_CHECKPOINTS = 'checkpoints'

/**
 * Write the logs of `source` into `directory` as segment files, and its checkpoints below `checkpoints/`: all that
 * `verifyAudit({ source: segmentSource(directory), anchorDirectory })` needs. Goes on behind the files that are already
 * there, so it can be stopped, and repeated for what came since. Exports what it finds, damaged or not. Bounded memory.
 * Returns the files written. Faults: those of reading and writing.
 */
export async function exportLogs(options: {
  source: LogSource
  directory: string
  leavesPerFile?: number
  onProgress?(progress: { leaves: number }): void
}): Promise<SegmentFile[]> {
  const { source, directory, leavesPerFile = LEAVES_PER_FILE } = options
  await mkdir(directory, { recursive: true })
  // Checkpoints first: a checkpoint signed meanwhile must not speak of leaves that were exported before it.
  const anchorDirectory = join(directory, EXPORTED_CHECKPOINTS)
  for await (const checkpoint of source.checkpoints?.() ?? []) await writeAnchor(anchorDirectory, checkpoint)
  const written: SegmentFile[] = []
  let leaves = 0
  for (const node of await source.nodes()) {
    const base = await source.base(node)
    const last = await lastOf(directory, node)
    let first = last?.next ?? base?.size ?? 0
    // A log that begins with a base is told of also when nothing follows: later checkpoints speak of it.
    let mayBeEmpty = base !== undefined && last === undefined
    for (;;) {
      const rows = upTo(source.rows(node, first), leavesPerFile)
      const begins = base?.size === first ? { base, mayBeEmpty } : {}
      const file = await writeSegment({ directory, node, first, rows, ...begins })
      mayBeEmpty = false
      if (!file) break
      written.push(file)
      leaves += file.next - file.first
      options.onProgress?.({ leaves })
      first = file.next
    }
  }
  return written
}

async function lastOf(directory: string, node: number): Promise<SegmentFile | undefined> {
  return (await listSegments(directory)).findLast((file) => file.node === node)
}

async function* upTo(rows: AsyncIterable<LogRow>, leavesMax: number): AsyncGenerator<LogRow> {
  let leaves = 0
  for await (const row of rows) {
    yield row
    leaves += row.count
    if (leaves >= leavesMax) return
  }
}
