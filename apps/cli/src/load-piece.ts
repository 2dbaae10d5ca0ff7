import { createHash } from 'node:crypto'

/** Where an entry came from, for the report. */
export interface Origin {
  file: string
  /** `line 12`, `entry 3`, or nothing when it is the whole file. */
  place: string
}

export interface PieceEntry {
  /** Resource type, as far as it is known. */
  type: string
  method: string
  origin: Origin
}

/** What is sent in one request: a Bundle of somebody else's, or a pack of ours. */
export interface Piece {
  /** What the state file remembers of it: one content hash, or one for each file of a pack. */
  keys: string[]
  type: 'transaction' | 'batch'
  entries: PieceEntry[]
  /** The Bundle as it was found. Absent: a pack of `parts`. */
  bytes?: Buffer
  /** Each entry as JSON. */
  parts: Buffer[]
  /** Sending it twice leaves the same resources as sending it once. */
  repeatable: boolean
  /** A transaction that may be sent as a batch, to store what is right when something in it is not. */
  divisible: boolean
}

/** The request's body. */
export function bodyOf(piece: Piece): Buffer {
  if (piece.bytes) return piece.bytes
  const chunks: Buffer[] = [Buffer.from(`{"resourceType":"Bundle","type":"${piece.type}","entry":[`)]
  for (const [index, part] of piece.parts.entries()) chunks.push(index === 0 ? EMPTY : COMMA, part)
  chunks.push(END)
  return Buffer.concat(chunks)
}

const EMPTY = Buffer.alloc(0)
const COMMA = Buffer.from(',')
const END = Buffer.from(']}')

/** Content hash of a unit of loading: 128 bits of SHA-256 tell any two files apart. */
export function contentKey(bytes: Buffer | readonly Buffer[]): string {
  const hash = createHash('sha256')
  for (const part of Buffer.isBuffer(bytes) ? [bytes] : bytes) hash.update(part)
  return hash.digest('hex').slice(0, 32)
}

/** Some entries of a piece as a piece of their own; of a Bundle that was found the entries are taken out of its text. */
export function subsetOf(piece: Piece, indexes: readonly number[]): Piece {
  const parts = piece.bytes ? entryTexts(piece.bytes) : piece.parts
  const { bytes: _whole, ...rest } = piece
  return {
    ...rest,
    entries: indexes.map((index) => piece.entries[index]).filter((entry) => entry !== undefined),
    parts: indexes.map((index) => parts[index]).filter((part) => part !== undefined),
  }
}

function entryTexts(bytes: Buffer): Buffer[] {
  const { entry } = parseExactly(bytes) as { entry?: unknown[] }
  return (entry ?? []).map((one) => Buffer.from(JSON.stringify(one)))
}

/** Parses JSON so that `JSON.stringify` writes each number as it was written: 1.50 stays 1.50. */
export function parseExactly(bytes: Buffer): unknown {
  return JSON.parse(textOf(bytes), keepNumberText as (key: string, value: unknown) => unknown)
}

function keepNumberText(_key: string, value: unknown, context: { source: string }): unknown {
  if (typeof value !== 'number' || String(value) === context.source) return value
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(context.source)
}

/** Text of UTF-8 bytes, without the mark that some systems put before it. */
export function textOf(bytes: Buffer): string {
  return withoutMark(bytes).toString('utf8')
}

export function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes
}
