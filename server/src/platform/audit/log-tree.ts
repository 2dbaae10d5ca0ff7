import { nextOutboxEntry } from '#events'
import { raise } from '#kernel'
import { parseCheckpoint } from './checkpoint-body.ts'
import { leafHash, MerkleTree } from './merkle.ts'
import { checkpoints, frontierBefore, type LogRow, logRows, type Queryable } from './store.ts'

/** Rows read at once: with 256 records of 150 bytes to a row about 4 MB. */
export const ROWS_PER_PAGE = 100

/**
 * The tree of log `node` as its next writer needs it, and the number of its next outbox entry. Starts from the newest
 * stored frontier that a checkpoint vouches for and replays the rows behind it, checking each row's root on the way.
 * Faults: `audit.log.inconsistent` when a row does not give its root: the log was altered.
 */
export async function restoreTree(database: Queryable, node: number): Promise<{ tree: MerkleTree; nextEntry: number }> {
  const tree = await treeAt(database, node)
  return { tree, nextEntry: await nextOutboxEntry(database, node) }
}

/** The tree of log `node` over its first `size` leaves (all by default), every row behind the stored frontier checked. */
export async function treeAt(database: Queryable, node: number, size = Number.MAX_SAFE_INTEGER): Promise<MerkleTree> {
  const tree = await vouchedTree(database, node, size)
  for await (const row of logRowsFrom(database, { node, from: tree.size, until: size })) {
    const bad = appendRow(tree, row)
    if (bad !== undefined) inconsistent(node, bad)
  }
  return tree
}

/** Add a row to its tree; the index of the leaf from which on it does not fit, or undefined when it does. */
export function appendRow(tree: MerkleTree, row: LogRow): number | undefined {
  if (row.first !== tree.size || row.count !== row.leaves.length) return Math.min(row.first, tree.size)
  for (const leaf of row.leaves) tree.append(leafHash(leaf))
  return tree.root().equals(row.root) ? undefined : row.first
}

/** Rows of a log that begin in `[from, until)`, in order, a page in memory at a time. */
export async function* logRowsFrom(
  database: Queryable,
  where: { node: number; from: number; until?: number },
): AsyncGenerator<LogRow> {
  let { from } = where
  for (;;) {
    const page = await logRows(database, { ...where, from, rows: ROWS_PER_PAGE })
    yield* page
    const last = page.at(-1)
    if (!last || page.length < ROWS_PER_PAGE) return
    from = last.first + 1
  }
}

/** The stored frontier nearest below `size`, when it gives the root its checkpoint signed; else an empty tree. */
export async function vouchedTree(database: Queryable, node: number, size: number): Promise<MerkleTree> {
  const stored = await frontierBefore(database, node, size)
  const tree = stored && MerkleTree.deserialize(stored.bytes)
  if (!stored || tree?.size !== stored.size) return new MerkleTree()
  const [checkpoint] = await checkpoints(database, stored.checkpoint, 1)
  const body = checkpoint && parseCheckpoint(checkpoint.body)
  const head = body?.heads.find((candidate) => candidate.node === node)
  const vouched = body?.number === stored.checkpoint && head?.size === tree.size && head.root.equals(tree.root())
  return vouched ? tree : new MerkleTree()
}

export function inconsistent(node: number, index: number): never {
  return raise({
    category: 'unavailable',
    code: 'audit.log.inconsistent',
    message: `Audit log ${node} does not match its own hashes from leaf ${index} on. Stop writing, keep the database as it is, and run "salus audit verify".`,
  })
}
