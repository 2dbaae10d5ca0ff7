import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { raise } from '#kernel'
import { anchorText, parseAnchor } from './checkpoint-body.ts'
import type { StoredCheckpoint } from './store.ts'

/** Files per folder: a checkpoint every 10 s fills one in about a day. */
const FILES_PER_FOLDER = 10_000
/** A checkpoint of 1,000 logs has 70 kB; anything larger is not ours. */
const ANCHOR_BYTES_MAX = 256 * 1024
const FOLDER = /^\d{9}$/
const FILE = /^\d{12}\.checkpoint$/

/** A file in the anchor directory under a checkpoint's name; `checkpoint` is undefined when it cannot be read as one. */
export interface Anchor {
  number: number
  checkpoint: StoredCheckpoint | undefined
}

/**
 * Put `checkpoint` into the anchor directory as `<number / 10,000>/<number>.checkpoint`: written beside, fsynced, renamed.
 * The same checkpoint again changes nothing. Faults: `audit.anchor.differs` when another one has that number,
 * `audit.anchor.unwritable`.
 */
export async function writeAnchor(directory: string, checkpoint: StoredCheckpoint): Promise<void> {
  const folder = join(directory, folderOf(checkpoint.number))
  const path = join(folder, fileOf(checkpoint.number))
  const text = anchorText(checkpoint)
  const present = await readFile(path, 'utf8').catch(() => undefined)
  if (present === text) return
  if (present !== undefined)
    raise({
      category: 'conflict',
      code: 'audit.anchor.differs',
      message: `Another checkpoint ${checkpoint.number} is already anchored. Run "salus audit verify" before anything else.`,
    })
  const written = `${path}.new`
  try {
    await mkdir(folder, { recursive: true })
    const file = await open(written, 'w', 0o644)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(written, path)
    await syncFolder(folder)
  } catch (error) {
    await rm(written, { force: true }).catch(() => undefined)
    raise(
      {
        category: 'unavailable',
        code: 'audit.anchor.unwritable',
        message: `The audit anchor directory cannot be written (${(error as NodeJS.ErrnoException).code}). Check SALUS_AUDIT_ANCHOR_DIR.`,
      },
      error,
    )
  }
}

/** The anchored checkpoint with the highest number; undefined when there is none. */
export async function newestAnchor(directory: string): Promise<Anchor | undefined> {
  for (const folder of (await names(directory, FOLDER)).reverse()) {
    const file = (await names(join(directory, folder), FILE)).at(-1)
    if (file !== undefined) return readAnchor(directory, folder, file)
  }
  return undefined
}

/** All anchored checkpoints in ascending order, one in memory at a time. */
export async function* readAnchors(directory: string): AsyncGenerator<Anchor> {
  for (const folder of await names(directory, FOLDER))
    for (const file of await names(join(directory, folder), FILE)) yield readAnchor(directory, folder, file)
}

async function readAnchor(directory: string, folder: string, file: string): Promise<Anchor> {
  const path = join(directory, folder, file)
  const number = Number(file.slice(0, 12))
  if ((await stat(path)).size > ANCHOR_BYTES_MAX) return { number, checkpoint: undefined }
  const checkpoint = parseAnchor(await readFile(path, 'utf8'))
  return { number, checkpoint: checkpoint?.number === number ? checkpoint : undefined }
}

async function names(directory: string, pattern: RegExp): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => pattern.test(name)).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** The rename itself is durable only once the folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function folderOf(number: number): string {
  return String(Math.floor(number / FILES_PER_FOLDER)).padStart(9, '0')
}

function fileOf(number: number): string {
  return `${String(number).padStart(12, '0')}.checkpoint`
}
