import {
  type LoadProgress,
  loadCodeSystem,
  RELEASE_KINDS,
  type ReleaseKind,
} from '@salus/server/roles/admin-terminology'
import { answer, withAdmin } from './admin-command.ts'
import { progressLine } from './admin-progress.ts'
import type { CommandInput } from './command.ts'
import { EXIT } from './exit-code.ts'
import { misuse, type Subcommand, textOption } from './subcommand.ts'

export const terminologyLoad: Subcommand = {
  name: 'load',
  usage: `<${RELEASE_KINDS.join(' | ')}> <zip, folder or file> [--version <version>] [--edition <module>] [--language-set <id>] [--replace]`,
  flags: ['version', 'replace', 'edition', 'language-set'],
  async run(input) {
    const [kind, path, ...more] = input.words
    if (path === undefined || more.length > 0 || !isKind(kind))
      return misuse('terminology', `load takes one of ${RELEASE_KINDS.join(', ')}, and the release.`)
    const options = optionsOf(input)
    if (kind !== 'snomed' && (options.edition ?? options.languageSet) !== undefined)
      return misuse('terminology', '--edition and --language-set are for snomed.')
    return withAdmin(async (admin) => {
      const line = progressLine(input.json)
      const loaded = await loadCodeSystem(
        admin,
        { kind, path, ...options },
        { replace: input.options['replace'] === true, onProgress: (progress) => line.show(textOf(progress)) },
      )
      line.done()
      const { url, version, concepts } = loaded
      answer(input, { url, version, concepts }, [
        `${url} version ${version} is loaded: ${concepts.toLocaleString('en-US')} concepts.`,
      ])
      return EXIT.done
    })
  },
}

function isKind(kind: string | undefined): kind is ReleaseKind {
  return (RELEASE_KINDS as readonly (string | undefined)[]).includes(kind)
}

function optionsOf(input: CommandInput): { version?: string; edition?: string; languageSet?: string } {
  const [version, edition, languageSet] = ['version', 'edition', 'language-set'].map((flag) => textOption(input, flag))
  return {
    ...(version === undefined ? {} : { version }),
    ...(edition === undefined ? {} : { edition }),
    ...(languageSet === undefined ? {} : { languageSet }),
  }
}

const BYTES_PER_MB = 1024 * 1024

function textOf({ read, facts, concepts, conceptsExpected }: LoadProgress): string {
  const number = (value: number): string => value.toLocaleString('en-US')
  if (conceptsExpected > 0) return `Storing concepts: ${number(concepts)} of ${number(conceptsExpected)}`
  const file = read === undefined ? '' : ` ${read.file}, ${Math.round(read.bytes / BYTES_PER_MB)} MB read`
  return `Reading${file}: ${number(facts)} facts`
}
