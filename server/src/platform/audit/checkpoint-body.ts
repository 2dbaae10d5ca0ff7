import { hash, type KeyObject, sign, verify } from 'node:crypto'
import type { Head, StoredCheckpoint } from './store.ts'

/** What a checkpoint says: at this moment the logs had these sizes and roots. */
export interface CheckpointBody {
  /** Names the installation; chosen at random for the first checkpoint and kept from then on. */
  origin: string
  /** 1, 2, 3 ... */
  number: number
  /** ms since 1970. */
  at: number
  /** SHA-256 of the previous body; 32 zero bytes in the first. */
  previous: Buffer
  /** Present after a restore from backup: number of the newest checkpoint that the restored database held. */
  restored?: number
  /** In ascending order of node. */
  heads: Head[]
}

const TITLE = 'salus audit checkpoint 1'
export const NO_PREVIOUS: Buffer = Buffer.alloc(32)
/** As many as there can be logs. */
const HEADS_MAX = 1_000

/** The signed text: one fact per line, so that people and other programs can read it in ten years. */
export function encodeCheckpoint(body: CheckpointBody): string {
  const lines = [
    TITLE,
    `origin ${body.origin}`,
    `number ${body.number}`,
    `time ${new Date(body.at).toISOString()}`,
    `previous ${body.previous.toString('base64')}`,
    ...(body.restored === undefined ? [] : [`restored ${body.restored}`]),
    ...body.heads.map((head) => `log ${head.node} ${head.size} ${head.root.toString('base64')}`),
  ]
  return `${lines.join('\n')}\n`
}

/** The reverse of `encodeCheckpoint`; undefined for any text it would not have written. */
export function parseCheckpoint(text: string): CheckpointBody | undefined {
  const lines = text.split('\n')
  const field = (name: string): string | undefined =>
    lines[0]?.startsWith(`${name} `) ? lines.shift()?.slice(name.length + 1) : undefined
  if (lines.shift() !== TITLE || lines.length > HEADS_MAX + 8) return undefined
  const origin = field('origin')
  const number = Number(field('number'))
  const at = Date.parse(field('time') ?? '')
  const previous = Buffer.from(field('previous') ?? '', 'base64')
  const restored = field('restored')
  const heads: Head[] = []
  for (let line = field('log'); line !== undefined; line = field('log')) {
    const [node, size, root] = line.split(' ')
    heads.push({ node: Number(node), size: Number(size), root: Buffer.from(root ?? '', 'base64') })
  }
  if (origin === undefined || !Number.isSafeInteger(number) || Number.isNaN(at)) return undefined
  const body: CheckpointBody = { origin, number, at, previous, heads }
  if (restored !== undefined) body.restored = Number(restored)
  return isSound(body) && encodeCheckpoint(body) === text ? body : undefined
}

function isSound(body: CheckpointBody): boolean {
  const ascending = body.heads.every((head, index) => index === 0 || head.node > (body.heads[index - 1]?.node ?? -1))
  const whole = body.heads.every(
    (head) =>
      Number.isSafeInteger(head.node) && Number.isSafeInteger(head.size) && head.size > 0 && head.root.length === 32,
  )
  return ascending && whole && body.previous.length === 32 && body.number > 0
}

/** What the next checkpoint names as its previous one. */
export function checkpointHash(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

/** Ed25519 (RFC 8032) over the UTF-8 bytes of the text. */
export function signCheckpoint(text: string, privateKey: KeyObject): Buffer {
  return sign(null, Buffer.from(text), privateKey)
}

export function isSignedBy(text: string, signature: Uint8Array, publicKey: KeyObject): boolean {
  return signature.length === 64 && verify(null, Buffer.from(text), publicKey, signature)
}

/** A checkpoint as one file: the signed text, then one line with the signature. */
export function anchorText(checkpoint: StoredCheckpoint): string {
  return `${checkpoint.body}signature ${checkpoint.signature.toString('base64')}\n`
}

/** The reverse of `anchorText`; undefined when it is no checkpoint. Does not check the signature. */
export function parseAnchor(text: string): StoredCheckpoint | undefined {
  const match = /^([\s\S]*\n)signature ([A-Za-z0-9+/]{86}==)\n$/.exec(text)
  const body = match?.[1] ?? ''
  const parsed = parseCheckpoint(body)
  const signature = Buffer.from(match?.[2] ?? '', 'base64')
  return parsed && { number: parsed.number, at: parsed.at, body, signature }
}
