import { damaged, shown } from './load-faults.ts'
import { readLines } from './read-lines.ts'
import type { ReleaseFile, ReleaseFiles } from './release-files.ts'

/** A line of the order file. */
export interface OrderedCode {
  /** With its dot. */
  code: string
  /** A claim may carry it; otherwise it heads a group of codes. */
  isBillable: boolean
  short: string
  long: string
}

/** Order number 1-5, code 7-13, whether billable 15, short title 17-76, long title from 78, with blanks between. */
const LINE = /^\d{5} ([A-Z0-9]{3,7}) {1,5}([01]) (.{60}) (\S.*)$/

/** The codes of icd10cm_order_YYYY.txt, in their order. Faults of `readLines`; `terminology.load.damaged` for any other line. */
export async function* readOrder(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<OrderedCode[]> {
  let line = 0
  for await (const lines of readLines(files, file)) {
    const codes: OrderedCode[] = []
    for (const text of lines) {
      line++
      if (text === '') continue
      const found = LINE.exec(text)
      if (!found) damaged(`line ${line} of ${shown(file.name)} is no line of an order file`)
      const [, code = '', billable, short = '', long = ''] = found
      codes.push({ code: withDot(code), isBillable: billable === '1', short: short.trim(), long: long.trim() })
    }
    yield codes
  }
  if (line === 0) damaged(`${shown(file.name)} has no lines`)
}

/** Codes in data have a dot behind the category: `A000` is `A00.0`. */
function withDot(code: string): string {
  return code.length > 3 ? `${code.slice(0, 3)}.${code.slice(3)}` : code
}
