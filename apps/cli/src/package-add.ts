import { type AddedPackage, addPackage } from '@salus/server/roles/admin-packages'
import { answer, withAdmin } from './admin-command.ts'
import { EXIT } from './exit-code.ts'
import { misuse, type Subcommand, textOption } from './subcommand.ts'

export const packageAdd: Subcommand = {
  name: 'add',
  usage: '<file.tgz | folder | file.json> [--name <name> --version <version>] [--replace] [--with-examples]',
  flags: ['name', 'version', 'replace', 'with-examples'],
  async run(input) {
    const [path, ...more] = input.words
    if (path === undefined || more.length > 0) return misuse('package', 'add takes one file or folder.')
    const [name, version] = [textOption(input, 'name'), textOption(input, 'version')]
    const source = {
      path,
      ...(name === undefined ? {} : { name }),
      ...(version === undefined ? {} : { version }),
      withExamples: input.options['with-examples'] === true,
    }
    return withAdmin(async (admin) => {
      const added = await addPackage(admin, source, { replace: input.options['replace'] === true })
      answer(input, added, linesOf(added))
      return EXIT.done
    })
  },
}

function linesOf({ name, version, definitions, passedOver, replaced, missing }: AddedPackage): string[] {
  const others = passedOver === 0 ? '' : `; ${passedOver} other resources in it were passed over`
  return [
    `${name} ${version} is ${replaced ? 'replaced' : 'installed'}: ${definitions} definitions${others}.`,
    ...missing.map((each) => {
      const present = each.present.length === 0 ? '' : ` (there is ${each.present.join(', ')})`
      return `It leans on ${each.name} ${each.version}, which is not installed${present}. What refers to it cannot be checked until it is added.`
    }),
  ]
}
