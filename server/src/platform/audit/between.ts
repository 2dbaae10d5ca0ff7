import type { Database } from '#db'
import { FaultError } from '#kernel'
import { parseCheckpoint } from './checkpoint-body.ts'
import { databaseSource, type LogSource } from './log-source.ts'
import { treeAt } from './log-tree.ts'
import type { Frontier } from './merkle.ts'
import { checkpointBefore, type Head } from './store.ts'

/** A commit's rows and its checkpoint carry the clocks of two hosts, which differ by less. */
const CLOCK_SLACK_MS = 120_000

/**
 * The logs of `database` from `from` to `to` (ms since 1970, both inclusive), as a source that verifies by itself: each log
 * begins where the last checkpoint signed it two minutes before `from`, so that a signed tree leads on from there, and ends two
 * minutes after `to`. Checkpoints are those up to `to`, from the first on, because they are chained. A log whose earlier
 * part is damaged begins at its beginning. Faults: `db.*`.
 */
export async function betweenSource(
  database: Database,
  { from = 0, to = Number.MAX_SAFE_INTEGER }: { from?: number; to?: number },
): Promise<LogSource> {
  const live = databaseSource(database)
  const checkpoint = from === 0 ? undefined : await checkpointBefore(database, from - CLOCK_SLACK_MS)
  const signed = (checkpoint && parseCheckpoint(checkpoint.body)?.heads) ?? []
  return {
    nodes: () => live.nodes(),
    base: async (node) => {
      const oldest = await live.base(node)
      const head = signed.find((candidate) => candidate.node === node)
      return (head && head.size > (oldest?.size ?? 0) ? await signedTree(database, head) : undefined) ?? oldest
    },
    async *rows(node, first) {
      for await (const row of live.rows(node, first)) {
        if (row.at > to + CLOCK_SLACK_MS) return
        yield row
      }
    },
    async *checkpoints() {
      for await (const stored of live.checkpoints?.() ?? []) {
        if (stored.at > to) return
        yield stored
      }
    },
  }
}

async function signedTree(database: Database, head: Head): Promise<Frontier | undefined> {
  try {
    const tree = await treeAt(database, head.node, head.size)
    return tree.size === head.size && tree.root().equals(head.root) ? tree.snapshot() : undefined
  } catch (error) {
    if (error instanceof FaultError && error.fault.code === 'audit.log.inconsistent') return undefined
    throw error
  }
}
