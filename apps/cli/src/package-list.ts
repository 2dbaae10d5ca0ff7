import { listPackages } from '@salus/server/roles/admin-packages'
import { answer, withAdmin } from './admin-command.ts'
import { EXIT } from './exit-code.ts'
import { misuse, type Subcommand } from './subcommand.ts'

export const packageList: Subcommand = {
  name: 'list',
  usage: '',
  flags: [],
  async run(input) {
    if (input.words.length > 0) return misuse('package', 'list takes no words.')
    return withAdmin(async (admin) => {
      const packages = await listPackages(admin)
      const name = Math.max(4, ...packages.map((each) => each.name.length)) + 2
      const version = Math.max(7, ...packages.map((each) => each.version.length)) + 2
      answer(input, { packages }, [
        `${'Name'.padEnd(name)}${'Version'.padEnd(version)}Definitions  Installed`,
        ...packages.map(
          (each) =>
            `${each.name.padEnd(name)}${each.version.padEnd(version)}${String(each.definitions).padEnd(13)}${new Date(each.installed).toISOString().slice(0, 10)}`,
        ),
      ])
      return EXIT.done
    })
  },
}
