import {
  setValidationPolicy,
  VALIDATION_POLICIES,
  type ValidationPolicy,
  validationPolicy,
} from '@salus/server/roles/admin-validation'
import { answer, withAdmin } from './admin-command.ts'
import type { Command } from './command.ts'
import { EXIT } from './exit-code.ts'
import { misuse, numberOption } from './subcommand.ts'

const MEANINGS: Record<ValidationPolicy, string> = {
  accept: 'profiles that resources claim are not checked.',
  tag: 'resources that claim profiles are stored with a tag that says whether they conform.',
  reject: 'resources that do not conform to the profiles they claim are refused.',
}

/** Show or set what is done on writing with resources that claim profiles. */
export const validation: Command = {
  name: 'validation',
  summary: 'Show or set what happens when a resource is written that claims profiles: accept, tag or reject.',
  usage: `[--tenant <n>] [${VALIDATION_POLICIES.join(' | ')}]`,
  options: [{ flag: 'tenant', kind: 'string', help: 'Number of the tenant; 1 is the default tenant.' }],
  notes: [
    ...VALIDATION_POLICIES.map((policy) => `${policy}: ${MEANINGS[policy]}`),
    'Running servers notice within two seconds. What is stored already stays as it is.',
  ],
  async run(input) {
    const [word, ...more] = input.words
    const tenant = numberOption(input, 'tenant', 1)
    const policy = VALIDATION_POLICIES.find((one) => one === word)
    if (tenant === undefined || more.length > 0 || (word !== undefined && policy === undefined))
      return misuse('validation', `It takes one of ${VALIDATION_POLICIES.join(', ')}, and a number with --tenant.`)
    return withAdmin(async (admin) => {
      if (policy !== undefined) await setValidationPolicy(admin, tenant, policy)
      const current = policy ?? (await validationPolicy(admin, tenant))
      answer(input, { tenant, policy: current }, [`Tenant ${tenant}: ${current}, ${MEANINGS[current]}`])
      return EXIT.done
    })
  },
}
