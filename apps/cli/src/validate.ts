import { eventLoopTurns, systemClock } from '@salus/server/kernel'
import { type OfflineIssue, type OfflineValidator, openOfflineValidator } from '@salus/server/roles/offline-validation'
import type { Command, CommandInput } from './command.ts'
import { EXIT } from './exit-code.ts'
import { findLoadFiles, type LoadFile } from './load-files.ts'
import { openProgress } from './progress.ts'
import { misuse } from './subcommand.ts'
import { type FoundResource, resourcesIn } from './validate-read.ts'
import {
  endWithReader,
  jsonReport,
  shownBy,
  textReport,
  type ValidateReport,
  type ValidateSummary,
} from './validate-report.ts'

/** Check files against R4 and profiles, without a server. */
export const validate: Command = {
  name: 'validate',
  summary: 'Check files of FHIR resources against R4 and profiles, without a server or a database.',
  usage: '<files or directories...> [--profile <url>]... [--package <file.tgz>]...',
  options: [
    { flag: 'profile', kind: 'string', multiple: true, help: 'A profile each resource must conform to. Repeatable.' },
    {
      flag: 'package',
      kind: 'string',
      multiple: true,
      help: 'A package with profiles and value sets: a .tgz, a folder or a .json file. Repeatable.',
    },
    { flag: 'all', kind: 'boolean', help: 'Print information, too, beside errors and warnings.' },
    { flag: 'errors', kind: 'boolean', help: 'Print errors only.' },
  ],
  notes: [
    'It reads .json, .json.gz, .ndjson and .ndjson.gz: single resources, Bundles, one resource per line. Profiles that a resource claims in meta.profile are checked without being asked for. FHIR R4 and HL7 terminology come with Salus.',
    'The exit code is 0 when there is no error, and 8 when there is one.',
  ],
  async run(input) {
    if (input.words.length === 0) return misuse('validate', 'Name files or directories.')
    const [all, errors] = [input.options['all'] === true, input.options['errors'] === true]
    if (all && errors) return misuse('validate', 'Give --all or --errors, not both.')
    const files = (await findLoadFiles(input.words)).flat()
    endWithReader()
    const packages = textOptions(input, 'package')
    const validator = await openOfflineValidator({ packages, clock: systemClock })
    const report = shownBy(
      all ? 'all' : errors ? 'errors' : input.json ? 'all' : 'most',
      input.json ? jsonReport() : textReport(),
    )
    const summary = await checkFiles(files, validator, {
      report,
      profiles: textOptions(input, 'profile'),
      named: new Set(input.words),
      silent: input.json,
    })
    return summary.errors === 0 ? EXIT.done : EXIT.found
  },
}

function textOptions({ options }: CommandInput, flag: string): string[] {
  const given = options[flag]
  return Array.isArray(given) ? given.filter((one) => typeof one === 'string') : []
}

interface Checking {
  report: ValidateReport
  profiles: readonly string[]
  /** Paths given by hand: what is no resource there is an error. */
  named: ReadonlySet<string>
  silent: boolean
}

async function checkFiles(
  files: readonly LoadFile[],
  validator: OfflineValidator,
  { report, profiles, named, silent }: Checking,
): Promise<ValidateSummary> {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const progress = openProgress({ label: 'Checking', things: 'resources', total, silent })
  const turn = eventLoopTurns(systemClock)
  const summary = { files: 0, resources: 0, failed: 0, errors: 0, warnings: 0, passedOver: 0 }
  await report.begin()
  try {
    for (const file of files) {
      summary.files++
      for await (const one of resourcesIn(file, progress.work)) {
        const issues = await issuesOf(validator, one, { profiles, isNamed: named.has(file.path) })
        if (!issues) summary.passedOver++
        else {
          summary.resources++
          progress.count(1)
          count(summary, issues)
          await report.resource(one, issues)
        }
        await turn()
      }
    }
  } finally {
    progress.end()
  }
  await report.end(summary)
  return summary
}

/** Undefined for a JSON file in a directory that holds something else, such as the package.json of a package. */
async function issuesOf(
  validator: OfflineValidator,
  { json, problem, line }: FoundResource,
  { profiles, isNamed }: { profiles: readonly string[]; isNamed: boolean },
): Promise<readonly OfflineIssue[] | undefined> {
  if (!json) return [{ severity: 'error', code: 'processing', expression: '', text: problem }]
  const { isResource, issues } = await validator.validate(json, profiles, line === undefined ? 'file' : 'line')
  return isResource || isNamed || line !== undefined ? issues : undefined
}

function count(summary: ValidateSummary, issues: readonly OfflineIssue[]): void {
  const errors = issues.filter(({ severity }) => severity === 'error' || severity === 'fatal').length
  summary.errors += errors
  if (errors > 0) summary.failed++
  summary.warnings += issues.filter(({ severity }) => severity === 'warning').length
}
