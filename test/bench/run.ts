// npm run bench [-- [--quick] [name ...]]: measures speed, CPU, memory and disk of real servers, and writes
// docs/reference/performance.md. Linux only: CPU and memory are read from /proc.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../../tools/testing/files.ts'
import type { Bench, BenchResult } from './bench.ts'
import { costBench } from './cost-bench.ts'
import { fhirPathBench } from './fhirpath-bench.ts'
import { loadBench, workersBench } from './load-bench.ts'
import { machine } from './machine.ts'
import { newestBench } from './newest-bench.ts'
import { type RecordedResult, resultsText, withResults } from './performance-page.ts'
import { newestResults, RESULTS_FILE, recordResult } from './recorded-results.ts'
import { scaleBench } from './scale-bench.ts'
import { shapesBench } from './shapes-bench.ts'
import { FULL, QUICK } from './sizes.ts'
import { startBench } from './start-bench.ts'
import { storageBench } from './storage-bench.ts'
import { terminologyBench } from './terminology-bench.ts'
import { validateBench } from './validate-bench.ts'

const BENCHES: readonly Bench[] = [
  startBench,
  loadBench,
  workersBench,
  storageBench,
  costBench,
  scaleBench,
  shapesBench,
  newestBench,
  fhirPathBench,
  terminologyBench,
  validateBench,
]
const NAMES = BENCHES.flatMap(({ names }) => names)
const PAGE = join(ROOT, 'docs', 'reference', 'performance.md')
const USAGE = `usage: npm run bench [-- [--quick] [name ...]]

  name      ${NAMES.join(', ')}; default: all.
            search brings shapes with it
  --quick   a smoke run of about a minute: its figures mean nothing and are not written down
`

await main()

async function main(): Promise<void> {
  const { names, quick } = readArguments()
  if (process.platform !== 'linux') stop('The benchmark reads CPU and memory from /proc and runs on Linux only.\n')
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
  const wanted = new Set(names.length > 0 ? names : NAMES)
  if (wanted.has('search')) wanted.add('shapes')
  const command = ['npm run bench', ...(names.length > 0 ? ['--', ...names] : [])].join(' ')
  const failed: string[] = []
  const results: RecordedResult[] = []
  for (const bench of BENCHES.filter((one) => one.names.some((name) => wanted.has(name)))) {
    const where = await machine()
    const report = (result: BenchResult): void => {
      const recorded = { ...result, figures: rounded(result.figures), command, machine: where }
      results.push(recorded)
      if (!quick) recordResult(recorded)
      process.stdout.write(`${JSON.stringify(recorded)}\n`)
    }
    const began = performance.now()
    const title = bench.names.filter((name) => wanted.has(name)).join(', ')
    process.stderr.write(`${title} ...\n`)
    try {
      await bench.run({ wanted, sizes: quick ? QUICK : FULL, report })
    } catch (error) {
      failed.push(title)
      process.stderr.write(`${title} failed: ${error instanceof Error ? error.stack : String(error)}\n`)
    }
    process.stderr.write(`${title}: ${((performance.now() - began) / 1_000).toFixed(0)} s\n`)
  }
  process.stdout.write(`\n${resultsText(results, { judged: !quick })}\n`)
  if (!quick) {
    writeFileSync(PAGE, withResults(readFileSync(PAGE, 'utf8'), newestResults(NAMES)))
    process.stdout.write(`\nWritten to docs/reference/performance.md from ${RESULTS_FILE}\n`)
  }
  // What failed has no figure, so it must not end like a clean run.
  process.exit(failed.length === 0 ? 0 : 1)
}

/** Five digits are more than any of these is good for. */
function rounded(figures: BenchResult['figures']): BenchResult['figures'] {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Number(value.toPrecision(5))]))
}

function readArguments(): { names: string[]; quick: boolean } {
  try {
    const { values, positionals } = parseArgs({
      options: { quick: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
      allowPositionals: true,
    })
    const unknown = positionals.find((name) => !NAMES.includes(name))
    if (unknown !== undefined) stop(`There is no benchmark "${unknown}".\n\n${USAGE}`)
    if (values.help) stop(USAGE)
    return { names: positionals, quick: values.quick }
  } catch (error) {
    return stop(`${(error as Error).message}\n\n${USAGE}`)
  }
}

function stop(message: string): never {
  process.stderr.write(message)
  process.exit(2)
}
