import type { Hash } from 'node:crypto'
import { type Dirent, existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { PackageEntry } from './archive-entries.ts'
import { entryRefused, shown, tooLarge } from './package-faults.ts'
import { PACKAGE_LIMITS } from './package-limits.ts'

/**
 * The `.json` files of a folder, or of its folder `package` when that is an unpacked package, named `package/<file>`, in the order
 * of their names. Links are refused: what is behind them was not meant. Faults `definitions.package.too-large`, `.entry-refused`.
 */
export async function* folderEntries(
  folder: string,
  hash: Hash,
  wanted: (name: string) => boolean,
): AsyncGenerator<PackageEntry> {
  const root = existsSync(join(folder, 'package', 'package.json')) ? join(folder, 'package') : folder
  const found: Dirent[] = await readdir(root, { withFileTypes: true })
  if (found.length > PACKAGE_LIMITS.entriesMax) tooLarge(`it has more than ${PACKAGE_LIMITS.entriesMax} files`)
  let opened = 0
  for (const entry of found.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = `package/${entry.name}`
    if (!wanted(name)) continue
    if (!entry.isFile()) entryRefused(`${shown(entry.name)} is not a file`)
    const bytes = await readLimited(join(root, entry.name))
    opened += bytes.length
    if (opened > PACKAGE_LIMITS.openedBytesMax) tooLarge(`it has more than ${PACKAGE_LIMITS.openedBytesMax} bytes`)
    hash.update(name).update('\0').update(bytes)
    yield { name, bytes }
  }
}

/** The file, under its own name, as the one entry of a package. Fault `definitions.package.too-large`. */
export async function* fileEntry(file: string, hash: Hash): AsyncGenerator<PackageEntry> {
  const bytes = await readLimited(file)
  hash.update(bytes)
  yield { name: basename(file), bytes }
}

async function readLimited(file: string): Promise<Buffer> {
  const { size } = await stat(file)
  if (size > PACKAGE_LIMITS.entryBytesMax) tooLarge(`${shown(file)} has ${size} bytes`)
  return readFile(file)
}
