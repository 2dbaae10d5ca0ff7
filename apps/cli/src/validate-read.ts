import type { LoadFile } from './load-files.ts'
import { type ReadFault, readLines, readWhole } from './load-read.ts'

/** A resource as it stands in a file. */
export interface FoundResource {
  file: string
  /** In NDJSON, from 1. */
  line?: number
  /** JSON text; undefined when it could not be read, for `problem`. */
  json: Buffer | undefined
  problem: string
}

const PROBLEMS: Record<ReadFault, string> = {
  'load.unreadable': 'The file cannot be read.',
  'load.gzip-broken': 'The file is no sound gzip.',
  'load.too-large': 'It is too large to be checked.',
}

/** The resources of a file: one of a .json file, one per line of NDJSON, which is never in memory as a whole. */
export async function* resourcesIn(file: LoadFile, onBytes: (bytes: number) => void): AsyncGenerator<FoundResource> {
  if (file.format === 'json') {
    const read = await readWhole(file)
    onBytes(file.bytes)
    yield { file: file.path, ...(read.ok ? sound(read.value) : broken(read.fault)) }
    return
  }
  for await (const { number, text } of readLines(file, onBytes))
    yield { file: file.path, line: number, ...(text.ok ? sound(text.value) : broken(text.fault)) }
}

const sound = (json: Buffer) => ({ json, problem: '' })
const broken = (fault: ReadFault) => ({ json: undefined, problem: PROBLEMS[fault] })
