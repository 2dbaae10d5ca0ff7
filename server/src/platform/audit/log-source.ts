import type { Database } from '#db'
import { logRowsFrom, vouchedTree } from './log-tree.ts'
import type { Frontier } from './merkle.ts'
import { checkpoints, type LogRow, logHeads, type Queryable, type StoredCheckpoint } from './store.ts'

/** Where verification and export read logs from: a database, exported or archived files, or both joined. */
export interface LogSource {
  /** Logs it knows of, ascending. */
  nodes(): Promise<number[]>
  /** Where its first row of that log begins, when that is not leaf 0: older rows were archived and removed. */
  base(node: number): Promise<Frontier | undefined>
  /** Rows that begin at leaf `from` or later, in order. */
  rows(node: number, from: number): AsyncIterable<LogRow>
  /** Its own copies of the checkpoints, ascending; undefined when it keeps none. */
  checkpoints?(): AsyncIterable<StoredCheckpoint>
}

/** Checkpoints read at once; each has some hundred bytes. */
const CHECKPOINTS_PER_PAGE = 500

/** The logs as they stand in the database, as the application or as the owner. */
export function databaseSource(database: Database | Queryable): LogSource {
  return {
    nodes: async () => (await logHeads(database)).map((head) => head.node),
    base: async (node) => {
      const head = (await logHeads(database)).find((candidate) => candidate.node === node)
      if (!head || head.oldest === 0) return undefined
      const tree = await vouchedTree(database, node, head.oldest)
      return tree.size === head.oldest ? tree.snapshot() : undefined
    },
    rows: (node, from) => logRowsFrom(database, { node, from }),
    checkpoints: () => storedCheckpoints(database),
  }
}

/** Rows of `older` first (archived segments), then those of `newer` that follow; checkpoints of `newer`. */
export function joinedSource(older: LogSource, newer: LogSource): LogSource {
  const joined: LogSource = {
    nodes: async () => [...new Set([...(await older.nodes()), ...(await newer.nodes())])].sort((a, b) => a - b),
    base: async (node) => ((await older.nodes()).includes(node) ? older.base(node) : newer.base(node)),
    async *rows(node, from) {
      let next = from
      for await (const row of older.rows(node, from)) {
        yield row
        next = row.first + row.count
      }
      yield* newer.rows(node, next)
    },
  }
  const stored = newer.checkpoints ?? older.checkpoints
  if (stored) joined.checkpoints = () => stored()
  return joined
}

async function* storedCheckpoints(database: Queryable): AsyncGenerator<StoredCheckpoint> {
  let from = 0
  for (;;) {
    const page = await checkpoints(database, from, CHECKPOINTS_PER_PAGE)
    yield* page
    const last = page.at(-1)
    if (!last || page.length < CHECKPOINTS_PER_PAGE) return
    from = last.number + 1
  }
}
