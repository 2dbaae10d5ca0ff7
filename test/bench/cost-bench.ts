import type { Bench } from './bench.ts'
import { startBenchServer } from './bench-server.ts'
import { type Figures, runLoad } from './closed-loop.ts'
import { allLoads, LOADS } from './load-bench.ts'
import { seedRecord } from './seed-record.ts'

const VARIANTS: { name: string; without: { sealing?: boolean; audit?: boolean } }[] = [
  { name: 'both', without: {} },
  { name: 'withoutAudit', without: { audit: true } },
  { name: 'withoutSealing', without: { sealing: true } },
  { name: 'neither', without: { sealing: true, audit: true } },
]

/** What sealing and audit cost: the same loads with each, and with both, switched off. */
export const costBench: Bench = {
  names: ['cost'],
  async run({ sizes, report }) {
    const figures: Figures = {}
    for (const { name, without } of VARIANTS) {
      const server = await startBenchServer({ without })
      try {
        const loads = await allLoads(server, await seedRecord(server, sizes))
        for (const load of LOADS) {
          const { notes: _, ...scenario } = loads[load]
          const found = await runLoad({ server, ...sizes, seconds: sizes.costSeconds, ...scenario })
          for (const kind of ['perSecond', 'serverUs', 'databaseUs'])
            figures[`${load}.${name}.${kind}`] = found[kind] ?? Number.NaN
        }
      } finally {
        await server.stop()
      }
    }
    report({ bench: 'cost', figures })
  },
}
