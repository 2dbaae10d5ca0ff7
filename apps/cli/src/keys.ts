import { listKeys } from '@salus/server/roles/admin-keys'
import { answer, withAdmin } from './admin-command.ts'
import type { Command } from './command.ts'
import { EXIT } from './exit-code.ts'
import { keysRotate } from './keys-rotate.ts'
import { keysShred } from './keys-shred.ts'
import { misuse, type Subcommand, withSubcommands } from './subcommand.ts'

const keysList: Subcommand = {
  name: 'list',
  usage: '',
  flags: [],
  async run(input) {
    if (input.words.length > 0) return misuse('keys', 'list takes no words.')
    return withAdmin(async (admin) => {
      const list = await listKeys(admin)
      const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
      answer(input, list, [
        `Root key: ${list.rootKey}`,
        "Tenant  Epoch  Made        Retired     Patients' keys",
        ...list.branchKeys.map(({ tenant, epoch, created, retired, patientKeys }) =>
          [
            String(tenant).padEnd(6),
            String(epoch).padEnd(5),
            day(created),
            retired === null ? 'in use    ' : day(retired),
            String(patientKeys),
          ].join('  '),
        ),
      ])
      return EXIT.done
    })
  },
}

/** List, rotate and destroy keys. */
export const keys: Command = withSubcommands(
  {
    name: 'keys',
    summary: 'List keys, rotate them, or erase a patient by destroying theirs.',
    options: [
      {
        flag: 'tenant',
        kind: 'string',
        help: 'rotate branch, rotate patient, shred: number of the tenant. Default: 1.',
      },
      {
        flag: 'no-wait',
        kind: 'boolean',
        help: 'rotate patient: do not stay until the older key can be destroyed; run it again later.',
      },
      { flag: 'yes', kind: 'boolean', help: 'shred: do not ask.' },
    ],
    notes: [
      "rotate root: a new root key; branch keys are wrapped anew. With a key file, copy the new file to the other hosts that share the database.\nrotate branch: a new branch key of a tenant; patients' keys are wrapped anew. Retired ones are destroyed after 30 days.\nrotate patient: a new data key; the patient's whole record is sealed again. All of them work while servers run, and go on where they were cut off.",
      'shred erases a patient for good: the key is destroyed, so that every copy of the record is noise, backups included; search values and current rows are removed. Resources that mention the patient but belong to nobody alone, such as groups and lists, are named: redact them yourself. Keep a copy of keys/shredded.ndjson apart from the backups: it keeps erased patients from coming back with one.',
    ],
  },
  [keysList, keysRotate, keysShred],
)
