import { removePackage } from '@salus/server/roles/admin-packages'
import { answer, withAdmin } from './admin-command.ts'
import { EXIT } from './exit-code.ts'
import { misuse, type Subcommand } from './subcommand.ts'

export const packageRemove: Subcommand = {
  name: 'remove',
  usage: '<name> <version>',
  flags: [],
  async run(input) {
    const [name, version, ...more] = input.words
    if (name === undefined || version === undefined || more.length > 0)
      return misuse('package', 'remove takes the name and the version of a package.')
    return withAdmin(async (admin) => {
      await removePackage(admin, name, version)
      answer(input, { name, version, removed: true }, [
        `${name} ${version} is removed. Running servers forget it within two seconds.`,
      ])
      return EXIT.done
    })
  },
}
