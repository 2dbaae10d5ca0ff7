import { damaged, shown, wrongLayout } from './load-faults.ts'
import { readLines } from './read-lines.ts'
import type { ReleaseFile, ReleaseFiles } from './release-files.ts'

/** How a table of plain lines is laid out: no quoting, a separator that no value holds. */
export interface TableLayout {
  separator: '\t' | '|'
  /** The columns in their order. */
  columns: readonly string[]
  /** The first line names the columns. Without it every line is a row. */
  hasHeader: boolean
  /** Each row ends with a separator, as in RRF. */
  hasTrailingSeparator?: boolean
}

/**
 * The rows of a table, some hundred at once. Faults of `readLines`; `terminology.load.layout` when the header names other columns,
 * `terminology.load.damaged` when a row has more or fewer values than columns, which is how a cut file shows.
 */
export async function* readTable(
  files: ReleaseFiles,
  file: ReleaseFile,
  layout: TableLayout,
): AsyncGenerator<string[][]> {
  const { separator, columns, hasHeader, hasTrailingSeparator = false } = layout
  const width = columns.length + (hasTrailingSeparator ? 1 : 0)
  let line = 0
  for await (const lines of readLines(files, file)) {
    const rows: string[][] = []
    for (const text of lines) {
      line++
      if (line === 1 && hasHeader) {
        checkHeader(text, layout, file)
        continue
      }
      if (text === '') continue
      const row = text.split(separator)
      if (row.length !== width)
        damaged(`line ${line} of ${shown(file.name)} has ${row.length} values instead of ${width}`)
      rows.push(row)
    }
    yield rows
  }
  if (line === 0 || (line === 1 && hasHeader)) damaged(`${shown(file.name)} has no rows`)
}

function checkHeader(text: string, { separator, columns }: TableLayout, file: ReleaseFile): void {
  const found = text.split(separator)
  const wrong = columns.find((column, place) => found[place]?.toLowerCase() !== column.toLowerCase())
  if (wrong !== undefined || found.length !== columns.length)
    wrongLayout(`${shown(file.name)} has other columns than ${columns.join(', ')}`)
}
