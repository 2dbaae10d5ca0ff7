import { exportAudit } from '@salus/server/roles/admin-audit'
import { adminOptions, answer } from './admin-command.ts'
import { progressLine } from './admin-progress.ts'
import { EXIT } from './exit-code.ts'
import { misuse, type Subcommand, textOption } from './subcommand.ts'

export const auditExport: Subcommand = {
  name: 'export',
  usage: '--out <dir> [--to <day>]',
  flags: ['out', 'to'],
  async run(input) {
    const directory = textOption(input, 'out')
    if (directory === undefined || input.words.length > 0) return misuse('audit', 'export needs --out.')
    const to = endOf(textOption(input, 'to'))
    if (to !== undefined && Number.isNaN(to)) return misuse('audit', '--to takes a day or an instant, e.g. 2026-01-31.')
    const progress = progressLine(input.json)
    const report = await exportAudit(adminOptions(), {
      directory,
      ...(to === undefined ? {} : { to }),
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

/** A day means its end, in UTC. */
function endOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  return Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T23:59:59.999Z` : text)
}
