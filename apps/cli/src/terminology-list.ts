import { listCodeSystems } from '@salus/server/roles/admin-terminology'
import { answer, withAdmin } from './admin-command.ts'
import { EXIT } from './exit-code.ts'
import { misuse, type Subcommand } from './subcommand.ts'

export const terminologyList: Subcommand = {
  name: 'list',
  usage: '',
  flags: [],
  async run(input) {
    if (input.words.length > 0) return misuse('terminology', 'list takes no words.')
    return withAdmin(async (admin) => {
      const systems = await listCodeSystems(admin)
      answer(
        input,
        { systems },
        systems.map(
          ({ url, version, concepts, loaded }) =>
            `${url} ${version}: ${concepts.toLocaleString('en-US')} concepts, loaded ${new Date(loaded).toISOString().slice(0, 10)}`,
        ),
      )
      return EXIT.done
    })
  },
}
