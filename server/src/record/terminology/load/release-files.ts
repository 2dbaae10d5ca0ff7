import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Readable } from 'node:stream'
import { raise } from '#kernel'
import { folderFiles } from './folder-files.ts'
import { fileMissing, tooLarge } from './load-faults.ts'
import { LOAD_LIMITS } from './load-limits.ts'
import type { ReadProgress } from './release.ts'
import { zipFiles } from './zip-files.ts'

/** One file of a release; its name is a path within it, and never a place to write to. */
export interface ReleaseFile {
  name: string
  /** Opened size. */
  bytes: number
  open(): Promise<Readable>
}

/** The files of a release: a zip archive, a folder, or one file alone. */
export interface ReleaseFiles {
  /** Name of the archive, folder or file. */
  name: string
  files: readonly ReleaseFile[]
  /** The file whose path ends so; undefined when there is none. */
  find(pattern: RegExp): ReleaseFile | undefined
  /** As `find`. Fault `terminology.load.file-missing` with `what`. */
  require(pattern: RegExp, what: string): ReleaseFile
  /** Bytes of a file, counted for the progress. */
  read(file: ReleaseFile): AsyncGenerator<Buffer>
  close(): void
}

/**
 * Open a release without reading its content. The progress counts against the files begun so far.
 * Faults `terminology.load.unreadable`, `.damaged`, `.too-large`, `.entry-refused`.
 */
export async function openReleaseFiles(
  path: string,
  onProgress: (progress: ReadProgress) => void = () => undefined,
): Promise<ReleaseFiles> {
  const found = await stat(path).catch((error: unknown) =>
    raise(
      {
        category: 'not-found',
        code: 'terminology.load.unreadable',
        message: `${path} cannot be read. Name the release as it was downloaded, or its folder.`,
      },
      error,
    ),
  )
  const opened = found.isDirectory() || !/\.zip$/i.test(path) ? await folderFiles(path) : await zipFiles(path)
  const started = new Set<ReleaseFile>()
  let bytes = 0
  let bytesExpected = 0
  const find = (pattern: RegExp): ReleaseFile | undefined => opened.files.find(({ name }) => pattern.test(name))
  return {
    name: basename(path),
    files: opened.files,
    find,
    require: (pattern, what) => find(pattern) ?? fileMissing(what),
    async *read(file) {
      if (!started.has(file)) bytesExpected += file.bytes
      started.add(file)
      if (bytesExpected > LOAD_LIMITS.openedBytesMax)
        tooLarge(`it opens to more than ${LOAD_LIMITS.openedBytesMax} bytes`)
      for await (const chunk of await file.open()) {
        bytes += (chunk as Buffer).length
        onProgress({ file: basename(file.name), bytes, bytesExpected })
        yield chunk as Buffer
      }
    },
    close: () => opened.close(),
  }
}
