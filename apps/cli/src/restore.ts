import { checkBackup, type RestoreReport, restoreBackup } from '@salus/server/roles/admin-restore'
import { adminOptions, answer, confirmed } from './admin-command.ts'
import { bytesProgress, progressLine } from './admin-progress.ts'
import { KEPT_APART } from './backup.ts'
import type { Command, CommandInput } from './command.ts'
import { EXIT } from './exit-code.ts'
import { misuse } from './subcommand.ts'

/** Fill an empty installation from a backup. */
export const restore: Command = {
  name: 'restore',
  summary: 'Restore a backup into an empty data directory or database.',
  usage: '[<file>] [--yes]\n--check <file>',
  options: [
    { flag: 'yes', kind: 'boolean', help: 'Do not ask.' },
    { flag: 'check', kind: 'boolean', help: 'Only read the whole file and check its digests.' },
  ],
  notes: [
    'Stop all servers first. Before it starts, put back into the data directory, from where you kept it:',
    KEPT_APART.map((each) => `  - ${each}`).join('\n'),
    'Erased patients are erased again before anything is served, and the audit log goes on with a signed statement of what was lost. Clients that were disabled since the backup are enabled again: disable them. Without a file it finishes a restore that was cut off.',
  ],
  async run(input) {
    const [file, ...more] = input.words
    if (more.length > 0) return misuse('restore', 'Name one file.')
    if (input.options['check'] === true)
      return file === undefined ? misuse('restore', 'Name the file to check.') : check(input, file)
    const refused = await confirmed(
      input,
      file === undefined
        ? 'The restore will be finished: the audit log will say that it goes on from what is in the database.'
        : `${file} will be restored. Records written after it was made are lost.`,
    )
    if (refused !== undefined) return refused
    const progress = bytesProgress('Restoring', input.json)
    const steps = progressLine(input.json)
    const report = await restoreBackup(adminOptions(), {
      ...(file === undefined ? {} : { file }),
      onProgress: (done) => progress.show(done),
      onStep(step) {
        progress.done()
        steps.show(step)
      },
    })
    steps.done()
    answer(input, report, linesOf(report))
    return EXIT.done
  },
}

async function check(input: CommandInput, file: string): Promise<number> {
  const { manifest, tables, rows } = await checkBackup(file)
  const at = new Date(manifest.at).toISOString()
  answer(input, { ok: true, at, salus: manifest.salus, tables, rows }, [
    `${file} is whole: made ${at} by Salus ${manifest.salus}, ${tables} tables, ${rows} rows.`,
  ])
  return EXIT.done
}

function linesOf({ summary, acceptedAs, erasedPatients, erasedResources }: RestoreReport): string[] {
  return [
    summary
      ? `Restored ${summary.rows} rows of ${new Date(summary.manifest.at).toISOString()}.`
      : 'The restore is finished.',
    ...(acceptedAs === undefined ? [] : [`Checkpoint ${acceptedAs} of the audit log says so.`]),
    erasedPatients === 0
      ? 'No erased patients are on the list (keys/shredded.ndjson). If you have a newer copy, put it there and run "salus restore" again.'
      : `${erasedPatients} erased patients stay erased; ${erasedResources} resources of theirs were removed again.`,
    'Start the server.',
  ]
}
