import type { Command } from './command.ts'
import { withSubcommands } from './subcommand.ts'
import { terminologyList } from './terminology-list.ts'
import { terminologyLoad } from './terminology-load.ts'
import { terminologyRemove } from './terminology-remove.ts'

/** Load, list and remove large code systems. */
export const terminology: Command = withSubcommands(
  {
    name: 'terminology',
    summary: 'Load, list or remove SNOMED CT, LOINC, RxNorm, ICD-10-CM and CVX, for the whole installation.',
    options: [
      { flag: 'version', kind: 'string', help: 'load: version, where the names of the files do not tell it.' },
      { flag: 'replace', kind: 'boolean', help: 'load: load a version again that is loaded.' },
      { flag: 'edition', kind: 'string', help: 'load snomed: module of the edition, where Salus does not know it.' },
      {
        flag: 'language-set',
        kind: 'string',
        help: 'load snomed: language reference set that chooses the displays. Default: US English.',
      },
    ],
    notes: [
      'A release is taken as its publisher gives it: the zip, the folder that was in it, or the one file. Servers may be running; they use a release when all of it is loaded. Some need a licence of your own.',
    ],
  },
  [terminologyLoad, terminologyList, terminologyRemove],
)
