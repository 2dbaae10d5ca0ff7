import type { Bench } from './bench.ts'
import { FHIRPATH_CASES } from './fhirpath-cases.ts'
import { engines } from './fhirpath-peers.ts'
import { median } from './median.ts'

/** Rounds in which the engines take turns, so that what else the machine does strikes all of them alike. */
const ROUNDS = 5

/** Microseconds to compile an expression and to evaluate it on a resource, by ours and by other engines. */
export const fhirPathBench: Bench = {
  names: ['fhirpath'],
  run({ sizes, report }) {
    const roundMs = sizes.seconds * 4
    const figures: Record<string, number> = {}
    const notes: Record<string, string> = {}
    const all = engines()
    for (const { name, expression, resource } of FHIRPATH_CASES) {
      notes[name] = expression
      const wanted = answerOf(() => all[0]?.compile(expression)(resource))
      const able = all.filter((engine) => answerOf(() => engine.compile(expression)(resource)) === wanted)
      const compiling = able.map((engine) => () => engine.compile(expression))
      const evaluating = able.map((engine) => {
        const evaluate = engine.compile(expression)
        return () => evaluate(resource)
      })
      const compileUs = inTurns(compiling, roundMs)
      const evaluateUs = inTurns(evaluating, roundMs)
      able.forEach((engine, i) => {
        figures[`${name}.${engine.name}.compileUs`] = compileUs[i] as number
        figures[`${name}.${engine.name}.evaluateUs`] = evaluateUs[i] as number
      })
    }
    report({ bench: 'fhirpath', figures, notes })
    return Promise.resolve()
  },
}

/** An engine that gives another answer, or none, is not timed. */
function answerOf(run: () => unknown): string {
  try {
    return JSON.stringify(run())
  } catch (error) {
    return `error: ${String(error)}`
  }
}

function inTurns(work: readonly (() => unknown)[], roundMs: number): number[] {
  const rounds = work.map((): number[] => [])
  for (const run of work) microseconds(run, roundMs)
  for (let round = 0; round < ROUNDS; round++) work.forEach((run, i) => rounds[i]?.push(microseconds(run, roundMs)))
  return rounds.map(median)
}

function microseconds(run: () => unknown, roundMs: number): number {
  const start = performance.now()
  let calls = 0
  let elapsed = 0
  while (elapsed < roundMs) {
    for (let i = 0; i < 50; i++) run()
    calls += 50
    elapsed = performance.now() - start
  }
  return (elapsed * 1_000) / calls
}
