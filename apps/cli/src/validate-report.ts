import { once } from 'node:events'
import type { OfflineIssue } from '@salus/server/roles/offline-validation'
import { EXIT } from './exit-code.ts'
import type { FoundResource } from './validate-read.ts'

export interface ValidateSummary {
  files: number
  resources: number
  /** Resources with an error. */
  failed: number
  errors: number
  warnings: number
  /** Files in a directory that hold no resource. */
  passedOver: number
}

/** Tells what was found as it is found, so that a long run stays small in memory. */
export interface ValidateReport {
  begin(): Promise<void>
  resource(where: Pick<FoundResource, 'file' | 'line'>, issues: readonly OfflineIssue[]): Promise<void>
  end(summary: ValidateSummary): Promise<void>
}

/** When nobody reads any more (`salus validate ... | head`), there is nothing left to do. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.interrupted)
    throw error
  })
}

/** The report with findings of these severities only: `most` leaves information out. What is counted stays the same. */
export function shownBy(which: 'all' | 'most' | 'errors', report: ValidateReport): ValidateReport {
  if (which === 'all') return report
  const isShown = ({ severity }: OfflineIssue): boolean =>
    which === 'errors' ? severity === 'error' || severity === 'fatal' : severity !== 'information'
  return { ...report, resource: (where, issues) => report.resource(where, issues.filter(isShown)) }
}

/** One line per finding for people: `file:line: severity place: text`. */
export function textReport(): ValidateReport {
  return {
    begin: () => Promise.resolve(),
    async resource({ file, line }, issues) {
      if (issues.length === 0) return
      // The bar of the progress stands in the line.
      if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K')
      const where = plain(line === undefined ? file : `${file}:${line}`)
      const place = (expression: string): string => (expression === '' ? '' : ` ${expression}`)
      await write(
        issues
          .map(({ severity, expression, text }) => `${where}: ${severity}${plain(place(expression))}: ${plain(text)}\n`)
          .join(''),
      )
    },
    end: ({ files, resources, failed, errors, warnings, passedOver }) =>
      write(
        [
          `${number(resources, 'resource')} in ${number(files, 'file')}: ${failed === 0 ? 'no errors' : `${number(errors, 'error')} in ${number(failed, 'resource')}`}, ${number(warnings, 'warning')}.\n`,
          ...(passedOver === 0 ? [] : [`Passed over, because they are no resources: ${number(passedOver, 'file')}.\n`]),
        ].join(''),
      ),
  }
}

/** One JSON document, written piece by piece: `resources` holds those with findings, in the order they were read. */
export function jsonReport(): ValidateReport {
  let isFirst = true
  return {
    begin: () => write('{"resources":['),
    async resource(where, issues) {
      if (issues.length === 0) return
      const { file, line } = where
      await write(`${isFirst ? '' : ','}${JSON.stringify({ file, ...(line === undefined ? {} : { line }), issues })}`)
      isFirst = false
    },
    end: (summary) => write(`],"summary":${JSON.stringify(summary)}}\n`),
  }
}

async function write(text: string): Promise<void> {
  // A reader that is slow, or a pipe that is full, is waited for.
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}

/** Names of files and texts of foreign definitions must not steer the terminal. */
function plain(text: string): string {
  return text.replace(/\p{C}+/gu, ' ')
}

function number(count: number, thing: string): string {
  return `${count.toLocaleString('en-US')} ${thing}${count === 1 ? '' : 's'}`
}
