import { createLog, type LogLevel, loadConfig } from '@salus/server/kernel'
import { startAll } from '@salus/server/roles/all'
import type { Command } from './command.ts'
import { EXIT } from './exit-code.ts'

/** Start everything and stay until Ctrl-C or SIGTERM. */
export const start: Command = {
  name: 'start',
  summary: 'Start the server, with its database, until Ctrl-C.',
  usage: '',
  options: [],
  async run({ json }) {
    const config = loadConfig()
    const log = createLog({ level: config.required('SALUS_LOG_LEVEL') as LogLevel })
    const started = performance.now()
    const say = (line: string): boolean => process.stdout.write(json ? '' : `${line}\n`)
    const running = await startAll({ config, log, onStep: (step) => say(`  ${step} ...`) })
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    if (json)
      process.stdout.write(
        `${JSON.stringify({ url: running.url, fhir: `${running.url}/fhir/R4`, pid: process.pid })}\n`,
      )
    say(`Salus is ready after ${seconds} s: ${running.url}/fhir/R4`)
    if (running.notice !== undefined) say(running.notice)
    say('Stop it with Ctrl-C.')
    const stopped = stopSignal()
    if (config.enabled('SALUS_DEMO')) await loadDemo(running.url, json)
    await stopped
    say('Stopping: finishing what is under way ...')
    await running.close()
    say('Stopped.')
    return EXIT.done
  },
}

/** Patients of the first start with SALUS_DEMO=on: enough to page through, loaded in a few seconds. */
const DEMO_PATIENTS = 25

/** Load the demo patients. What is stored already is known from the load's own state, so a later start adds nothing. */
async function loadDemo(url: string, json: boolean): Promise<void> {
  const { demo } = await import('./demo.ts')
  try {
    await demo.run({ words: [], options: { url, patients: String(DEMO_PATIENTS) }, json })
  } catch (error) {
    // The server runs and serves: a failed demo must not end it.
    process.stderr.write(
      `salus: the demo patients were not loaded: ${error instanceof Error ? error.message : 'unknown reason'}\n`,
    )
  }
}

/** A terminal's Ctrl-C may arrive twice, directly and through npm: within this it is the same one. */
const SAME_SIGNAL_MS = 1_000

/** Resolves at the first signal; a second one does not wait any longer. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked: number | undefined
    const stop = (): void => {
      if (asked !== undefined && performance.now() - asked > SAME_SIGNAL_MS) process.exit(EXIT.failed)
      asked ??= performance.now()
      resolve()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
  })
}
