import { exportAudit } from '@salus/server/roles/admin-audit'
import { adminOptions, answer } from './admin-command.ts'
import { progressLine } from './admin-progress.ts'
import type { CommandInput } from './command.ts'
import { EXIT } from './exit-code.ts'
import { momentOf } from './moment.ts'
import { misuse, type Subcommand, textOption } from './subcommand.ts'

export const auditExport: Subcommand = {
  name: 'export',
  usage: '--out <dir> [--from <day>] [--to <day>]',
  flags: ['out', 'from', 'to'],
  async run(input) {
    const directory = textOption(input, 'out')
    if (directory === undefined || input.words.length > 0) return misuse('audit', 'export needs --out.')
    const window = windowOf(input)
    if (typeof window === 'string') return misuse('audit', window)
    const progress = progressLine(input.json)
    const report = await exportAudit(adminOptions(), {
      directory,
      ...window,
      onProgress: (leaves) => progress.show(`${leaves} records`),
    })
    progress.done()
    answer(input, { directory, ...report }, [
      `Wrote ${report.leaves} records in ${report.files} files to ${directory}.`,
      ...(report.recorded
        ? []
        : ['The log is damaged, so this export is not recorded in it. Run "salus audit verify".']),
      `Verify it anywhere with: salus audit verify --export ${directory} --public-key <file>`,
    ])
    return EXIT.done
  },
}

/** The two bounds, or what is wrong with them. */
function windowOf(input: CommandInput): { from?: number; to?: number } | string {
  const [fromText, toText] = [textOption(input, 'from'), textOption(input, 'to')]
  const from = fromText === undefined ? undefined : momentOf(fromText, 'start')
  const to = toText === undefined ? undefined : momentOf(toText, 'end')
  if (fromText !== undefined && from === undefined) return `--from ${TAKES}`
  if (toText !== undefined && to === undefined) return `--to ${TAKES}`
  if (from !== undefined && to !== undefined && from > to) return '--from is after --to.'
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
}

const TAKES = 'takes a day or an instant with its zone, e.g. 2026-01-31 or 2026-01-31T18:00:00Z.'
