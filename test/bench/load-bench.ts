import type { Bench } from './bench.ts'
import { type BenchServer, startBenchServer } from './bench-server.ts'
import { type Load, runLoad } from './closed-loop.ts'
import { importBundles } from './import-bundles.ts'
import type { Answer } from './link.ts'
import { dice, LOINC, MEASURES, sampleObservation } from './sample-data.ts'
import { seedRecord } from './seed-record.ts'

export const LOADS = ['read', 'search', 'create', 'import'] as const
export type LoadName = (typeof LOADS)[number]

const CONNECTIONS = 16
const IMPORT_CONNECTIONS = 4
const PAGE = 20

/** Reads, searches, creates and imports at one server process. What writes comes last. */
export const loadBench: Bench = {
  names: LOADS,
  async run({ wanted, sizes, report }) {
    const server = await startBenchServer()
    try {
      const ids = await seedRecord(server, sizes)
      const loads = await allLoads(server, ids)
      for (const bench of LOADS.filter((name) => wanted.has(name))) {
        const { notes, ...load } = loads[bench]
        report({ bench, figures: await runLoad({ server, ...sizes, ...load }), ...(notes ? { notes } : {}) })
      }
    } finally {
      await server.stop()
    }
  },
}

/** Imports at two processes that share one database. */
export const workersBench: Bench = {
  names: ['import-workers'],
  async run({ sizes, report }) {
    const server = await startBenchServer({ workers: 2 })
    try {
      const { notes, ...load } = (await allLoads(server, [])).import
      report({
        bench: 'import-workers',
        figures: await runLoad({ server, ...sizes, ...load }),
        ...(notes ? { notes } : {}),
      })
    } finally {
      await server.stop()
    }
  },
}

type Scenario = Pick<Load, 'connections' | 'next' | 'check'> & { notes?: Record<string, string> }

/** Every load at a server that holds the patients `ids`. */
export async function allLoads(server: BenchServer, ids: readonly string[]): Promise<Record<LoadName, Scenario>> {
  const chance = dice(7)
  return {
    create: {
      connections: CONNECTIONS,
      next: () => {
        const observation = sampleObservation(
          { subject: `Patient/${chance.pick(ids)}`, measure: chance.pick(MEASURES) },
          chance,
        )
        return { bytes: server.request('POST', '/Observation', JSON.stringify(observation)) }
      },
    },
    read: { connections: CONNECTIONS, next: reads(server, ids) },
    search: { connections: CONNECTIONS, next: searches(server, ids), check: holds(PAGE) },
    import: await imports(server),
  }
}

/** Any of the patients. */
export function reads(server: BenchServer, ids: readonly string[]): Load['next'] {
  const chance = dice(11)
  return () => ({ bytes: server.request('GET', `/Patient/${chance.pick(ids)}`) })
}

/** A page of one code of any of the patients. */
export function searches(server: BenchServer, ids: readonly string[]): Load['next'] {
  const chance = dice(13)
  return () => {
    const patient = encodeURIComponent(`Patient/${chance.pick(ids)}`)
    const code = encodeURIComponent(`${LOINC}|${chance.pick(MEASURES).code}`)
    return { bytes: server.request('GET', `/Observation?patient=${patient}&code=${code}&_count=${PAGE}`) }
  }
}

/** Whether a searchset holds exactly `count` matches. */
export function holds(count: number): (answer: Answer) => boolean {
  return ({ body }) => {
    const bundle = JSON.parse(body.toString('utf8')) as { entry?: { search?: { mode?: string } }[] }
    return (bundle.entry ?? []).filter((entry) => entry.search?.mode === 'match').length === count
  }
}

async function imports(server: BenchServer): Promise<Scenario> {
  const { source, bundles } = await importBundles()
  const requests = bundles.map(({ text, resources }) => ({ bytes: server.request('POST', '', text), units: resources }))
  const resources = bundles.reduce((sum, bundle) => sum + bundle.resources, 0)
  let sent = 0
  return {
    connections: IMPORT_CONNECTIONS,
    next: () => requests[sent++ % requests.length] as (typeof requests)[0],
    check: ({ body }) => body.includes('"transaction-response"'),
    notes: { data: `${source}, ${Math.round(resources / bundles.length)} resources each on average` },
  }
}
