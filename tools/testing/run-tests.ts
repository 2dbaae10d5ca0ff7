import { join, relative } from 'node:path'
import { run } from 'node:test'
import { inspect } from 'node:util'
import { ROOT } from './files.ts'

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** The reference machine has two cores, and the test database shares them. */
const FILES_AT_ONCE = 2
/** A test file that takes longer than this hangs. */
const FILE_TIMEOUT_MS = 600_000
/** Output of a failing file that is worth showing. */
const OUTPUT_CHARACTERS_MAX = 4_000

type Stream = ReturnType<typeof run>

/** Runs the files, each in a process of its own, prints a line for each and the failures in full, and counts tests. */
export async function runTests(files: readonly string[]): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  if (files.length === 0) return counts
  const stream = run({
    files: files.map((file) => join(ROOT, file)),
    cwd: ROOT,
    concurrency: FILES_AT_ONCE,
    timeout: FILE_TIMEOUT_MS,
  })
  const failures: string[] = []
  const output = new Map<string, string>()
  collectOutput(stream, output)
  stream.on('test:fail', (test) => {
    const error = test.details.error
    // A suite or a parent fails with its child, which has been reported already.
    if (failureType(error) !== 'subtestsFailed')
      failures.push(`${place(test.file, test.line)}  ${test.name}\n${indent(describe(error))}`)
  })
  stream.on('test:summary', (summary) => {
    if (summary.file === undefined) {
      counts.passed = summary.counts.passed
      counts.failed = summary.counts.tests - summary.counts.passed - summary.counts.skipped - summary.counts.todo
      counts.skipped = summary.counts.skipped + summary.counts.todo
      if (!summary.success && counts.failed === 0) counts.failed = 1
      return
    }
    const file = relative(ROOT, summary.file)
    process.stdout.write(
      `${summary.success ? 'ok    ' : 'FAILED'} ${file} (${summary.counts.tests} tests, ${(summary.duration_ms / 1000).toFixed(1)} s)\n`,
    )
    const said = output.get(summary.file)
    if (!summary.success && said) process.stdout.write(`${indent(said.slice(-OUTPUT_CHARACTERS_MAX).trimEnd())}\n`)
  })
  for await (const _ of stream) {
    // Reading the stream to its end is what runs the tests; the listeners above do the work.
  }
  if (failures.length > 0) process.stdout.write(`\nFailures:\n\n${failures.join('\n\n')}\n\n`)
  return counts
}

function collectOutput(stream: Stream, output: Map<string, string>): void {
  const add = ({ file, message }: { file?: string | undefined; message: string }): void => {
    const key = file ?? ''
    output.set(key, ((output.get(key) ?? '') + message).slice(-4 * OUTPUT_CHARACTERS_MAX))
  }
  stream.on('test:stdout', add)
  stream.on('test:stderr', add)
}

function failureType(error: Error): string | undefined {
  return (error as { failureType?: string }).failureType
}

function place(file: string | undefined, line: number | undefined): string {
  return file === undefined ? '' : `${relative(ROOT, file)}${line === undefined ? '' : `:${line}`}`
}

function describe(error: Error): string {
  const cause = error.cause ?? error
  if (!(cause instanceof Error)) return inspect(cause)
  const places = (cause.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line) && !line.includes('node:internal'))
  return [cause.message, ...places.slice(0, 6).map((line) => line.replaceAll(`file://${ROOT}/`, ''))].join('\n')
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ')
}
