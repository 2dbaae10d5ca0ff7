import type { KeyObject } from 'node:crypto'
import { readAnchors } from './anchors.ts'
import { type CheckpointBody, checkpointHash, isSignedBy, NO_PREVIOUS, parseCheckpoint } from './checkpoint-body.ts'
import { diagnose, type Finding, WINDOW_ROWS } from './diagnose.ts'
import type { LogSource } from './log-source.ts'
import { appendRow } from './log-tree.ts'
import { MerkleTree } from './merkle.ts'
import { isIntact } from './record.ts'
import type { Head, LogRow, StoredCheckpoint } from './store.ts'

/** What verification found. */
export interface VerifyReport {
  ok: boolean
  /** The first bad place; absent when all is well. */
  finding?: Finding
  /** Every log as far as it was read. `unanchored`: leaves behind the last anchored checkpoint, which only the database vouches for. */
  logs: { node: number; leaves: number; root: Buffer; archivedBefore: number; unanchored: number }[]
  /** Checkpoints checked, and how many of them were anchored. */
  checkpoints: number
  anchored: number
  /** Signed restores from backup: the checkpoints whose leaves the restored database no longer holds. */
  restores: { checkpoint: number; lostFrom: number; lostTo: number }[]
}

/** What to verify, and against what. */
export interface VerifyOptions {
  source: LogSource
  /** The anchor directory; without it only the source's own checkpoints are checked, which a forger may have cut short. */
  anchorDirectory?: string
  publicKey: KeyObject
  onProgress?(progress: { leaves: number; checkpoints: number }): void
}

/**
 * Check all logs: recompute every leaf hash and every row's root, the signature and the chain of every checkpoint, and that
 * each checkpoint signs what the logs hold. Goes in the order of the checkpoints and stops at the first bad place.
 * Needs the public key only. Bounded memory; about 150,000 leaves a second. Damage is reported, never thrown;
 * faults are those of reading (`db.*`).
 */
export async function verifyAudit(options: VerifyOptions): Promise<VerifyReport> {
  const walk = new Walk(options)
  const finding = await walk.run()
  return { ...walk.report(), ok: finding === undefined, ...(finding ? { finding } : {}) }
}

interface Numbered {
  number: number
  stored: StoredCheckpoint | undefined
  /** `null`: a file is there, but it is no checkpoint. */
  anchored: StoredCheckpoint | null | undefined
}

class Walk {
  readonly #options: VerifyOptions
  readonly #logs = new Map<number, LogWalk>()
  readonly #restores: VerifyReport['restores'] = []
  #previous: { body: CheckpointBody; text: string } | undefined
  #anchoredHeads: readonly Head[] = []
  #checkpoints = 0
  #anchored = 0

  constructor(options: VerifyOptions) {
    this.#options = options
  }

  async run(): Promise<Finding | undefined> {
    for (const node of await this.#options.source.nodes()) await this.#log(node)
    const ends = await this.#scan()
    for await (const checkpoint of this.#merged()) {
      // Younger ones were signed while we read: their copies may not be complete in what we have listed already.
      if (checkpoint.number > Math.max(ends.stored, ends.anchored)) break
      const finding = await this.#check(checkpoint, ends)
      if (finding) return finding
      this.#checkpoints++
      this.#progress()
    }
    for (const log of this.#logs.values()) {
      if (log.base > 0 && !log.isBaseSigned) return { what: 'dropped', node: log.node, index: 0, among: log.base }
      const finding = await log.advance(Number.POSITIVE_INFINITY)
      if (finding) return finding
      this.#progress()
    }
    return undefined
  }

  report(): Omit<VerifyReport, 'ok' | 'finding'> {
    const signed = new Map(this.#anchoredHeads.map((head) => [head.node, head.size]))
    const logs = [...this.#logs.values()].map((log) => ({
      node: log.node,
      leaves: log.size,
      root: log.root(),
      archivedBefore: log.base,
      unanchored: Math.max(0, log.size - (signed.get(log.node) ?? 0)),
    }))
    return { logs, checkpoints: this.#checkpoints, anchored: this.#anchored, restores: this.#restores }
  }

  /**
   * How far stored and anchored checkpoints reach, and which were lost in a restore. Anchors first: a checkpoint is stored
   * before it is anchored, so each anchor seen here has its stored copy, also while the server runs.
   */
  async #scan(): Promise<{ stored: number; anchored: number }> {
    let anchored = 0
    for await (const anchor of this.#anchors()) {
      anchored = anchor.number
      const body = anchor.checkpoint && parseCheckpoint(anchor.checkpoint.body)
      if (body?.restored === undefined || !anchor.checkpoint) continue
      if (isSignedBy(anchor.checkpoint.body, anchor.checkpoint.signature, this.#options.publicKey))
        this.#restores.push({ checkpoint: anchor.number, lostFrom: body.restored + 1, lostTo: anchor.number - 1 })
    }
    let stored = 0
    for await (const checkpoint of this.#stored()) stored = Math.max(stored, checkpoint.number)
    return { stored, anchored }
  }

  async #check(checkpoint: Numbered, ends: { stored: number; anchored: number }): Promise<Finding | undefined> {
    const { number, stored, anchored } = checkpoint
    const lost = this.#restores.some((restore) => number >= restore.lostFrom && number <= restore.lostTo)
    const expected = (this.#previous?.body.number ?? 0) + 1
    if (number !== expected) return { what: 'dropped', checkpoint: expected }
    if (anchored === null) return { what: 're-signed', checkpoint: number }
    if (!anchored && number < ends.anchored) return { what: 'dropped', checkpoint: number }
    if (stored && anchored && (stored.body !== anchored.body || !stored.signature.equals(anchored.signature)))
      return { what: 're-signed', checkpoint: number }
    const signed = anchored ?? stored
    const body = signed && parseCheckpoint(signed.body)
    if (!body || body.number !== number || !isSignedBy(signed.body, signed.signature, this.#options.publicKey))
      return { what: 're-signed', checkpoint: number }
    if (!this.#follows(body)) return { what: 'unchained', checkpoint: number }
    const finding = lost ? undefined : await this.#compare(body)
    if (finding) return finding
    if (!stored && this.#options.source.checkpoints && !lost)
      return { what: number > ends.stored ? 'truncated' : 'dropped', checkpoint: number }
    this.#previous = { body, text: signed.body }
    if (anchored) {
      this.#anchored++
      if (!lost) this.#anchoredHeads = body.heads
    }
    return undefined
  }

  #follows(body: CheckpointBody): boolean {
    if (!this.#previous) return body.previous.equals(NO_PREVIOUS)
    const { body: before, text } = this.#previous
    if (!body.previous.equals(checkpointHash(text)) || body.origin !== before.origin) return false
    if (body.restored !== undefined) return true
    const sizes = new Map(body.heads.map((head) => [head.node, head.size]))
    return before.heads.every((head) => (sizes.get(head.node) ?? -1) >= head.size)
  }

  async #compare(body: CheckpointBody): Promise<Finding | undefined> {
    for (const head of body.heads) {
      const finding = await (await this.#log(head.node)).compare(head, body.number)
      if (finding) return finding
    }
    return undefined
  }

  async #log(node: number): Promise<LogWalk> {
    const known = this.#logs.get(node)
    if (known) return known
    const base = await this.#options.source.base(node)
    const log = new LogWalk(this.#options.source, node, new MerkleTree(base))
    this.#logs.set(node, log)
    return log
  }

  /** Stored and anchored checkpoints side by side, in the order of their numbers. */
  async *#merged(): AsyncGenerator<Numbered> {
    const left = this.#stored()
    const right = this.#anchors()
    let stored = await left.next()
    let anchor = await right.next()
    while (!stored.done || !anchor.done) {
      const numbers = [stored.done ? Infinity : stored.value.number, anchor.done ? Infinity : anchor.value.number]
      const number = Math.min(...numbers)
      const next: Numbered = { number, stored: undefined, anchored: undefined }
      if (!stored.done && stored.value.number === number) {
        next.stored = stored.value
        stored = await left.next()
      }
      if (!anchor.done && anchor.value.number === number) {
        next.anchored = anchor.value.checkpoint ?? null
        anchor = await right.next()
      }
      yield next
    }
  }

  async *#stored(): AsyncGenerator<StoredCheckpoint> {
    if (this.#options.source.checkpoints) yield* this.#options.source.checkpoints()
  }

  async *#anchors(): AsyncGenerator<{ number: number; checkpoint: StoredCheckpoint | undefined }> {
    if (this.#options.anchorDirectory !== undefined) yield* readAnchors(this.#options.anchorDirectory)
  }

  #progress(): void {
    let leaves = 0
    for (const log of this.#logs.values()) leaves += log.size
    this.#options.onProgress?.({ leaves, checkpoints: this.#checkpoints })
  }
}

/** One log, read once from its first row to its last. */
class LogWalk {
  readonly node: number
  readonly base: number
  isBaseSigned = false
  readonly #source: LogSource
  readonly #tree: MerkleTree
  readonly #rows: AsyncIterator<LogRow>
  #signedSize = 0

  constructor(source: LogSource, node: number, tree: MerkleTree) {
    this.node = node
    this.base = tree.size
    this.#source = source
    this.#tree = tree
    this.#rows = source.rows(node, tree.size)[Symbol.asyncIterator]()
  }

  get size(): number {
    return this.#tree.size
  }

  root(): Buffer {
    return this.#tree.root()
  }

  /** Read on to the size a checkpoint signs and compare the roots. */
  async compare(head: Head, checkpoint: number): Promise<Finding | undefined> {
    if (head.size < this.base) return undefined
    const finding = await this.advance(head.size)
    if (finding) return finding
    if (this.#tree.size < head.size) return { what: 'truncated', node: this.node, index: this.#tree.size, checkpoint }
    if (this.#tree.size !== head.size || !this.#tree.root().equals(head.root))
      return { ...(await this.#rewritten(head.size)), checkpoint }
    if (head.size === this.base) this.isBaseSigned = true
    this.#signedSize = head.size
    return undefined
  }

  /** Read rows until the tree has `size` leaves or there are no more. */
  async advance(size: number): Promise<Finding | undefined> {
    while (this.#tree.size < size) {
      const before = this.#tree.snapshot()
      const row = await this.#rows.next()
      if (row.done) return undefined
      if (appendRow(this.#tree, row.value) === undefined) continue
      this.#tree.restore(before)
      return diagnose(this.node, before, [row.value, ...(await this.#behind(row.value))])
    }
    return undefined
  }

  async #behind(row: LogRow): Promise<LogRow[]> {
    const rows: LogRow[] = []
    for await (const next of this.#source.rows(this.node, row.first + 1)) {
      rows.push(next)
      if (rows.length === WINDOW_ROWS) break
    }
    return rows
  }

  /** Since the last checkpoint that agreed, something was made anew: name the leaf if its checksum gives it away. */
  async #rewritten(size: number): Promise<Finding> {
    const from = Math.max(this.#signedSize, this.base)
    for await (const row of this.#source.rows(this.node, from)) {
      if (row.first >= size) break
      const hit = row.leaves.findIndex((leaf) => !isIntact(leaf))
      if (hit >= 0) return { what: 'rewritten', node: this.node, index: row.first + hit }
    }
    return { what: 'rewritten', node: this.node, index: from, among: Math.max(1, size - from) }
  }
}
