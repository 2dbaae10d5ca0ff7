import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { shown, tooLarge } from './load-faults.ts'
import { LOAD_LIMITS } from './load-limits.ts'
import type { ReleaseFile } from './release-files.ts'

/** The files of a folder and the folders in it, or a file alone. Links are passed over: what is behind them was not meant. */
export async function folderFiles(path: string): Promise<{ files: ReleaseFile[]; close(): void }> {
  const files: ReleaseFile[] = []
  const add = async (file: string, name: string): Promise<void> => {
    const { size } = await stat(file)
    if (size > LOAD_LIMITS.fileBytesMax) tooLarge(`${shown(name)} has ${size} bytes`)
    if (files.length >= LOAD_LIMITS.filesMax) tooLarge(`it has more than ${LOAD_LIMITS.filesMax} files`)
    files.push({ name, bytes: size, open: async () => createReadStream(file) })
  }
  const visit = async (folder: string, prefix: string, depth: number): Promise<void> => {
    if (depth > LOAD_LIMITS.folderDepthMax) return
    const entries = await readdir(folder, { withFileTypes: true })
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const name = `${prefix}${entry.name}`
      if (entry.isFile()) await add(join(folder, entry.name), name)
      else if (entry.isDirectory()) await visit(join(folder, entry.name), `${name}/`, depth + 1)
    }
  }
  if ((await stat(path)).isDirectory()) await visit(path, '', 0)
  else await add(path, basename(path))
  return { files, close: () => undefined }
}
