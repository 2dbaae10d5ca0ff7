import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { raise } from '@salus/server/kernel'

export interface LoadFile {
  path: string
  bytes: number
  format: 'json' | 'ndjson'
  gzip: boolean
}

/** More files than this are a mistake in the path, and their list would not fit in memory beside the rest. */
const FILES_MAX = 1_000_000
const NAME = /\.(json|ndjson)(\.gz)?$/i
/** Synthea's own order: patients name hospitals and practitioners by conditional references. */
const FIRST = [/^hospitalInformation/i, /^practitionerInformation/i]

/**
 * Files below the given paths, in phases: all of one phase is stored before the next begins. Within a phase by path.
 * Faults: `cli.load.no-such-path`, `cli.load.not-a-format`, `cli.load.nothing-found`, `cli.load.too-many-files`.
 */
export async function findLoadFiles(paths: readonly string[], filesMax = FILES_MAX): Promise<LoadFile[][]> {
  const found = new Map<string, LoadFile>()
  for (const path of paths) {
    const about = await stat(path).catch(() => undefined)
    if (about === undefined)
      raise({
        category: 'invalid',
        code: 'cli.load.no-such-path',
        message: `There is no ${path}, or it cannot be read.`,
      })
    if (about.isDirectory()) await walk(path, found, filesMax)
    else
      found.set(
        path,
        asLoadFile(path, about.size) ??
          raise({
            category: 'invalid',
            code: 'cli.load.not-a-format',
            message: `${path}: only .json, .json.gz, .ndjson and .ndjson.gz are read.`,
          }),
      )
  }
  if (found.size === 0)
    raise({
      category: 'invalid',
      code: 'cli.load.nothing-found',
      message: 'There is no .json, .json.gz, .ndjson or .ndjson.gz file there.',
    })
  return inPhases([...found.values()])
}

async function walk(directory: string, found: Map<string, LoadFile>, filesMax: number): Promise<void> {
  for (const item of await readdir(directory, { withFileTypes: true })) {
    if (item.name.startsWith('.')) continue
    const path = join(directory, item.name)
    // Links to directories are not followed: they may lead in circles.
    if (item.isDirectory()) await walk(path, found, filesMax)
    else {
      const file = asLoadFile(path, 0)
      const about = file && (await stat(path).catch(() => undefined))
      if (file && about?.isFile()) found.set(path, { ...file, bytes: about.size })
    }
    if (found.size > filesMax)
      raise({
        category: 'invalid',
        code: 'cli.load.too-many-files',
        message: `More than ${filesMax} files. Load the directories one by one.`,
      })
  }
}

function asLoadFile(path: string, bytes: number): LoadFile | undefined {
  const match = NAME.exec(path)
  if (!match) return undefined
  return { path, bytes, format: match[1]?.toLowerCase() as 'json' | 'ndjson', gzip: match[2] !== undefined }
}

function inPhases(files: LoadFile[]): LoadFile[][] {
  const phases: LoadFile[][] = [...FIRST, undefined].map(() => [])
  for (const file of files.sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const first = FIRST.findIndex((name) => name.test(basename(file.path)))
    phases.at(first)?.push(file)
  }
  return phases.filter((phase) => phase.length > 0)
}
