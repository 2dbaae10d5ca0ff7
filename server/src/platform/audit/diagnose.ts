import { type Frontier, leafHash, MerkleTree } from './merkle.ts'
import { isIntact } from './record.ts'
import type { LogRow } from './store.ts'

/** What was done to the audit, as far as the evidence tells. */
export type Damage =
  | 'flipped' // bytes of a leaf, or of a stored root, changed
  | 'dropped' // leaves or checkpoints are missing in the middle
  | 'inserted' // leaves that were never committed there
  | 'reordered' // leaves stand in another place
  | 'truncated' // the end is missing
  | 'rewritten' // leaves and all hashes behind them were made anew: only a signed checkpoint disagrees
  | 're-signed' // a checkpoint is not signed with our key, or differs from its anchored copy
  | 'unchained' // a checkpoint does not follow from the one before it

/** The first bad place. */
export interface Finding {
  what: Damage
  /** The log, where the place is in one. */
  node?: number
  /** The first leaf that is not what it was. */
  index?: number
  /** Leaves among which it is, from `index` on, when it cannot be told more closely: commits are hashed as a whole. */
  among?: number
  /** The checkpoint that shows it. */
  checkpoint?: number
}

/** Rows looked at behind the bad one to see whether they changed places. */
export const WINDOW_ROWS = 64
/** Above this many leaves in a row the pairs are not tried: 64 leaves are 2,016 swaps, a tenth of a second. */
const SWAP_LEAVES_MAX = 64

/**
 * Name what is wrong with `window[0]`, which does not fit behind `before`; the rest are the rows that follow it.
 * Pure. The leaves' own checksums tell which leaf of a row was hit; a forger who corrects them is told by the row.
 */
export function diagnose(node: number, before: Frontier, window: readonly LogRow[]): Finding {
  const [row, ...behind] = window
  if (!row) return { what: 'truncated', node, index: before.size }
  // A row belongs here that stands elsewhere, with its root or with only its leaves moved.
  const roots = row.first === before.size ? [row.root] : []
  const moved = behind.some((other) => fits(before, other.leaves, [other.root, ...roots]))
  if (row.first < before.size) return { what: 'inserted', node, index: row.first, among: row.leaves.length }
  if (moved && row.first > before.size) return { what: 'reordered', node, index: before.size }
  if (row.first > before.size) return { what: 'dropped', node, index: before.size, among: row.first - before.size }
  const hit = row.leaves.findIndex((leaf) => !isIntact(leaf))
  if (hit >= 0) return { what: 'flipped', node, index: row.first + hit }
  if (moved) return { what: 'reordered', node, index: row.first }
  // How many leaves there should be: what the next row says, else the row itself.
  const [next] = behind
  const due = next ? next.first - row.first : row.count
  if (row.leaves.length !== due || row.count !== due)
    return {
      what: row.leaves.length < due ? 'dropped' : 'inserted',
      node,
      index: row.first,
      among: Math.max(row.leaves.length, due),
    }
  const swapped = firstOfSwap(before, row)
  if (swapped !== undefined) return { what: 'reordered', node, index: row.first + swapped }
  const onlyRoot = next && fits(before, [...row.leaves, ...next.leaves], [next.root])
  return { what: onlyRoot ? 'flipped' : 'rewritten', node, index: row.first, among: row.leaves.length }
}

/** The first of two leaves that give the row its root when they change places, or of one that was moved. */
function firstOfSwap(before: Frontier, row: LogRow): number | undefined {
  const { leaves } = row
  if (leaves.length > SWAP_LEAVES_MAX) return undefined
  const hashes = leaves.map(leafHash)
  const gives = (order: Buffer[]): boolean => rootOf(before, order).equals(row.root)
  for (let i = 0; i < hashes.length; i++)
    for (let j = i + 1; j < hashes.length; j++) {
      const swapped = hashes.with(i, hashes[j] as Buffer).with(j, hashes[i] as Buffer)
      const down = hashes.toSpliced(i, 1).toSpliced(j, 0, hashes[i] as Buffer)
      const up = hashes.toSpliced(j, 1).toSpliced(i, 0, hashes[j] as Buffer)
      if (gives(swapped) || gives(down) || gives(up)) return i
    }
  return undefined
}

function fits(before: Frontier, leaves: readonly Buffer[], roots: readonly Buffer[]): boolean {
  const root = rootOf(before, leaves.map(leafHash))
  return roots.some((candidate) => candidate.equals(root))
}

function rootOf(before: Frontier, hashes: readonly Buffer[]): Buffer {
  const tree = new MerkleTree(before)
  for (const hash of hashes) tree.append(hash)
  return tree.root()
}

/** One sentence for people: what, where, and by which checkpoint it shows. */
export function describeFinding(finding: Finding): string {
  const { what, node, index, among, checkpoint } = finding
  const leaves =
    index === undefined
      ? ''
      : among === undefined || among === 1
        ? `leaf ${index}`
        : `leaves ${index} to ${index + among - 1}`
  const place = node === undefined ? '' : ` in log ${node}${leaves && `, ${leaves}`}`
  const shown =
    checkpoint === undefined
      ? ''
      : node === undefined
        ? `: checkpoint ${checkpoint}`
        : ` (shown by checkpoint ${checkpoint})`
  return `${what}${place}${shown}`
}
