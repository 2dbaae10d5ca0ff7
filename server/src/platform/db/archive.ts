import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { FaultError } from '#kernel'

/**
 * The file of a backup: a magic line, then frames of one letter, a 4-byte big-endian length and that many bytes.
 * `M` manifest, then per table `T` head, `D` data (COPY binary) and `E` end with its digest, then `S` sequences, then
 * `Z` with the digest of every byte before it. Everything but `D` is JSON. See README.md, "Backups".
 */
const MAGIC = Buffer.from('SALUS-BACKUP-1\n')
const HEAD_BYTES = 5
/** A frame is held in memory whole; the writer cuts data to this. */
const FRAME_BYTES_MAX = 4 * 1024 * 1024

export interface Manifest {
  /** Version of Salus that wrote it. */
  salus: string
  /** Milliseconds since 1970 when its snapshot was taken. */
  at: number
  postgres: string
  schemas: string[]
  migrations: { module: string; number: number; name: string; hash: string }[]
}

export interface TableHead {
  schema: string
  table: string
  columns: string[]
}

export interface TableEnd {
  rows: number
  bytes: number
  sha256: string
}

export interface SequenceState {
  schema: string
  name: string
  last: string
  called: boolean
}

interface FrameBodies {
  M: Manifest
  T: TableHead
  E: TableEnd
  S: SequenceState[]
  Z: { tables: number; sha256: string }
}

export type Frame =
  | { kind: 'D'; body: Buffer }
  | { [K in keyof FrameBodies]: { kind: K; body: FrameBodies[K] } }[keyof FrameBodies]

/** Writes frames to `handle`, one after the other, with no more than one frame in memory. */
export class ArchiveWriter {
  readonly #handle: FileHandle
  readonly #digest = createHash('sha256')
  #table: { hash: Hash; bytes: number } | undefined
  #tables = 0
  bytes = 0

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  async start(manifest: Manifest): Promise<void> {
    await this.#write(MAGIC)
    await this.#frame('M', json(manifest))
  }

  async startTable(head: TableHead): Promise<void> {
    this.#table = { hash: createHash('sha256'), bytes: 0 }
    this.#tables++
    await this.#frame('T', json(head))
  }

  async data(chunk: Buffer): Promise<void> {
    for (let from = 0; from < chunk.length; from += FRAME_BYTES_MAX) {
      const part = chunk.subarray(from, from + FRAME_BYTES_MAX)
      this.#table?.hash.update(part)
      if (this.#table) this.#table.bytes += part.length
      await this.#frame('D', part)
    }
  }

  async endTable(rows: number): Promise<void> {
    const { hash, bytes } = this.#table ?? { hash: createHash('sha256'), bytes: 0 }
    await this.#frame('E', json({ rows, bytes, sha256: hash.digest('hex') } satisfies TableEnd))
  }

  async end(sequences: SequenceState[]): Promise<void> {
    await this.#frame('S', json(sequences))
    await this.#frame('Z', json({ tables: this.#tables, sha256: this.#digest.copy().digest('hex') }))
  }

  async #frame(kind: Frame['kind'], body: Buffer): Promise<void> {
    const head = Buffer.alloc(HEAD_BYTES)
    head.write(kind, 0, 'latin1')
    head.writeUInt32BE(body.length, 1)
    await this.#write(head)
    await this.#write(body)
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#digest.update(bytes)
    this.bytes += bytes.length
    for (let from = 0; from < bytes.length; ) from += (await this.#handle.write(bytes, from)).bytesWritten
  }
}

function json(body: unknown): Buffer {
  return Buffer.from(JSON.stringify(body))
}

/** The file is refused as a whole. */
export function damage(what: string, cause?: unknown): FaultError {
  return new FaultError(
    {
      category: 'invalid',
      code: 'db.backup-damaged',
      message: `The backup file is damaged or not a backup of Salus (${what}). Use another copy. Nothing was changed.`,
    },
    { cause },
  )
}

export function damaged(what: string): never {
  throw damage(what)
}

/**
 * The frames of a backup file in order, each table's and the whole file's digest checked on the way: the `Z` frame is
 * yielded only when everything before it was whole. Fault `db.backup-damaged`.
 */
export async function* readArchive(file: string): AsyncGenerator<Frame> {
  const handle = await open(file, 'r')
  try {
    const source = new FrameSource(handle)
    if (!(await source.take(MAGIC.length)).equals(MAGIC)) damaged('no backup')
    let table: { hash: Hash; bytes: number } | undefined
    let tables = 0
    for (;;) {
      const before = source.digest()
      const frame = await source.frame()
      if (frame.kind === 'T') {
        table = { hash: createHash('sha256'), bytes: 0 }
        tables++
      } else if (frame.kind === 'D') {
        if (!table) damaged('data outside a table')
        table.hash.update(frame.body)
        table.bytes += frame.body.length
      } else if (frame.kind === 'E') {
        if (!table || frame.body.bytes !== table.bytes || frame.body.sha256 !== table.hash.digest('hex'))
          damaged('a table differs from its digest')
        table = undefined
      } else if (frame.kind === 'Z') {
        if (frame.body.tables !== tables || frame.body.sha256 !== before.digest('hex')) damaged('digest')
        if (!(await source.atEnd())) damaged('bytes after its end')
        yield frame
        return
      }
      yield frame
    }
  } finally {
    await handle.close()
  }
}

class FrameSource {
  readonly #handle: FileHandle
  readonly #digest = createHash('sha256')

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  digest(): Hash {
    return this.#digest.copy()
  }

  async frame(): Promise<Frame> {
    const head = await this.take(HEAD_BYTES)
    const kind = head.toString('latin1', 0, 1)
    const length = head.readUInt32BE(1)
    if (!'MTDESZ'.includes(kind) || length > FRAME_BYTES_MAX) damaged('unknown frame')
    const body = await this.take(length)
    if (kind === 'D') return { kind, body }
    try {
      const parsed: unknown = JSON.parse(body.toString())
      return { kind, body: parsed } as Frame
    } catch {
      return damaged('unreadable frame')
    }
  }

  async take(bytes: number): Promise<Buffer> {
    const out = Buffer.allocUnsafe(bytes)
    for (let filled = 0; filled < bytes; ) {
      const { bytesRead } = await this.#handle.read(out, filled, bytes - filled)
      if (bytesRead === 0) damaged('cut short')
      filled += bytesRead
    }
    this.#digest.update(out)
    return out
  }

  async atEnd(): Promise<boolean> {
    const { bytesRead } = await this.#handle.read(Buffer.alloc(1), 0, 1)
    return bytesRead === 0
  }
}
