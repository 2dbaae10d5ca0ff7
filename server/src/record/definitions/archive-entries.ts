import type { Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { FaultError } from '#kernel'
import { damaged, entryRefused, shown, tooLarge } from './package-faults.ts'
import { PACKAGE_LIMITS } from './package-limits.ts'

/** A file of a package. The name is a label: nothing is ever written to a disk. */
export interface PackageEntry {
  name: string
  bytes: Buffer
}

/** A name that leaves the archive's own folder, or hides from whoever looks at it. */
const HOSTILE_NAME = /(^|[\\/])\.\.([\\/]|$)|^[\\/]|^[A-Za-z]:|\p{C}/u

/**
 * The files of a gzipped tar archive that `wanted` accepts, opened one at a time within `PACKAGE_LIMITS`. All of the archive is
 * read, and added to `hash` as it is on the disk. Faults `definitions.package.damaged`, `.too-large`, `.entry-refused`.
 */
export async function* archiveEntries(
  file: string,
  hash: Hash,
  wanted: (name: string) => boolean,
): AsyncGenerator<PackageEntry> {
  // Here and not above: a server never reads a package, and is not to wait for the parser at its start.
  const { default: tar } = await import('tar-stream')
  const extract = tar.extract()
  let failure: unknown
  const reading = pipeline(createReadStream(file), hashing(hash), createGunzip(), limited(), extract).catch(
    (error: unknown) => {
      failure = error
    },
  )
  try {
    const names = new Set<string>()
    for await (const entry of extract) {
      const { name, type, size } = entry.header
      checkEntry(name, type ?? 'file', names)
      names.add(name)
      if (type === 'directory' || !wanted(name)) {
        entry.resume()
        continue
      }
      if (size > PACKAGE_LIMITS.entryBytesMax) tooLarge(`${shown(name)} has ${size} bytes`)
      const chunks: Buffer[] = []
      for await (const chunk of entry) chunks.push(chunk)
      yield { name, bytes: Buffer.concat(chunks) }
    }
  } catch (error) {
    if (error instanceof FaultError) throw error
    failure ??= error
  } finally {
    extract.destroy()
    await reading
  }
  if (failure instanceof FaultError) throw failure
  if (failure !== undefined) damaged('it is no complete gzipped tar archive', failure)
}

function checkEntry(name: string, type: string, names: ReadonlySet<string>): void {
  if (names.size >= PACKAGE_LIMITS.entriesMax) tooLarge(`it has more than ${PACKAGE_LIMITS.entriesMax} entries`)
  if (HOSTILE_NAME.test(name)) entryRefused(`the entry ${shown(name)} points out of the package`)
  if (type !== 'file' && type !== 'directory' && type !== 'contiguous-file')
    entryRefused(`the entry ${shown(name)} is a ${type}, not a file`)
  if (names.has(name)) entryRefused(`it has two entries named ${shown(name)}`)
}

function hashing(hash: Hash): Transform {
  return new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
}

/** Stops an archive that opens to more than the limit, long before it fills the memory. */
function limited(): Transform {
  let bytes = 0
  return new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length
      if (bytes <= PACKAGE_LIMITS.openedBytesMax) return done(null, chunk)
      try {
        tooLarge(`it opens to more than ${PACKAGE_LIMITS.openedBytesMax} bytes`)
      } catch (error) {
        done(error as Error)
      }
    },
  })
}
