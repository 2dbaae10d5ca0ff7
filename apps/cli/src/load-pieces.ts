import { type ClassifyFault, classify, type Loose, packOf } from './load-classify.ts'
import type { LoadFile } from './load-files.ts'
import { contentKey, type Origin, type Piece } from './load-piece.ts'
import { type ReadFault, readLines, readWhole } from './load-read.ts'

/** What is told while files are read. */
export interface PieceContext {
  /** False: this was stored before, or may not be sent again. `repeatable` tells whether sending twice is harmless. */
  admit(key: string, origin: Origin, repeatable: () => boolean): boolean
  refuse(origin: Origin, fault: ReadFault | ClassifyFault): void
  onBytes(bytes: number): void
}

/** A pack's size: large enough that its transaction costs little per resource, small enough to be sent again. */
export const PACK_ENTRIES_MAX = 250
export const PACK_BYTES_MAX = 2 * 1024 * 1024

/** All files as pieces, read as they are asked for. Single resources of several files share packs. */
export async function* piecesOf(files: readonly LoadFile[], context: PieceContext): AsyncGenerator<Piece> {
  const loose = newPack()
  for (const file of files) {
    if (file.format === 'ndjson') yield* piecesOfLines(file, context)
    else yield* piecesOfFile(file, context, loose)
  }
  yield* loose.flush()
}

async function* piecesOfFile(file: LoadFile, context: PieceContext, shared: Pack): AsyncGenerator<Piece> {
  const origin: Origin = { file: file.path, place: '' }
  const read = await readWhole(file)
  context.onBytes(file.bytes)
  if (!read.ok) return context.refuse(origin, read.fault)
  const key = contentKey(read.value)
  const found = classify(read.value, origin)
  if (!found.ok) return context.refuse(origin, found.fault)
  if (found.value.kind === 'piece') {
    const { piece } = found.value
    if (context.admit(key, origin, () => piece.repeatable)) yield { ...piece, keys: [key] }
  } else if (found.value.loose.length === 1) {
    const [one] = found.value.loose as [Loose]
    if (context.admit(key, origin, () => one.entry.method === 'PUT')) yield* shared.add(one, key)
  } else yield* packsOf(found.value.loose, context, origin)
}

/** Packs of an NDJSON file begin and end at the same lines in every run, so that one hash stands for a pack. */
async function* piecesOfLines(file: LoadFile, context: PieceContext): AsyncGenerator<Piece> {
  let gathered: Loose[] = []
  let bytes = 0
  const origin: Origin = { file: file.path, place: '' }
  for await (const line of readLines(file, context.onBytes)) {
    const at: Origin = { file: file.path, place: `line ${line.number}` }
    if (!line.text.ok) {
      context.refuse(at, line.text.fault)
      continue
    }
    const found = classify(line.text.value, at)
    if (!found.ok) context.refuse(at, found.fault)
    else if (found.value.kind === 'piece') {
      const { piece } = found.value
      const key = contentKey(line.text.value)
      if (context.admit(key, at, () => piece.repeatable)) yield { ...piece, keys: [key] }
    } else {
      gathered.push(...found.value.loose)
      bytes += line.text.value.length
      if (gathered.length < PACK_ENTRIES_MAX && bytes < PACK_BYTES_MAX) continue
      yield* packsOf(gathered, context, origin)
      gathered = []
      bytes = 0
    }
  }
  yield* packsOf(gathered, context, origin)
}

/** Resources of one origin in packs, each known by its own content. */
function* packsOf(loose: readonly Loose[], context: PieceContext, origin: Origin): Generator<Piece> {
  for (const group of groupsOf(loose)) {
    const piece = packOf(group)
    const key = contentKey(piece.parts)
    if (context.admit(key, group[0]?.entry.origin ?? origin, () => piece.repeatable)) yield { ...piece, keys: [key] }
  }
}

function* groupsOf(loose: readonly Loose[]): Generator<Loose[]> {
  let group: Loose[] = []
  let bytes = 0
  for (const one of loose) {
    group.push(one)
    bytes += one.part.length
    if (group.length < PACK_ENTRIES_MAX && bytes < PACK_BYTES_MAX) continue
    yield group
    group = []
    bytes = 0
  }
  if (group.length > 0) yield group
}

interface Pack {
  add(one: Loose, key: string): Generator<Piece>
  flush(): Generator<Piece>
}

/** A pack filled by several files; each is remembered by its own hash. */
function newPack(): Pack {
  let loose: Loose[] = []
  let keys: string[] = []
  let bytes = 0
  const flush = function* (): Generator<Piece> {
    if (loose.length === 0) return
    const piece = { ...packOf(loose), keys }
    loose = []
    keys = []
    bytes = 0
    yield piece
  }
  return {
    flush,
    *add(one, key) {
      loose.push(one)
      keys.push(key)
      bytes += one.part.length
      if (loose.length >= PACK_ENTRIES_MAX || bytes >= PACK_BYTES_MAX) yield* flush()
    },
  }
}
