import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { decodeIndex, encodeIndex, type Pack, type PackIndex } from './pack.ts'

/** A package to read from, wherever its members are. */
export interface PackReader {
  index: PackIndex
  /** The gzip member of that number. */
  member(number: number): Buffer
  close(): void
}

/** Write a pack as two files: `<path>.index.gz`, and `<path>.gz` with one member behind the other, which `gunzip` opens as a whole. */
export function writePackFile(path: string, { index, members }: Pack): void {
  writeFileSync(`${path}.index.gz`, encodeIndex(index))
  writeFileSync(`${path}.gz`, Buffer.concat(members))
}

/** Open what `writePackFile` wrote: reads the index, and a member when it is asked for. */
export function openPackFile(path: string): PackReader {
  const index = decodeIndex(readFileSync(`${path}.index.gz`))
  const starts: number[] = []
  index.members.reduce((start, bytes) => {
    starts.push(start)
    return start + bytes
  }, 0)
  let file: number | undefined
  return {
    index,
    member(number) {
      file ??= openSync(`${path}.gz`, 'r')
      const bytes = Buffer.allocUnsafe(index.members[number] ?? 0)
      if (readSync(file, bytes, 0, bytes.length, starts[number] ?? 0) !== bytes.length)
        throw new Error(`${path}.gz is shorter than its index says. Install Salus anew.`)
      return bytes
    },
    close() {
      if (file !== undefined) closeSync(file)
      file = undefined
    },
  }
}
