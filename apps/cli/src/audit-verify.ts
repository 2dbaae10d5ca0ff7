import { createLog, loadConfig } from '@salus/server/kernel'
import { describeFinding, type Verification, verifyLogs } from '@salus/server/roles/admin-audit'
import { answer } from './admin-command.ts'
import { progressLine } from './admin-progress.ts'
import { EXIT } from './exit-code.ts'
import { misuse, type Subcommand, textOption } from './subcommand.ts'

export const auditVerify: Subcommand = {
  name: 'verify',
  usage: '[--export <dir>] [--anchors <dir>] [--archive <dir>] [--public-key <file>]',
  flags: ['export', 'anchors', 'archive', 'public-key'],
  async run(input) {
    if (input.words.length > 0) return misuse('audit', 'verify takes options only.')
    const progress = progressLine(input.json)
    const chosen = {
      exported: textOption(input, 'export'),
      anchors: textOption(input, 'anchors'),
      archive: textOption(input, 'archive'),
      publicKey: textOption(input, 'public-key'),
    }
    const given = Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined))
    const report = await verifyLogs(
      { config: loadConfig(), log: createLog({ level: 'error' }) },
      {
        ...given,
        onProgress: ({ leaves, checkpoints }) => progress.show(`${leaves} records, ${checkpoints} checkpoints`),
      },
    )
    progress.done()
    answer(input, documentOf(report), linesOf(report))
    return report.ok ? EXIT.done : EXIT.found
  },
}

function documentOf(report: Verification): object {
  return {
    ...report,
    ...(report.finding ? { place: describeFinding(report.finding) } : {}),
    logs: report.logs.map((log) => ({ ...log, root: log.root.toString('base64') })),
  }
}

function linesOf(report: Verification): string[] {
  const leaves = report.logs.reduce((sum, log) => sum + log.leaves, 0)
  const unanchored = report.logs.reduce((sum, log) => sum + log.unanchored, 0)
  const lines = report.restores.map(
    ({ checkpoint, lostFrom, lostTo }) =>
      `Checkpoint ${checkpoint} says that a backup was restored: checkpoints ${lostFrom} to ${lostTo} speak of records that are lost.`,
  )
  if (report.finding)
    lines.push(
      `BAD: ${describeFinding(report.finding)}${report.isInArchive ? `, in the archive ${report.archive}` : ''}.`,
      'Keep the database as it is, and every copy of the anchors.',
    )
  else
    lines.push(
      `The audit log is intact. Records: ${leaves}, logs: ${report.logs.length}, checkpoints: ${report.checkpoints}.`,
    )
  if (report.archive !== undefined && !report.finding)
    lines.push(`Verified with the archived months in ${report.archive}.`)
  for (const { node, archivedBefore } of report.logs)
    if (archivedBefore > 0)
      lines.push(
        `Records 0 to ${archivedBefore - 1} of log ${node} are archived and were not looked at: give --archive.`,
      )
  if (report.anchored === 0)
    lines.push(
      `No checkpoint is anchored in ${report.anchors}: a forger who holds the signing key could have cut the log short.`,
    )
  else if (unanchored > 0)
    lines.push(`Not anchored yet, so that only the database vouches for them: the newest ${unanchored}.`)
  return lines
}
