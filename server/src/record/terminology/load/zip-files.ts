import type { Readable } from 'node:stream'
import type { Entry, ZipFile } from 'yauzl'
import { damaged, entryRefused, shown, tooLarge } from './load-faults.ts'
import { LOAD_LIMITS } from './load-limits.ts'
import type { ReleaseFile } from './release-files.ts'

/** The files of a zip archive. Only its directory is read here. Faults `terminology.load.damaged`, `.too-large`, `.entry-refused`. */
export async function zipFiles(path: string): Promise<{ files: ReleaseFile[]; close(): void }> {
  const zip = await open(path)
  try {
    const files = (await entriesOf(zip)).map((entry) => ({
      name: entry.fileName,
      bytes: entry.uncompressedSize,
      open: () => openEntry(zip, entry),
    }))
    return { files, close: () => zip.close() }
  } catch (error) {
    zip.close()
    throw error
  }
}

async function open(path: string): Promise<ZipFile> {
  // Here and not above: a server never opens an archive.
  const { default: yauzl } = await import('yauzl')
  return new Promise((resolve, reject) => {
    // Names are checked by yauzl: none is absolute, has a backslash or `..`. Sizes are held to while an entry is read.
    yauzl.open(path, { lazyEntries: true, autoClose: false, strictFileNames: true }, (error, zip) => {
      if (error) reject(caught(() => damaged('it is no complete zip archive', error)))
      else resolve(zip)
    })
  })
}

function entriesOf(zip: ZipFile): Promise<Entry[]> {
  return new Promise((resolve, reject) => {
    const entries: Entry[] = []
    const names = new Set<string>()
    const refuse = (refusal: () => never): void => reject(caught(refusal))
    zip.on('error', (error: Error) => {
      if (/file ?name|path/i.test(error.message)) refuse(() => entryRefused('an entry of it points out of the archive'))
      else refuse(() => damaged('its directory cannot be read', error))
    })
    zip.on('end', () => resolve(entries))
    zip.on('entry', (entry: Entry) => {
      try {
        if (!entry.fileName.endsWith('/')) {
          checkEntry(entry, names)
          names.add(entry.fileName)
          entries.push(entry)
        }
        zip.readEntry()
      } catch (error) {
        reject(error instanceof Error ? error : new Error('entry', { cause: error }))
      }
    })
    zip.readEntry()
  })
}

function checkEntry(entry: Entry, names: ReadonlySet<string>): void {
  const { fileName: name, uncompressedSize, compressedSize } = entry
  if (names.size >= LOAD_LIMITS.filesMax) tooLarge(`it has more than ${LOAD_LIMITS.filesMax} files`)
  if (names.has(name)) entryRefused(`it has two entries named ${shown(name)}`)
  if (uncompressedSize > LOAD_LIMITS.fileBytesMax) tooLarge(`${shown(name)} opens to ${uncompressedSize} bytes`)
  if (uncompressedSize > LOAD_LIMITS.ratioFromBytes && uncompressedSize > compressedSize * LOAD_LIMITS.ratioMax)
    entryRefused(`${shown(name)} opens to ${LOAD_LIMITS.ratioMax} times its size`)
}

function openEntry(zip: ZipFile, entry: Entry): Promise<Readable> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => {
      if (error) reject(caught(() => damaged(`${shown(entry.fileName)} cannot be opened`, error)))
      else resolve(stream)
    })
  })
}

function caught(refusal: () => never): Error {
  try {
    return refusal()
  } catch (error) {
    return error as Error
  }
}
