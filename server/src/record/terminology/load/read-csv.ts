import { Readable } from 'node:stream'
import { FaultError } from '#kernel'
import { damaged, shown, wrongLayout } from './load-faults.ts'
import { LOAD_LIMITS } from './load-limits.ts'
import { readBytes } from './read-lines.ts'
import type { ReleaseFile, ReleaseFiles } from './release-files.ts'

/** Records that travel together. */
const RECORDS_PER_BATCH = 500

/**
 * The records of a CSV file (RFC 4180, UTF-8) with the values of the named columns, which must all be there; others are passed
 * over. Faults `terminology.load.layout`, `terminology.load.damaged`.
 */
export async function* readCsv<Column extends string>(
  files: ReleaseFiles,
  file: ReleaseFile,
  columns: readonly Column[],
): AsyncGenerator<Record<Column, string>[]> {
  // Here and not above: a server never loads a release.
  const { parse } = await import('csv-parse')
  const source = Readable.from(utf8(readBytes(files, file), file), { objectMode: false })
  const parser = source.pipe(parse({ bom: true, max_record_size: LOAD_LIMITS.lineBytesMax, skip_empty_lines: true }))
  source.on('error', (error) => parser.destroy(error))
  let places: number[] | undefined
  let batch: Record<Column, string>[] = []
  try {
    for await (const values of parser as AsyncIterable<string[]>) {
      if (places === undefined) {
        places = placesOf(values, columns, file)
        continue
      }
      const record = {} as Record<Column, string>
      for (const [number, column] of columns.entries()) record[column] = values[places[number] as number] ?? ''
      if (batch.push(record) < RECORDS_PER_BATCH) continue
      yield batch
      batch = []
    }
  } catch (error) {
    if (error instanceof FaultError) throw error
    damaged(`${shown(file.name)} is no complete CSV file with as many values in each record as columns`, error)
  } finally {
    source.destroy()
  }
  if (places === undefined) damaged(`${shown(file.name)} is empty`)
  yield batch
}

function placesOf(header: readonly string[], columns: readonly string[], file: ReleaseFile): number[] {
  return columns.map((column) => {
    const place = header.indexOf(column)
    return place === -1 ? wrongLayout(`${shown(file.name)} has no column ${column}`) : place
  })
}

/** Bytes that were found to be UTF-8; the parser itself would put replacement characters in. */
async function* utf8(chunks: AsyncIterable<Buffer>, file: ReleaseFile): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    for await (const chunk of chunks) {
      decoder.decode(chunk, { stream: true })
      yield chunk
    }
    decoder.decode()
  } catch (error) {
    if (error instanceof FaultError) throw error
    damaged(`${shown(file.name)} is not UTF-8`, error)
  }
}
