import type { KeyObject } from 'node:crypto'
import { type Fault, fail, ok, type Result, raise } from '#kernel'
import { type CheckpointBody, isSignedBy, parseCheckpoint } from './checkpoint-body.ts'
import { inconsistent, logRowsFrom, vouchedTree } from './log-tree.ts'
import { leafHash } from './merkle.ts'
import {
  consistencyRanges,
  inclusionRanges,
  type Range,
  RangeHasher,
  verifyConsistency,
  verifyInclusion,
} from './merkle-proof.ts'
import { type AuditRecord, decodeRecord } from './record.ts'
import { checkpoints, type Head, newestCheckpoint, type Queryable, type StoredCheckpoint } from './store.ts'

/** Proof that a record is in a log that a checkpoint signed. JSON; checked with the public key alone. Bytes are base64. */
export interface InclusionBundle {
  format: 'salus-audit-inclusion/1'
  node: number
  index: number
  leaf: string
  /** Sibling hashes, RFC 6962 §2.1.1. */
  path: string[]
  checkpoint: SignedText
}

/** Proof that every log of an older checkpoint is a beginning of the same log in a newer one. */
export interface ConsistencyBundle {
  format: 'salus-audit-consistency/1'
  from: SignedText
  to: SignedText
  /** RFC 6962 §2.1.2, per log of the older checkpoint. */
  logs: { node: number; path: string[] }[]
}

interface SignedText {
  body: string
  signature: string
}

/** Larger JSON is no bundle of ours: 1,000 logs with 106 hashes each are 5 MB. */
const LOGS_MAX = 1_000

/**
 * Prove that leaf `index` of log `node` is signed, by the first checkpoint that covers it. Reads the log from the stored
 * frontier before the leaf to the checkpoint, at most some ten thousand leaves.
 * Faults: `audit.proof.not-covered` (no such leaf, or not signed yet: wait for the next checkpoint), `audit.log.inconsistent`.
 */
export async function proveRecord(
  database: Queryable,
  place: { node: number; index: number },
): Promise<InclusionBundle> {
  const { node, index } = place
  const covering = await firstCovering(database, node, index)
  if (!covering) return notCovered(place)
  const { checkpoint, head } = covering
  const found = await hashesOf(database, {
    node,
    ranges: inclusionRanges(index, head.size),
    from: index,
    size: head.size,
  })
  const leaf = found.leaf
  if (!leaf || !isProven(leaf, index, head, found.hashes)) return inconsistent(node, index)
  const path = found.hashes.map(base64)
  return { format: 'salus-audit-inclusion/1', node, index, leaf: base64(leaf), path, checkpoint: textOf(checkpoint) }
}

/** Prove that between the checkpoints numbered `from` and `to` the logs only grew. Faults: `audit.proof.not-covered`, `audit.log.inconsistent`. */
export async function proveConsistency(
  database: Queryable,
  numbers: { from: number; to: number },
): Promise<ConsistencyBundle> {
  const older = await numbered(database, numbers.from)
  const newer = await numbered(database, numbers.to)
  const logs: ConsistencyBundle['logs'] = []
  for (const first of older.body.heads) {
    const second = newer.body.heads.find((head) => head.node === first.node)
    if (!second || second.size < first.size) return inconsistent(first.node, second?.size ?? 0)
    const ranges = consistencyRanges(first.size, second.size)
    const { hashes } = await hashesOf(database, { node: first.node, ranges, from: first.size, size: second.size })
    if (!verifyConsistency({ first, second, proof: hashes })) return inconsistent(first.node, 0)
    logs.push({ node: first.node, path: hashes.map(base64) })
  }
  return { format: 'salus-audit-consistency/1', from: textOf(older.checkpoint), to: textOf(newer.checkpoint), logs }
}

/** What a checked inclusion bundle proves. */
export interface ProvenRecord {
  record: AuditRecord
  node: number
  index: number
  checkpoint: CheckpointBody
}

/** Check an inclusion bundle, as parsed from JSON, with nothing but the public key. Pure. Fault: `audit.proof.invalid`. */
export function verifyProof(bundle: unknown, publicKey: KeyObject): Result<ProvenRecord> {
  const { format, node, index, leaf, path, checkpoint } = fields<InclusionBundle>(bundle)
  if (format !== 'salus-audit-inclusion/1' || typeof node !== 'number' || typeof index !== 'number')
    return invalid('It is no inclusion proof.')
  const body = signedBody(checkpoint, publicKey)
  if (!body) return invalid('The checkpoint is not signed with this key.')
  const head = body.heads.find((candidate) => candidate.node === node)
  const bytes = typeof leaf === 'string' ? Buffer.from(leaf, 'base64') : Buffer.alloc(0)
  const hashes = hashList(path)
  if (!head || !hashes || !isProven(bytes, index, head, hashes)) return invalid('The record is not in the signed log.')
  try {
    return ok({ record: decodeRecord(bytes), node, index, checkpoint: body })
  } catch {
    return invalid('The record is in the log but cannot be read by this version.')
  }
}

/** Check a consistency bundle, as parsed from JSON, with nothing but the public key. Pure. Fault: `audit.proof.invalid`. */
export function verifyConsistencyProof(
  bundle: unknown,
  publicKey: KeyObject,
): Result<{ from: CheckpointBody; to: CheckpointBody }> {
  const { format, from, to, logs } = fields<ConsistencyBundle>(bundle)
  if (format !== 'salus-audit-consistency/1' || !Array.isArray(logs) || logs.length > LOGS_MAX)
    return invalid('It is no consistency proof.')
  const older = signedBody(from, publicKey)
  const newer = signedBody(to, publicKey)
  if (!older || !newer || older.origin !== newer.origin) return invalid('A checkpoint is not signed with this key.')
  for (const first of older.heads) {
    const second = newer.heads.find((head) => head.node === first.node)
    const hashes = hashList(logs.find((log) => log?.node === first.node)?.path)
    if (!second || !hashes || !verifyConsistency({ first, second, proof: hashes }))
      return invalid(`Log ${first.node} of the newer checkpoint does not continue the older one.`)
  }
  return ok({ from: older, to: newer })
}

function isProven(leaf: Buffer, index: number, head: Head, proof: readonly Buffer[]): boolean {
  return verifyInclusion({ leaf: leafHash(leaf), index, size: head.size, root: head.root, proof })
}

/** Subtree hashes of `ranges`, and the leaf at `from`, reading from the nearest stored frontier at or before `from`. */
async function hashesOf(
  database: Queryable,
  wanted: { node: number; ranges: Range[]; from: number; size: number },
): Promise<{ hashes: Buffer[]; leaf: Buffer | undefined }> {
  const base = (await vouchedTree(database, wanted.node, wanted.from)).snapshot()
  const hasher = new RangeHasher(wanted.ranges, base)
  let leaf: Buffer | undefined
  let next = base.size
  for await (const row of logRowsFrom(database, { node: wanted.node, from: base.size, until: wanted.size })) {
    if (row.first !== next) inconsistent(wanted.node, next)
    for (const bytes of row.leaves) {
      if (next === wanted.from) leaf = bytes
      if (next < wanted.size) hasher.append(leafHash(bytes))
      next++
    }
  }
  return { hashes: hasher.hashes() ?? inconsistent(wanted.node, next), leaf }
}

interface Covering {
  checkpoint: StoredCheckpoint
  head: Head
}

/** Binary search: a log's signed size never shrinks from one checkpoint to the next. */
async function firstCovering(database: Queryable, node: number, index: number): Promise<Covering | undefined> {
  const newest = await newestCheckpoint(database)
  let low = 1
  let high = newest?.number ?? 0
  let best = newest && covers(newest, node, index)
  while (best && low < high) {
    const middle = Math.floor((low + high) / 2)
    // After a restore numbers are missing: the next one that exists stands for them.
    const [checkpoint] = await checkpoints(database, middle, 1)
    const found = checkpoint && covers(checkpoint, node, index)
    if (found) best = found
    if (found) high = middle
    else low = Math.max(middle, checkpoint?.number ?? middle) + 1
  }
  return best
}

function covers(checkpoint: StoredCheckpoint, node: number, index: number): Covering | undefined {
  const head = parseCheckpoint(checkpoint.body)?.heads.find((candidate) => candidate.node === node)
  return head && head.size > index ? { checkpoint, head } : undefined
}

async function numbered(
  database: Queryable,
  number: number,
): Promise<{ checkpoint: StoredCheckpoint; body: CheckpointBody }> {
  const [checkpoint] = await checkpoints(database, number, 1)
  const body = checkpoint && parseCheckpoint(checkpoint.body)
  if (checkpoint?.number === number && body) return { checkpoint, body }
  return raise({
    category: 'not-found',
    code: 'audit.proof.not-covered',
    message: `There is no audit checkpoint ${number}.`,
  })
}

function signedBody(signed: unknown, publicKey: KeyObject): CheckpointBody | undefined {
  const { body, signature } = fields<SignedText>(signed)
  if (typeof body !== 'string' || typeof signature !== 'string') return undefined
  return isSignedBy(body, Buffer.from(signature, 'base64'), publicKey) ? parseCheckpoint(body) : undefined
}

function fields<T extends object>(value: unknown): { [K in keyof T]?: T[K] | undefined } {
  return typeof value === 'object' && value !== null ? value : {}
}

function hashList(path: unknown): Buffer[] | undefined {
  if (!Array.isArray(path) || path.length > 128) return undefined
  const hashes = path.map((hash) => Buffer.from(typeof hash === 'string' ? hash : '', 'base64'))
  return hashes.every((hash) => hash.length === 32) ? hashes : undefined
}

function textOf(checkpoint: StoredCheckpoint): SignedText {
  return { body: checkpoint.body, signature: base64(checkpoint.signature) }
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64')
}

function notCovered({ node, index }: { node: number; index: number }): never {
  return raise({
    category: 'not-found',
    code: 'audit.proof.not-covered',
    message: `No checkpoint covers leaf ${index} of audit log ${node}. If it was written just now, try again in 10 seconds.`,
  })
}

function invalid(message: string): { ok: false; fault: Fault } {
  return fail({ category: 'invalid', code: 'audit.proof.invalid', message })
}
