import { type Frontier, MerkleTree, nodeHash } from './merkle.ts'

/** A run of leaves `[start, end)` whose subtree hash is one element of a proof. */
export interface Range {
  start: number
  end: number
}

/** Hashes of a proof for a tree of 2^53 leaves, both directions; a longer one is refused unread. */
const PROOF_HASHES_MAX = 106

/** Subtrees whose hashes make the inclusion proof of leaf `index` in a tree of `size`, in RFC 6962 §2.1.1 order. */
export function inclusionRanges(index: number, size: number): Range[] {
  const ranges: Range[] = []
  let start = 0
  let end = size
  while (end - start > 1) {
    const middle = start + largestPowerBelow(end - start)
    if (index < middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  return ranges.reverse()
}

/** Subtrees whose hashes make the consistency proof from `first` to `second` leaves, in RFC 6962 §2.1.2 order. */
export function consistencyRanges(first: number, second: number): Range[] {
  if (first === 0 || first === second) return []
  const ranges: Range[] = []
  let start = 0
  let end = second
  let onlyLeft = true
  while (end !== first) {
    const middle = start + largestPowerBelow(end - start)
    if (first <= middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
      onlyLeft = false
    }
  }
  // The verifier knows the old root: it is sent only where it is not a subtree of the new tree by itself.
  if (!onlyLeft) ranges.push({ start, end })
  return ranges.reverse()
}

/**
 * Collects the subtree hashes of `ranges` while leaf hashes go by once, in order, from `base.size` on.
 * What lies left of the base comes from its peaks. Memory: one frontier per range, whatever the log's size.
 */
export class RangeHasher {
  readonly #ranges: Range[]
  readonly #trees: MerkleTree[]
  #next: number

  constructor(ranges: Range[], base: Frontier = { size: 0, peaks: [] }) {
    this.#ranges = ranges
    this.#trees = ranges.map((range) => new MerkleTree(partOf(base, range)))
    this.#next = base.size
  }

  append(leaf: Buffer): void {
    const index = this.#next++
    for (const [at, range] of this.#ranges.entries())
      if (index >= range.start && index < range.end) this.#trees[at]?.append(leaf)
  }

  /** The hashes in the order of the ranges; undefined while leaves are missing. */
  hashes(): Buffer[] | undefined {
    const whole = this.#ranges.every((range, at) => this.#trees[at]?.size === range.end - range.start)
    return whole ? this.#trees.map((tree) => tree.root()) : undefined
  }
}

/** Inclusion proof of `leaves[index]` among `leaves` (leaf hashes, all in memory). */
export function inclusionProof(leaves: readonly Buffer[], index: number): Buffer[] {
  return hashesOf(leaves, inclusionRanges(index, leaves.length))
}

/** Consistency proof from the first `first` of `leaves` (leaf hashes, all in memory) to all of them. */
export function consistencyProof(leaves: readonly Buffer[], first: number): Buffer[] {
  return hashesOf(leaves, consistencyRanges(first, leaves.length))
}

/** RFC 9162 §2.1.3.2 (the same tree as RFC 6962, with the verification spelled out). */
export function verifyInclusion(claim: {
  leaf: Buffer
  index: number
  size: number
  root: Buffer
  proof: readonly Buffer[]
}): boolean {
  const { index, size, proof } = claim
  if (!isSize(index) || !isSize(size) || index >= size || proof.length > PROOF_HASHES_MAX) return false
  let fn = index
  let sn = size - 1
  let hash = claim.leaf
  for (const sibling of proof) {
    if (sn === 0) return false
    if (odd(fn) || fn === sn) {
      hash = nodeHash(sibling, hash)
      if (!odd(fn))
        while (!odd(fn) && fn !== 0) {
          fn = half(fn)
          sn = half(sn)
        }
    } else {
      hash = nodeHash(hash, sibling)
    }
    fn = half(fn)
    sn = half(sn)
  }
  return sn === 0 && hash.equals(claim.root)
}

/** RFC 9162 §2.1.4.2. A tree is consistent with itself, and every tree with the empty one. */
export function verifyConsistency(claim: {
  first: { size: number; root: Buffer }
  second: { size: number; root: Buffer }
  proof: readonly Buffer[]
}): boolean {
  const { first, second } = claim
  if (!isSize(first.size) || !isSize(second.size) || first.size > second.size) return false
  if (claim.proof.length > PROOF_HASHES_MAX) return false
  if (first.size === second.size) return claim.proof.length === 0 && first.root.equals(second.root)
  if (first.size === 0) return claim.proof.length === 0
  const path = isPowerOfTwo(first.size) ? [first.root, ...claim.proof] : claim.proof
  let fn = first.size - 1
  let sn = second.size - 1
  while (odd(fn)) {
    fn = half(fn)
    sn = half(sn)
  }
  let [old] = path
  if (!old) return false
  let fresh = old
  for (const hash of path.slice(1)) {
    if (sn === 0) return false
    if (odd(fn) || fn === sn) {
      old = nodeHash(hash, old)
      fresh = nodeHash(hash, fresh)
      while (!odd(fn) && fn !== 0) {
        fn = half(fn)
        sn = half(sn)
      }
    } else {
      fresh = nodeHash(fresh, hash)
    }
    fn = half(fn)
    sn = half(sn)
  }
  return sn === 0 && old.equals(first.root) && fresh.equals(second.root)
}

/** What of `range` the base already holds: the base's peaks inside it. */
function partOf(base: Frontier, range: Range): Frontier {
  const peaks: Buffer[] = []
  let start = 0
  let size = 0
  for (const [at, width] of widths(base.size).entries()) {
    const peak = base.peaks[at]
    if (peak && start >= range.start && start + width <= range.end) {
      peaks.push(peak)
      size += width
    }
    start += width
  }
  return { size, peaks }
}

/** Leaves under each peak of a tree of `size`, largest first. */
function widths(size: number): number[] {
  const found: number[] = []
  for (let rest = size, width = 1; rest > 0; rest = half(rest), width *= 2) if (odd(rest)) found.push(width)
  return found.reverse()
}

function hashesOf(leaves: readonly Buffer[], ranges: Range[]): Buffer[] {
  return ranges.map((range) => {
    const tree = new MerkleTree()
    for (let index = range.start; index < range.end; index++) tree.append(leaves[index] as Buffer)
    return tree.root()
  })
}

function largestPowerBelow(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}

function isPowerOfTwo(size: number): boolean {
  let rest = size
  while (rest > 1 && !odd(rest)) rest = half(rest)
  return rest === 1
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

const odd = (value: number): boolean => value % 2 === 1
const half = (value: number): number => Math.floor(value / 2)
