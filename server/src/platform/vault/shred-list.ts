import { timingSafeEqual } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { raise } from '#kernel'
import type { Tombstone } from './store.ts'

/** HMAC of a line under the tenant's own key; undefined for a tenant this key store does not have. */
export type LineMac = (tenant: number, line: string) => string | undefined

export interface ShredListEntry extends Tombstone {
  /** Whether the tenant is known here; an entry of another tenant cannot be checked and concerns nothing here. */
  known: boolean
}

/** Entries handed over at a time. */
const BATCH_ENTRIES = 1_000
/** A line is about 150 bytes; a longer tail than this is not a torn line but another file. */
const TAIL_BYTES = 4_096

/**
 * Append to the list of shredded patients and force it to disk. One JSON line per patient, each with its own MAC, in a
 * file outside the database: a restored backup of the database would otherwise bring destroyed keys back.
 * Fault `vault.shred-list-unwritable`.
 */
export async function appendToShredList(path: string, tombstones: readonly Tombstone[], mac: LineMac): Promise<void> {
  const lines = tombstones.map(
    (tombstone) => `${JSON.stringify({ ...fields(tombstone), mac: mac(tombstone.tenant, canonical(tombstone)) })}\n`,
  )
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const isNew = !(await stat(path).catch(() => undefined))
    const file = await open(path, 'a+', 0o600)
    try {
      await dropTornLine(file)
      await file.appendFile(lines.join(''))
      await file.sync()
    } finally {
      await file.close()
    }
    if (isNew && process.platform !== 'win32') await syncDirectory(dirname(path))
  } catch (error) {
    raise(
      {
        category: 'unavailable',
        code: 'vault.shred-list-unwritable',
        message: `Cannot write ${path} (${(error as NodeJS.ErrnoException).code}). Nothing was shredded. Check its directory and try again.`,
      },
      error,
    )
  }
}

/**
 * The entries of the list, in batches; none when there is no list. A last line without its end was cut off by a crash
 * before its key was destroyed, so it is left out. Fault `vault.shred-list-damaged` names the first bad line.
 */
export async function* readShredList(path: string, mac: LineMac): AsyncIterable<ShredListEntry[]> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0
  if (size === 0) return
  const complete = await endsWithNewline(path)
  let batch: ShredListEntry[] = []
  let number = 0
  let held: string | undefined
  // One line is held back, so that the last is known as such.
  for await (const line of createInterface({
    input: createReadStream(path, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    if (held !== undefined) batch.push(parse(held, ++number, path, mac))
    held = line
    if (batch.length >= BATCH_ENTRIES) {
      yield batch
      batch = []
    }
  }
  if (held !== undefined && complete) batch.push(parse(held, ++number, path, mac))
  if (batch.length > 0) yield batch
}

function parse(line: string, number: number, path: string, mac: LineMac): ShredListEntry {
  const damaged = (): never =>
    raise({
      category: 'invalid',
      code: 'vault.shred-list-damaged',
      message: `Line ${number} of ${path} was changed or is damaged. Restore the file from its copy before starting: patients on it must not come back.`,
    })
  let entry: Tombstone & { mac: string }
  try {
    entry = JSON.parse(line) as typeof entry
  } catch {
    return damaged()
  }
  const isWhole = [entry.tenant, entry.patient, entry.lineage, entry.at].every(
    (value) => Number.isSafeInteger(value) && value >= 0,
  )
  if (!isWhole || typeof entry.mac !== 'string') return damaged()
  const expected = mac(entry.tenant, canonical(entry))
  if (expected !== undefined && !equal(entry.mac, expected)) return damaged()
  return { ...fields(entry), known: expected !== undefined }
}

function fields({ tenant, patient, lineage, at }: Tombstone): Tombstone {
  return { tenant, patient, lineage, at }
}

function canonical({ tenant, patient, lineage, at }: Tombstone): string {
  return `${tenant}/${patient}/${lineage}/${at}`
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** A crash may leave half a line; it must not become part of the next one. */
async function dropTornLine(file: FileHandle): Promise<void> {
  const { size } = await file.stat()
  const tail = Buffer.alloc(Math.min(size, TAIL_BYTES))
  await file.read(tail, 0, tail.length, size - tail.length)
  const torn = tail.length - 1 - tail.lastIndexOf(0x0a)
  if (torn > 0) await file.truncate(size - torn)
}

async function endsWithNewline(path: string): Promise<boolean> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const last = Buffer.alloc(1)
    await file.read(last, 0, 1, size - 1)
    return last[0] === 0x0a
  } finally {
    await file.close()
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
