import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { FaultError, loadConfig, raise } from '@salus/server/kernel'
import type { CommandInput, CommandOption } from './command.ts'
import { EXIT } from './exit-code.ts'
import { openConnection } from './load-connection.ts'
import { newPatience } from './load-patience.ts'
import { contentKey } from './load-piece.ts'
import { count, type LoadReport, newReport, reportText } from './load-report.ts'
import { type LoadRun, runLoad } from './load-run.ts'
import { openLoadState } from './load-state.ts'
import { tokenSource } from './load-token.ts'
import { openProgress } from './progress.ts'
import { CLIENT_OPTIONS, clientOf, fetchToken, serverUrl } from './token.ts'

/** Options of everything that loads through HTTP. */
export const SESSION_OPTIONS: readonly CommandOption[] = [
  { flag: 'url', kind: 'string', help: 'Address of the server. Default: as configured.' },
  { flag: 'parallel', kind: 'string', help: 'Requests at a time, 1 to 64. Default: 4.' },
  {
    flag: 'state',
    kind: 'string',
    help: 'File that remembers what is stored. Default: load-<hash>.state in the data directory.',
  },
  { flag: 'fresh', kind: 'boolean', help: 'Forget what earlier runs have stored.' },
  { flag: 'retry-unknown', kind: 'boolean', help: 'Send again what may have been stored when a connection was lost.' },
  { flag: 'report', kind: 'string', help: 'Write the report with every refusal to this file, as JSON.' },
  ...CLIENT_OPTIONS,
]

const PARALLEL_DEFAULT = 4
/** More connections than this only make the server's queue longer. */
const PARALLEL_MAX = 64
const FHIR_PATH = '/fhir/R4'

export interface LoadWork {
  phases: LoadRun['phases']
  files: number
  noun: 'file' | 'patient'
  /** Sum of all units that the phases report as work. */
  total: number
  /** What is loaded, for the name of the state file: the same work finds the same file. */
  name: string
}

/** Load through HTTP as the options say, tell the user, answer the exit code. */
export async function loadSession(input: CommandInput, work: LoadWork): Promise<number> {
  const { options, json } = input
  const parallel = parallelOf(options['parallel'])
  const url = serverUrl(options['url'] as string | undefined).replace(/\/fhir\/R4$/, '')
  const client = await clientOf(options)
  const token = tokenSource(() => fetchToken(url, client))
  // Asked once before anything is read: a wrong address or secret is told at once, not after minutes of patience.
  await token.current()
  const path = await statePath(options['state'] as string | undefined, `${url} ${work.name}`)
  const state = openLoadState({ path, url, fresh: options['fresh'] === true })
  const report = newReport(url, work.files, path)
  const stop = stopOnSignal(json)
  const progress = openProgress({ label: 'Loading', things: 'resources', total: work.total, silent: json })
  const connection = openConnection({ url, parallel })
  try {
    const fault = await runLoad({
      phases: work.phases,
      delivery: { connection, token, patience: newPatience(stop.controller.signal), path: FHIR_PATH },
      state,
      report,
      progress,
      parallel,
      retryUnknown: options['retry-unknown'] === true,
      stop: stop.controller,
    })
    progress.end()
    await tell(report, { json, file: options['report'] as string | undefined, noun: work.noun })
    if (fault) throw new FaultError(fault)
    return exitCode(report, json)
  } finally {
    progress.end()
    stop.forget()
    connection.close()
    state.close()
  }
}

function exitCode(report: LoadReport, json: boolean): number {
  if (!report.complete) {
    if (!json) process.stdout.write('Stopped. What is stored is remembered: run the same command again to go on.\n')
    return EXIT.interrupted
  }
  return report.refusals.length > 0 || report.unknown.length > 0 ? EXIT.refused : EXIT.done
}

async function tell(
  report: LoadReport,
  { json, file, noun }: { json: boolean; file: string | undefined; noun: LoadWork['noun'] },
): Promise<void> {
  const text = `${JSON.stringify(report, undefined, 2)}\n`
  // File names may hold names of patients, as Synthea's do.
  if (file !== undefined) await writeFile(file, text, { mode: 0o600 })
  process.stdout.write(json ? text : reportText(report, noun))
  if (file !== undefined && !json && report.refusals.length > 0)
    process.stdout.write(`All ${count(report.refusals.length)} refusals are in ${file}.\n`)
}

function parallelOf(given: unknown): number {
  if (given === undefined) return PARALLEL_DEFAULT
  const value = Number(given)
  if (!Number.isInteger(value) || value < 1 || value > PARALLEL_MAX)
    raise({
      category: 'invalid',
      code: 'cli.option',
      message: `--parallel is a whole number from 1 to ${PARALLEL_MAX}.`,
    })
  return value
}

async function statePath(given: string | undefined, name: string): Promise<string> {
  const path =
    given === undefined
      ? loadConfig().dataPath(`load-${contentKey(Buffer.from(name)).slice(0, 12)}.state`)
      : resolve(given)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  return path
}

/** A terminal's Ctrl-C may arrive twice, directly and through npm: within this it is the same one. */
const SAME_SIGNAL_MS = 1_000

/** The first Ctrl-C ends the load after the requests under way; a second one does not wait. */
function stopOnSignal(json: boolean): { controller: AbortController; forget(): void } {
  const controller = new AbortController()
  let asked: number | undefined
  const onSignal = (): void => {
    if (asked !== undefined && performance.now() - asked > SAME_SIGNAL_MS) process.exit(EXIT.interrupted)
    if (asked === undefined && !json) process.stderr.write('\nStopping after the requests under way ...\n')
    asked ??= performance.now()
    controller.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return {
    controller,
    forget() {
      process.off('SIGINT', onSignal)
      process.off('SIGTERM', onSignal)
    },
  }
}
