import { archiveAudit, archiveDirectory } from '@salus/server/roles/admin-audit-archive'
import { answer, confirmed, withAdmin } from './admin-command.ts'
import { EXIT } from './exit-code.ts'
import { misuse, type Subcommand, textOption } from './subcommand.ts'

export const auditArchive: Subcommand = {
  name: 'archive',
  usage: '[--out <dir>] [--remove] [--yes]',
  flags: ['out', 'remove', 'yes'],
  async run(input) {
    if (input.words.length > 0) return misuse('audit', 'archive takes options only.')
    const remove = input.options['remove'] === true
    const refused = remove
      ? await confirmed(input, 'Archived records leave the database: the files are then the only copy of them.')
      : undefined
    if (refused !== undefined) return refused
    return withAdmin(async (admin) => {
      const directory = textOption(input, 'out') ?? archiveDirectory(admin.config)
      const { written, removed } = await archiveAudit(admin, { directory, remove })
      const leaves = written.reduce((sum, { first, next }) => sum + next - first, 0)
      answer(input, { directory, files: written.map(({ file }) => file), leaves, removed }, [
        written.length === 0
          ? 'Every month that is over is archived already.'
          : `Wrote and read back ${leaves} records in ${written.length} files in ${directory}.`,
        ...(remove
          ? [`Removed ${removed.segments} archived months of a log (${removed.rows} rows) from the database.`]
          : []),
        'Keep a copy of the directory where the record is not.',
      ])
      return EXIT.done
    })
  },
}
