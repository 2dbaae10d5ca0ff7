import { createLog, FaultError, loadConfig } from '@salus/server/kernel'
import { examine, type Finding } from '@salus/server/roles/admin-doctor'
import type { Command } from './command.ts'
import { EXIT } from './exit-code.ts'
import { misuse } from './subcommand.ts'

/** Look at everything an installation stands on. */
export const doctor: Command = {
  name: 'doctor',
  summary: 'Check configuration, database, keys, audit, disk, clock and port, and say what to do.',
  usage: '',
  options: [],
  notes: [
    'Exits with 8 when something is bad. An embedded database that is down is started for the time of the check.',
  ],
  async run(input) {
    if (input.words.length > 0) return misuse('doctor', 'doctor takes no words.')
    const findings: Finding[] = []
    const tell = (finding: Finding): void => {
      findings.push(finding)
      if (!input.json) process.stdout.write(`${finding.ok ? 'ok ' : 'BAD'}  ${finding.check}: ${finding.advice}\n`)
    }
    try {
      await examine({ config: loadConfig(), log: createLog({ level: 'error' }) }, tell)
    } catch (error) {
      // Settings that cannot be read are what doctor is asked about, not a failure of doctor.
      if (!(error instanceof FaultError) || !error.fault.code.startsWith('config.')) throw error
      tell({ check: 'configuration', ok: false, advice: error.fault.message })
    }
    const bad = findings.filter(({ ok }) => !ok).length
    process.stdout.write(
      input.json
        ? `${JSON.stringify({ ok: bad === 0, findings })}\n`
        : bad === 0
          ? 'All is well.\n'
          : `${bad} of ${findings.length} checks are bad.\n`,
    )
    return bad === 0 ? EXIT.done : EXIT.found
  },
}
