import type { Command } from './command.ts'
import { packageAdd } from './package-add.ts'
import { packageList } from './package-list.ts'
import { packageRemove } from './package-remove.ts'
import { withSubcommands } from './subcommand.ts'

/** Add, list and remove packages of profiles, value sets and other definitions. */
export const fhirPackage: Command = withSubcommands(
  {
    name: 'package',
    summary: 'Add, list or remove packages of profiles, value sets and code systems, for the whole installation.',
    options: [
      { flag: 'name', kind: 'string', help: 'add: name of the package, where it has no package.json.' },
      { flag: 'version', kind: 'string', help: 'add: version of the package, where it has no package.json.' },
      { flag: 'replace', kind: 'boolean', help: 'add: put it in the place of the same name and version.' },
      { flag: 'with-examples', kind: 'boolean', help: 'add: take the definitions among its examples, too.' },
    ],
    notes: [
      'A package is a .tgz as packages.fhir.org and the build of an implementation guide give it, a folder of .json files, or one file with a Bundle of definitions. Running servers use it within two seconds. FHIR R4 4.0.1 and HL7 terminology come with Salus.',
    ],
  },
  [packageAdd, packageList, packageRemove],
)
