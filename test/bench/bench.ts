import type { Figures } from './closed-loop.ts'
import type { Sizes } from './sizes.ts'

/** What one benchmark found. */
export interface BenchResult {
  /** Name of the benchmark, e.g. `create`. */
  bench: string
  figures: Figures
  /** What belongs to the figures but is no number, e.g. the plan PostgreSQL chose. */
  notes?: Record<string, string>
}

/** One or several benchmarks that share a server. */
export interface Bench {
  /** Names that `npm run bench -- <name>` takes; each gives one result. */
  names: readonly string[]
  /** Run those of `wanted`; each result is reported as soon as it is there. */
  run(options: { wanted: ReadonlySet<string>; sizes: Sizes; report: (result: BenchResult) => void }): Promise<void>
}
