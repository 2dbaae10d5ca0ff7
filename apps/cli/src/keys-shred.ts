import { shredPatient } from '@salus/server/roles/admin-keys'
import { answer, confirmed, withAdmin } from './admin-command.ts'
import { progressLine } from './admin-progress.ts'
import { EXIT } from './exit-code.ts'
import { patientId } from './keys-patient-id.ts'
import { misuse, numberOption, type Subcommand } from './subcommand.ts'

export const keysShred: Subcommand = {
  name: 'shred',
  usage: '<Patient/id> [--tenant <n>] [--yes]',
  flags: ['tenant', 'yes'],
  async run(input) {
    const id = patientId(input.words[0])
    const tenant = numberOption(input, 'tenant', 1)
    if (id === undefined || tenant === undefined || input.words.length > 1)
      return misuse('keys', 'shred takes one Patient/id, and a number with --tenant.')
    const refused = await confirmed(
      input,
      `Patient/${id} will be erased for good: no copy of the record can be read again.`,
    )
    if (refused !== undefined) return refused
    return withAdmin(async (admin) => {
      const progress = progressLine(input.json)
      progress.show('destroying the key')
      const report = await shredPatient(admin, { tenant, id }, (step) =>
        progress.show(step === 'settling' ? 'waiting for requests under way' : 'the key is destroyed'),
      )
      progress.done()
      const { mentions, isCutShort } = report
      answer(input, { tenant, patient: `Patient/${id}`, ...report }, [
        report.keyDestroyed
          ? `Patient/${id} is erased: the key is destroyed. Resources removed: ${report.resources}.`
          : `There was no key of Patient/${id} to destroy: erased before, or never written. Resources removed: ${report.resources}.`,
        ...(mentions.length === 0
          ? []
          : [
              `${mentions.length}${isCutShort ? ' or more' : ''} resources of others or of nobody alone refer to the patient. Look at each and redact it:`,
              ...mentions.map((mention) => `  ${mention.type}/${mention.id}`),
            ]),
        'Copy keys/shredded.ndjson to where you keep it apart from the backups.',
      ])
      return EXIT.done
    })
  },
}
