import { removeCodeSystem } from '@salus/server/roles/admin-terminology'
import { answer, withAdmin } from './admin-command.ts'
import { EXIT } from './exit-code.ts'
import { misuse, type Subcommand } from './subcommand.ts'

export const terminologyRemove: Subcommand = {
  name: 'remove',
  usage: '<url> <version>',
  flags: [],
  async run(input) {
    const [url, version, ...more] = input.words
    if (url === undefined || version === undefined || more.length > 0)
      return misuse('terminology', 'remove takes the url and the version of a loaded code system.')
    return withAdmin(async (admin) => {
      await removeCodeSystem(admin, url, version)
      answer(input, { url, version, removed: true }, [
        `${url} version ${version} is removed. Running servers forget it within two seconds.`,
      ])
      return EXIT.done
    })
  },
}
