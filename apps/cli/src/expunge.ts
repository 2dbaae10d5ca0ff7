import { expungeAllowed, setExpungeAllowed } from '@salus/server/roles/admin-expunge'
import { answer, withAdmin } from './admin-command.ts'
import type { Command } from './command.ts'
import { EXIT } from './exit-code.ts'
import { misuse, numberOption } from './subcommand.ts'

const WORDS = ['allow', 'forbid'] as const

/** Show or set whether a tenant's clients may remove versions for good. */
export const expunge: Command = {
  name: 'expunge',
  summary: 'Show or set whether clients may remove versions of resources for good ($expunge): forbid unless set.',
  usage: `[--tenant <n>] [${WORDS.join(' | ')}]`,
  options: [{ flag: 'tenant', kind: 'string', help: 'Number of the tenant; 1 is the default tenant.' }],
  notes: [
    'It holds at once on each server. A client also needs the scope to delete.',
    'What was removed is in no history any more; audit records and backups stay.',
  ],
  async run(input) {
    const [word, ...more] = input.words
    const tenant = numberOption(input, 'tenant', 1)
    const asked = WORDS.find((one) => one === word)
    if (tenant === undefined || more.length > 0 || (word !== undefined && asked === undefined))
      return misuse('expunge', `It takes one of ${WORDS.join(', ')}, and a number with --tenant.`)
    return withAdmin(async (admin) => {
      if (asked !== undefined) await setExpungeAllowed(admin, tenant, asked === 'allow')
      const allowed = asked === undefined ? await expungeAllowed(admin, tenant) : asked === 'allow'
      answer(input, { tenant, expunge: allowed ? 'allow' : 'forbid' }, [
        `Tenant ${tenant}: ${allowed ? 'clients that may delete may also remove versions for good.' : 'nothing is removed from the history.'}`,
      ])
      return EXIT.done
    })
  },
}
