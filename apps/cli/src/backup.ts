import { type BackupReport, backUp } from '@salus/server/roles/admin-backup'
import { answer, withAdmin } from './admin-command.ts'
import { bytesProgress } from './admin-progress.ts'
import type { Command } from './command.ts'
import { EXIT } from './exit-code.ts'
import { misuse, textOption } from './subcommand.ts'

/** What a backup never holds, and a restore cannot do without. */
export const KEPT_APART: readonly string[] = [
  'the root key (keys/root.key, or the key in your key service): without it nobody can read anything',
  'keys/audit-signing.key and .pub: without them the audit log cannot go on',
  'keys/shredded.ndjson, newest copy: without it erased patients come back',
  'the anchored checkpoints (SALUS_AUDIT_ANCHOR_DIR): they prove what the audit log held',
]

/** Write a consistent copy of the record while it is served. */
export const backup: Command = {
  name: 'backup',
  summary: 'Write a consistent copy of the record to a file, while servers run.',
  usage: '--out <file>',
  options: [
    {
      flag: 'out',
      kind: 'string',
      help: 'File to write; must not exist. A separate key store goes to <file>.keystore.',
    },
  ],
  notes: [
    'Bodies stay sealed in it. It is no substitute for the following, which is never in it and must be kept apart from it:',
    KEPT_APART.map((each) => `  - ${each}`).join('\n'),
  ],
  async run(input) {
    const file = textOption(input, 'out')
    if (file === undefined || input.words.length > 0) return misuse('backup', 'Name the file with --out.')
    return withAdmin(async (admin) => {
      const progress = bytesProgress('Backing up', input.json)
      const report = await backUp(admin, {
        file,
        onProgress: (done) => progress.show(done),
      })
      progress.done()
      answer(input, { ...report, keepApart: KEPT_APART }, linesOf(report))
      return EXIT.done
    })
  },
}

function linesOf({ file, summary, keystore }: BackupReport): string[] {
  const size = ({ rows, bytes }: { rows: number; bytes: number }): string =>
    `${rows} rows, ${(bytes / 1024 ** 2).toFixed(1)} MB`
  return [
    `${file}: ${size(summary)}.`,
    ...(keystore ? [`${keystore.file}: ${size(keystore.summary)}. Keep it apart from the other file.`] : []),
    'Not in it, to be kept apart from it:',
    ...KEPT_APART.map((each) => `  - ${each}`),
  ]
}
