// node tools/run.mjs test/fuzz/run.ts [--seconds 30] [--seed n] [--only target] [--case n]: random inputs to whatever reads
// what clients send. A failure prints how to repeat it.
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { startTestServer } from '../fixtures/server.ts'
import { chance } from './chance.ts'
import { libraryTargets } from './library-targets.ts'
import { packageTarget } from './package-target.ts'
import { releaseTarget } from './release-target.ts'
import { SAMPLES } from './samples.ts'
import { serverTargets } from './server-targets.ts'
import type { Target } from './target.ts'
import { startWatchdog, type Watchdog } from './watchdog.ts'
import { xmlServerTarget, xmlTargets } from './xml-targets.ts'

/** No input may keep a server busy longer than this; most take well under a millisecond. */
const INPUT_MS_MAX = 2_000
/** One bug shows itself in many inputs. */
const FAILURES_PER_TARGET_MAX = 5

interface Options {
  seconds: number
  seed: number
  only: string | undefined
  single: number | undefined
}

process.exitCode = await main(optionsOf(process.argv.slice(2)))

function optionsOf(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string' },
      seed: { type: 'string' },
      only: { type: 'string' },
      case: { type: 'string' },
    },
  })
  return {
    seconds: Number(values.seconds ?? 30),
    seed: Number(values.seed ?? randomInt(1_000_000_000)),
    only: values.only,
    single: values.case === undefined ? undefined : Number(values.case),
  }
}

async function main(options: Options): Promise<number> {
  process.stdout.write(`seed ${options.seed}\n`)
  const server = await startTestServer()
  const watchdog = startWatchdog()
  try {
    const client = await server.client()
    const stored = await client.post('Patient', SAMPLES[0])
    const all = [
      ...libraryTargets,
      ...xmlTargets,
      ...serverTargets(client, stored.body.id),
      xmlServerTarget(client),
      packageTarget(server.platform.database),
      releaseTarget(server.platform.database),
    ]
    const targets = all.filter(({ name }) => options.only === undefined || name === options.only)
    let passed = 0
    let failed = 0
    for (const target of targets) {
      const ms = (options.seconds * 1_000) / targets.length
      const counts = await runTarget(target, { ...options, ms, watchdog })
      passed += counts.passed
      failed += counts.failed
      process.stdout.write(
        `${counts.failed === 0 ? 'ok    ' : 'FAILED'} ${target.name} (${counts.passed + counts.failed} inputs, slowest ${counts.slowestMs.toFixed(0)} ms)\n`,
      )
    }
    const logged = server.logLines.filter((line) => line.includes('"level":50'))
    if (logged.length > 0) process.stdout.write(`The server logged ${logged.length} errors, the first: ${logged[0]}\n`)
    process.stdout.write(`${passed} passed, ${failed} failed, 0 skipped\n`)
    return failed === 0 ? 0 : 1
  } finally {
    watchdog.stop()
    await server.close()
  }
}

async function runTarget(
  target: Target,
  { seed, single, ms, watchdog }: Options & { ms: number; watchdog: Watchdog },
): Promise<{ passed: number; failed: number; slowestMs: number }> {
  const counts = { passed: 0, failed: 0, slowestMs: 0 }
  const until = performance.now() + ms
  for (let number = single ?? 0; performance.now() < until && counts.failed < FAILURES_PER_TARGET_MAX; number++) {
    const replay = `--seed ${seed} --only '${target.name}' --case ${number}`
    watchdog.begin(replay)
    const started = performance.now()
    const failure = await failureOf(target, [seed, target.name, number])
    const tookMs = performance.now() - started
    counts.slowestMs = Math.max(counts.slowestMs, tookMs)
    const said = failure ?? (tookMs > INPUT_MS_MAX ? `took ${tookMs.toFixed(0)} ms` : undefined)
    if (said === undefined) counts.passed++
    else {
      counts.failed++
      process.stdout.write(`${target.name}: ${said}\n  repeat: node tools/run.mjs test/fuzz/run.ts ${replay}\n`)
    }
    if (single !== undefined) break
  }
  watchdog.begin('')
  return counts
}

async function failureOf(target: Target, parts: readonly (number | string)[]): Promise<string | undefined> {
  try {
    await target.run(chance(...parts))
    return undefined
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 5).join('\n  ') : String(error)
  }
}
