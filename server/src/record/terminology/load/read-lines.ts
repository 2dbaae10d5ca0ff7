import { FaultError } from '#kernel'
import { damaged, shown, wrongLayout } from './load-faults.ts'
import { LOAD_LIMITS } from './load-limits.ts'
import type { ReleaseFile, ReleaseFiles } from './release-files.ts'

const NEWLINE = 0x0a

/**
 * The lines of a UTF-8 file without their ends, those of some 64 KB at once. Faults `terminology.load.damaged` (cut, or not
 * UTF-8) and `terminology.load.layout` (a line of more than a megabyte).
 */
export async function* readLines(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<string[]> {
  // The decoder keeps a byte order mark only when told so; it belongs to no value.
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const decode = (bytes: Buffer): string => {
    try {
      return decoder.decode(bytes)
    } catch (error) {
      return damaged(`${shown(file.name)} is not UTF-8`, error)
    }
  }
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const chunk of readBytes(files, file)) {
    const end = chunk.lastIndexOf(NEWLINE)
    if (end === -1) {
      rest.push(chunk)
      restBytes += chunk.length
    } else {
      const whole = rest.length === 0 ? chunk.subarray(0, end) : Buffer.concat([...rest, chunk.subarray(0, end)])
      yield linesOf(decode(whole), file)
      rest = [chunk.subarray(end + 1)]
      restBytes = chunk.length - end - 1
    }
    if (restBytes > LOAD_LIMITS.lineBytesMax) tooLong(file)
  }
  if (restBytes > 0) yield linesOf(decode(Buffer.concat(rest)), file)
}

/** Bytes of a file; what goes wrong in a stream is damage. */
export async function* readBytes(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<Buffer> {
  try {
    yield* files.read(file)
  } catch (error) {
    if (error instanceof FaultError) throw error
    damaged(`${shown(file.name)} cannot be read to its end`, error)
  }
}

function linesOf(text: string, file: ReleaseFile): string[] {
  const lines = text.split('\n')
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string
    if (line.length > LOAD_LIMITS.lineBytesMax) tooLong(file)
    if (line.endsWith('\r')) lines[at] = line.slice(0, -1)
  }
  return lines
}

function tooLong(file: ReleaseFile): never {
  return wrongLayout(`${shown(file.name)} has a line of more than ${LOAD_LIMITS.lineBytesMax} bytes`)
}
