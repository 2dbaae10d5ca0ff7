import { writeFile } from 'node:fs/promises'
import { createClient, disableClient, listClients, readKeySet } from '@salus/server/roles/admin-clients'
import { answer, withAdmin } from './admin-command.ts'
import type { Command } from './command.ts'
import { EXIT } from './exit-code.ts'
import { misuse, numberOption, type Subcommand, textOption, withSubcommands } from './subcommand.ts'

const list: Subcommand = {
  name: 'list',
  usage: '',
  flags: [],
  async run(input) {
    if (input.words.length > 0) return misuse('clients', 'list takes no words.')
    return withAdmin(async (admin) => {
      const clients = await listClients(admin)
      const width = Math.max(2, ...clients.map(({ id }) => id.length)) + 2
      answer(input, { clients }, [
        `${'Id'.padEnd(width)}Tenant  Credential       State     Scope`,
        ...clients.map(
          ({ id, tenant, authMethod, disabled, scope }) =>
            `${id.padEnd(width)}${String(tenant).padEnd(8)}${authMethod.padEnd(17)}${disabled ? 'disabled' : 'enabled '}  ${scope}`,
        ),
      ])
      return EXIT.done
    })
  },
}

const create: Subcommand = {
  name: 'create',
  usage: '[<id>] --scope <scopes> [--tenant <n>] [--jwks <file> | --jwks-url <https url> | --secret-file <file>]',
  flags: ['scope', 'tenant', 'jwks', 'jwks-url', 'secret-file'],
  async run(input) {
    const [id, ...more] = input.words
    const scope = textOption(input, 'scope')
    const tenant = numberOption(input, 'tenant', 1)
    if (scope === undefined || tenant === undefined || more.length > 0)
      return misuse('clients', 'create takes at most one id, needs --scope, and a number with --tenant.')
    const [jwks, jwksUri, secretFile] = ['jwks', 'jwks-url', 'secret-file'].map((flag) => textOption(input, flag))
    if ([jwks, jwksUri, secretFile].filter((given) => given !== undefined).length > 1)
      return misuse('clients', 'Give one of --jwks, --jwks-url and --secret-file.')
    return withAdmin(async (admin) => {
      // Taken before the client is made: a secret that cannot be handed over would be lost.
      if (secretFile !== undefined) await writeFile(secretFile, '', { flag: 'wx', mode: 0o600 })
      const made = await createClient(admin, {
        tenant,
        scope,
        ...(id === undefined ? {} : { id }),
        ...(jwks === undefined ? {} : { jwks: await readKeySet(jwks) }),
        ...(jwksUri === undefined ? {} : { jwksUri }),
      })
      if (secretFile !== undefined) await writeFile(secretFile, `${made.secret ?? ''}\n`, { mode: 0o600 })
      const shown = secretFile === undefined ? made : { id: made.id, secretFile }
      answer(input, shown, [
        `Client "${made.id}" of tenant ${tenant} may: ${scope}`,
        ...(secretFile !== undefined
          ? [`Its secret is in ${secretFile}, readable by you alone.`]
          : made.secret === undefined
            ? []
            : [`Its secret, shown only this once: ${made.secret}`]),
      ])
      return EXIT.done
    })
  },
}

const disable: Subcommand = {
  name: 'disable',
  usage: '<id>',
  flags: [],
  async run(input) {
    const [id, ...more] = input.words
    if (id === undefined || more.length > 0) return misuse('clients', 'disable takes one id.')
    return withAdmin(async (admin) => {
      await disableClient(admin, id)
      answer(input, { id, disabled: true }, [`Client "${id}" is disabled. Tokens it holds die within five seconds.`])
      return EXIT.done
    })
  },
}

/** List, register and disable OAuth clients. */
export const clients: Command = withSubcommands(
  {
    name: 'clients',
    summary: 'List, register or disable the programs that may use the record.',
    options: [
      {
        flag: 'scope',
        kind: 'string',
        help: 'create: SMART system scopes, e.g. "system/Observation.rs system/Patient.r".',
      },
      { flag: 'tenant', kind: 'string', help: 'create: number of the tenant. Default: 1.' },
      { flag: 'jwks', kind: 'string', help: 'create: file with the public keys the client signs with (RS384, ES384).' },
      { flag: 'jwks-url', kind: 'string', help: 'create: https address of those keys.' },
      {
        flag: 'secret-file',
        kind: 'string',
        help: 'create: new file, readable by you alone, for the secret instead of the terminal.',
      },
    ],
    notes: ['Without --jwks and --jwks-url the client gets a random secret.'],
  },
  [list, create, disable],
)
