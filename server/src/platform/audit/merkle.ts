import { hash } from 'node:crypto'

const HASH_BYTES = 32
const LEAF_PREFIX = Buffer.of(0)
const NODE_PREFIX = Buffer.of(1)

/** Peaks of a tree of 2^53 leaves; a longer frontier is not one of ours. */
const PEAKS_MAX = 53

/** RFC 6962 §2.1: SHA-256(0x00 || leaf). `crypto.hash` takes 0.8 us here, `createHash` 1.2 us. */
export function leafHash(leaf: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([LEAF_PREFIX, leaf], leaf.length + 1), 'buffer')
}

/** RFC 6962 §2.1: SHA-256(0x01 || left || right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([NODE_PREFIX, left, right], 1 + 2 * HASH_BYTES), 'buffer')
}

/** Root of the tree without leaves: SHA-256 of nothing. */
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer')

/** A tree's state at one size; immutable, so that keeping one costs an array of at most 53 references. */
export interface Frontier {
  readonly size: number
  /** Roots of the complete subtrees that make up the tree, largest (leftmost) first. */
  readonly peaks: readonly Buffer[]
}

/** An append-only RFC 6962 Merkle tree that keeps only its right edge: 32 bytes for each set bit of the size. */
export class MerkleTree {
  #size = 0
  #peaks: Buffer[] = []

  constructor(frontier?: Frontier) {
    if (frontier) this.restore(frontier)
  }

  get size(): number {
    return this.#size
  }

  append(leaf: Buffer): void {
    let node = leaf
    // Numbers reach 2^53, bit operators only 2^31.
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      const left = this.#peaks.pop()
      if (left) node = nodeHash(left, node)
    }
    this.#peaks.push(node)
    this.#size += 1
  }

  root(): Buffer {
    let root = this.#peaks.at(-1)
    if (!root) return EMPTY_ROOT
    for (let index = this.#peaks.length - 2; index >= 0; index--) root = nodeHash(this.#peaks[index] as Buffer, root)
    return root
  }

  snapshot(): Frontier {
    return { size: this.#size, peaks: this.#peaks.slice() }
  }

  restore(frontier: Frontier): void {
    this.#size = frontier.size
    this.#peaks = frontier.peaks.slice()
  }

  /** Eight bytes of size, then the peaks. */
  serialize(): Buffer {
    return serializeFrontier(this.snapshot())
  }

  /** The reverse of `serialize`; undefined when the bytes are no frontier. Whether it is the right one, only a signed root tells. */
  static deserialize(bytes: Uint8Array): MerkleTree | undefined {
    const frontier = deserializeFrontier(bytes)
    return frontier && new MerkleTree(frontier)
  }
}

export function serializeFrontier(frontier: Frontier): Buffer {
  const size = Buffer.alloc(8)
  size.writeBigUInt64BE(BigInt(frontier.size))
  return Buffer.concat([size, ...frontier.peaks])
}

export function deserializeFrontier(bytes: Uint8Array): Frontier | undefined {
  const buffer = Buffer.from(bytes)
  if (buffer.length < 8 || buffer.length > 8 + PEAKS_MAX * HASH_BYTES) return undefined
  const size = buffer.readBigUInt64BE()
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
  const peaks: Buffer[] = []
  for (let at = 8; at < buffer.length; at += HASH_BYTES) peaks.push(buffer.subarray(at, at + HASH_BYTES))
  const bits = size.toString(2).replaceAll('0', '').length
  return peaks.length === bits && peaks.every((peak) => peak.length === HASH_BYTES)
    ? { size: Number(size), peaks }
    : undefined
}
