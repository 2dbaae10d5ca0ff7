import { createLog, systemClock } from '../../server/src/kernel/index.ts'
import { openDatabase } from '../../server/src/platform/db/index.ts'
import { storeRelease } from '../../server/src/record/terminology/index.ts'
import type { Bench } from './bench.ts'
import { type BenchServer, startBenchServer } from './bench-server.ts'
import { type Figures, type Load, runLoad } from './closed-loop.ts'
import { Link } from './link.ts'
import { ownerUrl } from './owner-connection.ts'
import { dice } from './sample-data.ts'
import { BENCH_SYSTEM, benchRelease, conceptCode } from './terminology-data.ts'

const CONNECTIONS = 16
const STATEMENT_MS = 600_000
/** Servers look for a new code system every two seconds. */
const SEEN_MS_MAX = 20_000
const PAGE = 10

/** $lookup, $validate-code and typeahead on a code system of 350,000 concepts, loaded as a release is. */
export const terminologyBench: Bench = {
  names: ['terminology'],
  async run({ sizes, report }) {
    const server = await startBenchServer()
    try {
      const { release, nameOf } = benchRelease(sizes.concepts)
      const began = performance.now()
      await load(server, release)
      const figures: Figures = { concepts: sizes.concepts, loadSeconds: (performance.now() - began) / 1_000 }
      const loads = allLoads(server, sizes.concepts, nameOf)
      await seen(server)
      for (const [name, one] of Object.entries(loads)) {
        const measured = await runLoad({ server, ...sizes, connections: CONNECTIONS, ...one })
        for (const [figure, value] of Object.entries(measured)) figures[`${name}.${figure}`] = value
      }
      report({ bench: 'terminology', figures })
    } finally {
      await server.stop()
    }
  },
}

async function load(server: BenchServer, release: Parameters<typeof storeRelease>[1]): Promise<void> {
  const log = createLog({ level: 'error', destination: { write: (line) => void process.stderr.write(line) } })
  const database = await openDatabase({
    url: await ownerUrl(server),
    connections: 1,
    statementTimeoutMs: STATEMENT_MS,
    log,
  })
  try {
    await storeRelease({ database, clock: systemClock }, release)
  } finally {
    await database.close()
  }
}

/** Until the server knows the code system, and its text index is made. */
async function seen(server: BenchServer): Promise<void> {
  const valueSet = encodeURIComponent(`${BENCH_SYSTEM}?fhir_vs`)
  const request = server.request('GET', `/ValueSet/$expand?url=${valueSet}&filter=warm&count=1`)
  const link = await Link.open(server)
  try {
    for (const end = performance.now() + SEEN_MS_MAX; performance.now() < end; )
      if ((await link.send(request)).status === 200) return
    throw new Error('the server does not see the code system')
  } finally {
    link.close()
  }
}

type Scenario = Pick<Load, 'next' | 'check'>

function allLoads(server: BenchServer, count: number, nameOf: (index: number) => string): Record<string, Scenario> {
  const chance = dice(23)
  const system = encodeURIComponent(BENCH_SYSTEM)
  const any = (): number => chance.below(count)
  const includes =
    (text: string): NonNullable<Load['check']> =>
    ({ body }) =>
      body.includes(text)
  return {
    lookup: {
      next: () => ({
        bytes: server.request('GET', `/CodeSystem/$lookup?system=${system}&code=${conceptCode(any())}`),
      }),
      check: includes('"display"'),
    },
    validate: {
      next: () => ({
        bytes: server.request('GET', `/CodeSystem/$validate-code?url=${system}&code=${conceptCode(any())}`),
      }),
      check: includes('"name":"result","valueBoolean":true'),
    },
    typeahead: {
      next: () => {
        const filter = encodeURIComponent(typed(nameOf(any()), chance.below(100) / 100))
        return {
          bytes: server.request('GET', `/ValueSet/$expand?url=${system}%3Ffhir_vs&filter=${filter}&count=${PAGE}`),
        }
      },
      check: includes('"contains"'),
    },
  }
}

/** What of a name stands in the field after some keystrokes: from one letter to the start of its second word. */
function typed(name: string, part: number): string {
  const [first = '', second = ''] = name.split(' ')
  const whole = `${first} ${second.slice(0, 3)}`
  return whole.slice(0, 1 + Math.floor(part * whole.length)).trimEnd()
}
