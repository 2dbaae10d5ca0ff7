import { randomBytes } from 'node:crypto'
import type { Connection, Database } from '#db'
import { type Clock, errorFields, FaultError, type Log, metrics, raise } from '#kernel'
import { anchorNumbered, newestAnchor, writeAnchor } from './anchors.ts'
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
import { loadSigningKey, type SigningKey } from './signing-key.ts'
import {
  checkpoints,
  type Head,
  insertCheckpoint,
  insertFrontier,
  logHeads,
  newestCheckpoint,
  type StoredCheckpoint,
  tryLead,
} from './store.ts'

/** Signs what the logs hold, in one process of all that share the database. */
export interface Checkpointer {
  /**
   * Sign and anchor now, unless every leaf is covered already or another process leads: undefined then.
   * Faults: `audit.log.inconsistent`, `audit.checkpoint.*`, `audit.anchor.*`, `db.*`; nothing is signed then.
   */
  checkpoint(): Promise<StoredCheckpoint | undefined>
  /** Sign what is left, then stop. */
  close(): Promise<void>
}

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
/** How often the heads are looked at: one probe per log. */
const LOOK_MS = 1_000
/** After a fault: what refuses to be signed stays so until someone acts, and the log should still be readable then. */
const RETRY_MS = 10_000
/** Leaves between stored frontiers that are kept: 10,000 hashes take 10 ms, and so does what a proof reads at most. */
const FRONTIER_SPACING = 10_000
/** Stored checkpoints read at once when anchors are caught up. */
const CHECKPOINTS_PER_PAGE = 500

/**
 * Start signing checkpoints: each 10 s or 1,000 leaves, whichever comes first. A session lock makes one process the
 * leader; the others take over when it goes. Sets the metric of the newest checkpoint's age.
 * Faults: `audit.key.*`; what goes wrong later is logged, tried again, and seen in the metric.
 */
export async function startCheckpoints(options: CheckpointOptions): Promise<Checkpointer> {
  const checkpointer = new Leader(options)
  checkpointer.start()
  return checkpointer
}

class Leader implements Checkpointer {
  readonly #options: CheckpointOptions
  #connection: Connection | undefined
  #notary: Notary | undefined
  #timer: NodeJS.Timeout | undefined
  #running: Promise<StoredCheckpoint | undefined> = Promise.resolve(undefined)
  #closed = false

  constructor(options: CheckpointOptions) {
    this.#options = options
  }

  start(): void {
    const again = (waitMs: number): void => {
      if (!this.#closed) this.#timer = setTimeout(look, waitMs).unref()
    }
    const look = (): void => {
      this.#inTurn((notary) => notary.look()).then(
        () => again(LOOK_MS),
        (error: unknown) => {
          this.#complain(error)
          again(RETRY_MS)
        },
      )
    }
    again(LOOK_MS)
  }

  checkpoint(): Promise<StoredCheckpoint | undefined> {
    return this.#inTurn((notary) => notary.sign())
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.checkpoint().catch((error: unknown) => this.#complain(error))
    await this.#connection?.close()
  }

  /** One at a time, and only while this process leads. A fault makes the next turn start from what is stored. */
  #inTurn(work: (notary: Notary) => Promise<StoredCheckpoint | undefined>): Promise<StoredCheckpoint | undefined> {
    const turn = this.#running
      .catch(() => undefined)
      .then(async () => {
        const notary = await this.#lead()
        if (!notary) return undefined
        try {
          return await work(notary)
        } catch (error) {
          this.#notary = undefined
          throw error
        }
      })
    this.#running = turn
    return turn
  }

  async #lead(): Promise<Notary | undefined> {
    if (this.#connection?.closed !== false) {
      this.#notary = undefined
      this.#connection = await this.#options.database.connect()
    }
    if (!this.#notary) {
      if (!(await tryLead(this.#connection))) {
        await observeLag(this.#options)
        return undefined
      }
      try {
        this.#notary = await openNotary(this.#options)
      } catch (error) {
        // Another machine may hold the right key: leave the lead to it.
        await this.#connection.close()
        throw error
      }
    }
    return this.#notary
  }

  #complain(error: unknown): void {
    if (error instanceof FaultError)
      this.#options.log.error('audit checkpoint refused', { code: error.fault.code, category: error.fault.category })
    else this.#options.log.error('audit checkpoint failed', errorFields(error))
  }
}

/** Recomputes the logs by itself, row by row, and signs what it has seen. */
class Notary {
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
async function openNotary(options: CheckpointOptions): Promise<Notary> {
  const newest = await newestCheckpoint(options.database)
  // With checkpoints there, a missing key is a lost key: making another would look like a forger's work.
  const key = loadSigningKey(options.keyDirectory, { create: newest === undefined })
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

/**
 * After a restore from backup: sign, as a checkpoint of its own, that the logs go on from what the backup held. Verification
 * then reports the lost checkpoints as a restore instead of as tampering. Call it once, before anything is written.
 * Undefined when nothing was lost. Faults: as `Checkpointer.checkpoint`.
 */
export async function acceptRestore(options: Omit<CheckpointOptions, 'log'>): Promise<StoredCheckpoint | undefined> {
  const anchored = await newestAnchor(options.anchorDirectory)
  const newest = await newestCheckpoint(options.database)
  if (!anchored || anchored.number <= (newest?.number ?? 0)) return undefined
  const key = loadSigningKey(options.keyDirectory, { create: false })
  const last = await anchorNumbered(options.anchorDirectory, anchored.number)
  const lastBody = last?.checkpoint && parseCheckpoint(last.checkpoint.body)
  if (!last?.checkpoint || !lastBody || !isSignedBy(last.checkpoint.body, last.checkpoint.signature, key.publicKey))
    return raise({
      category: 'unavailable',
      code: 'audit.checkpoint.foreign',
      message: `The newest anchored checkpoint ${anchored.number} was not signed with this key. Restore the key of the same backup.`,
    })
  const heads: Head[] = []
  for (const { node, size } of await logHeads(options.database))
    heads.push({ node, size, root: (await treeAt(options.database, node, size)).root() })
  const at = options.clock.now()
  const text = encodeCheckpoint({
    origin: lastBody.origin,
    number: anchored.number + 1,
    at,
    previous: checkpointHash(last.checkpoint.body),
    restored: newest?.number ?? 0,
    heads,
  })
  const signature = signCheckpoint(text, key.privateKey)
  const checkpoint = { number: anchored.number + 1, at, body: text, signature }
  await insertCheckpoint(options.database, checkpoint)
  await writeAnchor(options.anchorDirectory, checkpoint)
  return checkpoint
}

/** Every process shows the lag, also while another one signs: the age of the newest checkpoint while it leaves something out. */
async function observeLag({ database, clock }: CheckpointOptions): Promise<void> {
  const newest = await newestCheckpoint(database)
  const body = newest && parseCheckpoint(newest.body)
  const lags = body !== undefined && uncoveredLeaves(await logHeads(database), body) > 0
  metrics.auditLagSeconds.set(lags ? Math.max(0, clock.now() - body.at) / 1000 : 0)
}

/** Leaves the checkpoint does not cover. A log that shrank or vanished counts too: looking at it is what refuses it. */
function uncoveredLeaves(heads: readonly Head[], body: CheckpointBody | undefined): number {
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
