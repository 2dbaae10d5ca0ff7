import type { Bench } from './bench.ts'
import { startBenchServer } from './bench-server.ts'
import { type Figures, runLoad } from './closed-loop.ts'
import { holds, reads, searches } from './load-bench.ts'
import { MEASURES } from './sample-data.ts'
import { seedRecord } from './seed-record.ts'

const CONNECTIONS = 16
/** One of each measure, so that a search by patient and code finds one at each size. */
const OBSERVATIONS_EACH = MEASURES.length

/** How reads and a patient's searches move while the population grows. */
export const scaleBench: Bench = {
  names: ['scale'],
  async run({ sizes, report }) {
    const server = await startBenchServer()
    try {
      const figures: Figures = {}
      const ids: string[] = []
      for (const patients of sizes.scale) {
        const missing = patients - ids.length
        ids.push(
          ...(await seedRecord(server, { patients: missing, observationsEach: OBSERVATIONS_EACH, seed: patients })),
        )
        const load = { server, connections: CONNECTIONS, ...sizes }
        // The smallest size comes first, when nothing is compiled yet: what it measured then is thrown away.
        if (patients === sizes.scale[0])
          for (const next of [reads(server, ids), searches(server, ids)]) await runLoad({ ...load, next })
        const read = await runLoad({ ...load, next: reads(server, ids) })
        const search = await runLoad({ ...load, next: searches(server, ids), check: holds(1) })
        for (const [name, found] of Object.entries({ read, search }))
          for (const kind of ['perSecond', 'p50Ms', 'p95Ms', 'serverUs', 'databaseUs'])
            figures[`${name}.${patients}.${kind}`] = found[kind] ?? Number.NaN
      }
      const [least, most] = [sizes.scale[0], sizes.scale.at(-1)]
      for (const name of ['read', 'search'])
        figures[`${name}Ratio`] =
          (figures[`${name}.${most}.p50Ms`] ?? Number.NaN) / (figures[`${name}.${least}.p50Ms`] ?? Number.NaN)
      report({ bench: 'scale', figures })
    } finally {
      await server.stop()
    }
  },
}
