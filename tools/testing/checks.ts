import { spawn } from 'node:child_process'
import { ROOT } from './files.ts'

export interface Check {
  name: string
  command: string
  args: string[]
  /** Said when the check fails. */
  fix?: string
}

const TYPES: Check = { name: 'types', command: 'tsc', args: ['-p', '.', '--pretty', 'false'] }
const FORMAT: Check = {
  name: 'format',
  command: 'biome',
  args: ['check', '--colors=off', '--error-on-warnings', '.'],
  fix: 'npm run fix',
}
const TIDY: Check = { name: 'tidy', command: process.execPath, args: ['tools/tidy.ts'] }
const DOCS: Check = {
  name: 'generated pages',
  command: process.execPath,
  args: ['tools/docs.ts', '--check'],
  fix: 'npm run docs',
}
const LINT: Check = {
  name: 'lint',
  command: 'oxlint',
  args: ['--type-aware', '--deny-warnings', '--threads=2'],
  fix: 'npm run fix mends some of these',
}
const UNUSED: Check = { name: 'unused code', command: 'knip', args: ['--no-progress', '--no-config-hints'] }

/** Longest first, so that two at a time end together. */
export const CHECKS: readonly Check[] = [LINT, UNUSED, TYPES, FORMAT, TIDY, DOCS]
export const FAST_CHECKS: readonly Check[] = [TYPES, FORMAT, TIDY, DOCS]

/** The reference machine has two cores. */
const CHECKS_AT_ONCE = 2
/** The slowest takes seconds; one that takes this long hangs. */
const CHECK_TIMEOUT_MS = 300_000
/** A check that prints more than this has said enough. */
const OUTPUT_CHARACTERS_MAX = 20_000

/** Runs the checks and returns the names of those that failed, whose output has been printed. */
export async function runChecks(checks: readonly Check[]): Promise<string[]> {
  const waiting = [...checks]
  const failed: string[] = []
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift())
      if (!(await runCheck(check))) failed.push(check.name)
  }
  await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, worker))
  return failed
}

async function runCheck(check: Check): Promise<boolean> {
  const started = performance.now()
  const { code, output } = await capture(check.command, check.args)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const passed = code === 0
  process.stdout.write(`${passed ? 'ok    ' : 'FAILED'} ${check.name} (${seconds} s)\n`)
  if (!passed) {
    const cut = output.length > OUTPUT_CHARACTERS_MAX ? '\n... and more' : ''
    process.stdout.write(`${output.slice(0, OUTPUT_CHARACTERS_MAX).trimEnd()}${cut}\n`)
    if (check.fix !== undefined) process.stdout.write(`To mend it: ${check.fix}\n`)
  }
  return passed
}

/** Runs a program in the checkout; its output in one string, its exit code, 127 when it could not be started. */
export function capture(command: string, args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], timeout: CHECK_TIMEOUT_MS })
    let output = ''
    const collect = (chunk: Buffer): void => {
      output += chunk.toString('utf8')
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.on('error', (error) => resolve({ code: 127, output: `${command}: ${error.message}` }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}
