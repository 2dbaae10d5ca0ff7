import { randomBytes } from 'node:crypto'
import type { Database } from '#db'
import { type Clock, type Log, metrics, raise } from '#kernel'
import { newestAnchor, writeAnchor } from './anchors.ts'
import {
  type CheckpointBody,
  checkpointHash,
  encodeCheckpoint,
  isSignedBy,
  NO_PREVIOUS,
  parseCheckpoint,
  signCheckpoint,
} from './checkpoint-body.ts'
import { appendRow, inconsistent, logRowsFrom, treeAt } from './log-tree.ts'
import { MerkleTree } from './merkle.ts'
import { keepPublicKey, loadSigningKey, type SigningKey } from './signing-key.ts'
import {
  checkpoints,
  type Head,
  insertCheckpoint,
  insertFrontier,
  logHeads,
  newestCheckpoint,
  type StoredCheckpoint,
} from './store.ts'

/** What signing checkpoints needs. */
export interface CheckpointOptions {
  database: Database
  clock: Clock
  log: Log
  /** Holds the signing key; made on first use. */
  keyDirectory: string
  /** Receives each checkpoint as a file. Best on other storage than the database. */
  anchorDirectory: string
}

/** A forger with full control of the machine can rewrite what is younger than this without a trace. */
const CHECKPOINT_MS = 10_000
/** ... or these many leaves, whichever comes first. */
const CHECKPOINT_LEAVES = 1_000
/** Without new leaves a checkpoint an hour says that nothing was cut off. */
const IDLE_CHECKPOINT_MS = 3_600_000
/** Leaves between stored frontiers that are kept: 10,000 hashes take 10 ms, and so does what a proof reads at most. */
const FRONTIER_SPACING = 10_000
/** Stored checkpoints read at once when anchors are caught up. */
const CHECKPOINTS_PER_PAGE = 500

/** Recomputes the logs by itself, row by row, and signs what it has seen. */
export class Notary {
  readonly #options: CheckpointOptions
  readonly #key: SigningKey
  readonly #trees: Map<number, MerkleTree>
  #last: { body: CheckpointBody; text: string } | undefined

  constructor(options: CheckpointOptions, key: SigningKey, start: Start) {
    this.#options = options
    this.#key = key
    this.#trees = start.trees
    this.#last = start.last
  }

  /** Sign when it is time. */
  async look(): Promise<StoredCheckpoint | undefined> {
    const heads = await logHeads(this.#options.database)
    const uncovered = uncoveredLeaves(heads, this.#last?.body)
    const ageMs = this.#options.clock.now() - (this.#last?.body.at ?? 0)
    const due = uncovered > 0 && (uncovered >= CHECKPOINT_LEAVES || ageMs >= CHECKPOINT_MS || ageMs < 0)
    const idle = this.#last !== undefined && ageMs >= IDLE_CHECKPOINT_MS
    metrics.auditLagSeconds.set(uncovered > 0 && this.#last ? Math.max(0, ageMs) / 1000 : 0)
    return due || idle ? this.#signHeads(heads) : undefined
  }

  async sign(): Promise<StoredCheckpoint | undefined> {
    const heads = await logHeads(this.#options.database)
    return uncoveredLeaves(heads, this.#last?.body) > 0 ? this.#signHeads(heads) : undefined
  }

  async #signHeads(heads: readonly Head[]): Promise<StoredCheckpoint> {
    const present = new Set(heads.map((head) => head.node))
    for (const [node, tree] of this.#trees) if (!present.has(node)) shrunk(node, { size: 0, signed: tree.size })
    const grown: Head[] = []
    for (const head of heads) if (await this.#follow(head)) grown.push(head)
    const body: CheckpointBody = {
      origin: this.#last?.body.origin ?? `salus-${randomBytes(8).toString('hex')}`,
      number: (this.#last?.body.number ?? 0) + 1,
      at: this.#options.clock.now(),
      previous: this.#last ? checkpointHash(this.#last.text) : NO_PREVIOUS,
      heads: heads.map(({ node, size, root }) => ({ node, size, root })),
    }
    return this.#issue(body, grown)
  }

  async #issue(body: CheckpointBody, grown: readonly Head[]): Promise<StoredCheckpoint> {
    const text = encodeCheckpoint(body)
    const signature = signCheckpoint(text, this.#key.privateKey)
    const checkpoint = { number: body.number, at: body.at, body: text, signature }
    // Stored before it is anchored: an anchor nobody can take back must never name a checkpoint that lost its place.
    await this.#options.database.transaction(async (tx) => {
      await insertCheckpoint(tx, checkpoint)
      for (const { node, size } of grown) {
        const bytes = this.#trees.get(node)?.serialize()
        if (bytes) await insertFrontier(tx, { node, size, checkpoint: body.number, bytes }, FRONTIER_SPACING)
      }
    })
    this.#last = { body, text }
    await writeAnchor(this.#options.anchorDirectory, checkpoint)
    metrics.auditLagSeconds.set(0)
    return checkpoint
  }

  /** Recompute the log up to `head` from its leaves; whether it grew. Faults: `audit.log.inconsistent`, `audit.checkpoint.smaller`. */
  async #follow(head: Head): Promise<boolean> {
    const tree = this.#trees.get(head.node) ?? new MerkleTree()
    this.#trees.set(head.node, tree)
    if (head.size < tree.size) shrunk(head.node, { size: head.size, signed: tree.size })
    const before = tree.size
    for await (const row of logRowsFrom(this.#options.database, { node: head.node, from: before, until: head.size })) {
      const bad = appendRow(tree, row)
      if (bad !== undefined) inconsistent(head.node, bad)
    }
    if (tree.size !== head.size || !tree.root().equals(head.root)) inconsistent(head.node, Math.min(tree.size, before))
    return tree.size > before
  }
}

interface Start {
  trees: Map<number, MerkleTree>
  last: { body: CheckpointBody; text: string } | undefined
}

/** Pick up behind the newest stored checkpoint, after making sure that it is ours, and anchored. */
export async function openNotary(options: CheckpointOptions): Promise<Notary> {
  const newest = await newestCheckpoint(options.database)
  // With checkpoints there, a missing key is a lost key: making another would look like a forger's work.
  const key = loadSigningKey(options.keyDirectory, { create: newest === undefined })
  keepPublicKey(options.keyDirectory, key.publicKey)
  await agreeWithAnchors(options, newest)
  if (!newest) return new Notary(options, key, { trees: new Map(), last: undefined })
  const body = parseCheckpoint(newest.body)
  if (body?.number !== newest.number || !isSignedBy(newest.body, newest.signature, key.publicKey))
    return raise({
      category: 'unavailable',
      code: 'audit.checkpoint.foreign',
      message: `Audit checkpoint ${newest.number} was not signed with this key. Put the right key back, or run "salus audit verify".`,
    })
  const trees = new Map<number, MerkleTree>()
  for (const head of body.heads) {
    const tree = await treeAt(options.database, head.node, head.size)
    if (tree.size < head.size) shrunk(head.node, { size: tree.size, signed: head.size })
    if (!tree.root().equals(head.root)) inconsistent(head.node, 0)
    trees.set(head.node, tree)
  }
  return new Notary(options, key, { trees, last: { body, text: newest.body } })
}

/** Anchor what a crash kept from being anchored. Faults: `audit.checkpoint.behind-anchors` when the database is the older one. */
async function agreeWithAnchors(options: CheckpointOptions, newest: StoredCheckpoint | undefined): Promise<void> {
  const anchored = await newestAnchor(options.anchorDirectory)
  if (anchored && anchored.number > (newest?.number ?? 0))
    raise({
      category: 'unavailable',
      code: 'audit.checkpoint.behind-anchors',
      message: `The database knows ${newest?.number ?? 0} audit checkpoints, but ${anchored.number} are anchored. If it was restored from a backup, finish with "salus restore"; if not, run "salus audit verify".`,
    })
  if (!newest) return
  const own = anchored && (await checkpoints(options.database, anchored.number, 1))[0]
  if (own) await writeAnchor(options.anchorDirectory, own)
  let from = (anchored?.number ?? 0) + 1
  while (from <= newest.number) {
    const page = await checkpoints(options.database, from, CHECKPOINTS_PER_PAGE)
    if (page.length === 0) return
    for (const checkpoint of page) await writeAnchor(options.anchorDirectory, checkpoint)
    from = (page.at(-1)?.number ?? from) + 1
  }
}

/** Leaves the checkpoint does not cover. A log that shrank or vanished counts too: looking at it is what refuses it. */
export function uncoveredLeaves(heads: readonly Head[], body: CheckpointBody | undefined): number {
  const covered = new Map(body?.heads.map((head) => [head.node, head.size]))
  let leaves = 0
  for (const head of heads) leaves += Math.abs(head.size - (covered.get(head.node) ?? 0))
  const present = new Set(heads.map((head) => head.node))
  for (const [node, size] of covered) if (!present.has(node)) leaves += size
  return leaves
}

function shrunk(node: number, sizes: { size: number; signed: number }): never {
  return raise({
    category: 'unavailable',
    code: 'audit.checkpoint.smaller',
    message: `Audit log ${node} has ${sizes.size} leaves, but ${sizes.signed} are signed. Leaves were removed: keep the database as it is and run "salus audit verify".`,
  })
}
