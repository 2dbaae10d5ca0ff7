import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../tools/testing/files.ts'
import { type Query, readQueries } from '../conformance/queries-file.ts'
import type { Bench } from './bench.ts'
import { type BenchServer, startBenchServer } from './bench-server.ts'
import { type Figures, runLoad } from './closed-loop.ts'
import { explainSearch, openSearcher, type SearchExplainer } from './explain-search.ts'
import { dice } from './sample-data.ts'
import { growPopulation, noPools, type ShapePools } from './shapes-population.ts'

/** Public test data beside the checkout; not part of it. */
const QUERIES = join(ROOT, '..', 'shared', 'corpora', 'mock-health', 'queries.yaml')
const CONNECTIONS = 16
const WARM_SECONDS = 0.5

/** The query shapes of mock.health's load mix while the population grows. The first answer that is no success fails the run. */
export const shapesBench: Bench = {
  names: ['shapes'],
  async run({ sizes, report }) {
    if (!existsSync(QUERIES)) {
      process.stderr.write('skipped: corpora absent\n')
      return
    }
    const shapes = readQueries(readFileSync(QUERIES, 'utf8')).filter((query) => query.load)
    const server = await startBenchServer()
    try {
      const pools = noPools()
      const figures: Figures = {}
      const notes: Record<string, string> = {}
      for (const patients of sizes.scale) {
        await growPopulation(server, pools, patients)
        for (const shape of shapes) {
          process.stderr.write(`\r  ${patients} patients: ${shape.name.padEnd(40)}`)
          const found = await measure(server, shape, { pools, seconds: sizes.shapeSeconds })
          for (const [kind, value] of Object.entries(found)) figures[`${shape.name}.${patients}.${kind}`] = value
        }
        process.stderr.write('\n')
      }
      for (const shape of shapes)
        figures[`${shape.name}.ratio`] =
          (figures[`${shape.name}.${sizes.scale.at(-1)}.p50Ms`] ?? Number.NaN) /
          (figures[`${shape.name}.${sizes.scale[0]}.p50Ms`] ?? Number.NaN)
      const worst = (of: (name: string) => number | undefined): number =>
        Math.max(...shapes.map(({ name }) => of(name) ?? Number.NaN))
      figures['worstRatio'] = worst((name) => figures[`${name}.ratio`])
      figures['worstP99Ms'] = worst((name) => figures[`${name}.${sizes.scale.at(-1)}.p99Ms`])
      await explainShapes(server, { shapes, pools, times: sizes.explains, figures, notes })
      report({ bench: 'shapes', figures, notes })
    } finally {
      await server.stop()
    }
  },
}

async function measure(
  server: BenchServer,
  shape: Query,
  { pools, seconds }: { pools: ShapePools; seconds: number },
): Promise<Figures> {
  const chance = dice(23)
  let entries = 0
  let answers = 0
  const load = await runLoad({
    server,
    connections: CONNECTIONS,
    warmSeconds: WARM_SECONDS,
    seconds,
    next: () => ({ bytes: server.request('GET', `/${addressOf(shape, pools, chance.pick)}`) }),
    check: ({ body }) => {
      answers++
      entries += body.toString('latin1').split('"mode":"match"').length - 1
      return true
    },
  })
  const { perSecond = 0, p50Ms = 0, p99Ms = 0, databaseUs = 0 } = load
  return { perSecond, p50Ms, p99Ms, databaseUs, entries: entries / Math.max(1, answers) }
}

function addressOf(shape: Query, pools: ShapePools, pick: (from: readonly string[]) => string): string {
  const filled = (text: string): string =>
    text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
      const pool = (pools as unknown as Record<string, string[] | undefined>)[shape.sample[name] ?? '']
      if (!pool) throw new Error(`queries.yaml: no values for ${name} of ${shape.name}`)
      return pick(pool)
    })
  const parameters = Object.entries(shape.params).map(([name, value]): [string, string] => [name, filled(value)])
  return `${filled(shape.path)}${parameters.length > 0 ? `?${new URLSearchParams(parameters).toString()}` : ''}`
}

/** What PostgreSQL does for one example of each shape at the largest size. */
async function explainShapes(
  server: BenchServer,
  of: { shapes: readonly Query[]; pools: ShapePools; times: number; figures: Figures; notes: Record<string, string> },
): Promise<void> {
  const searcher: SearchExplainer = await openSearcher(server)
  try {
    for (const shape of of.shapes) {
      const [type = '', query] = addressOf(shape, of.pools, ([first = '']) => first).split('?')
      if (query === undefined) continue
      const options = { type, query, times: of.times, planCacheMode: 'force_custom_plan' } as const
      const { milliseconds, plan } = await explainSearch(searcher, options)
      of.figures[`${shape.name}.databaseMs`] = milliseconds
      of.notes[shape.name] = plan
    }
  } finally {
    await searcher.close()
  }
}
