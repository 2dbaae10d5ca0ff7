import type { Bench } from './bench.ts'
import { type BenchServer, startBenchServer } from './bench-server.ts'
import { type BenchRequest, type Figures, runLoad, sendAll } from './closed-loop.ts'
import { type ExplainedSearch, explainSearch, openSearcher, type SearchExplainer } from './explain-search.ts'
import { fillRecord } from './fill-record.ts'
import { holds, searches } from './load-bench.ts'
import { ownerConnection } from './owner-connection.ts'
import { dice, LOINC, MEASURES, type Measure, sampleObservation } from './sample-data.ts'
import { seedRecord } from './seed-record.ts'
import type { Sizes } from './sizes.ts'

/** Codes of the population's Observations: how often each is used differs by four orders of magnitude. */
const COMMON: Measure = { code: 'bench-common', display: 'Used all the time', unit: '1' }
const RARE: Measure = { code: 'bench-rare', display: 'Used forty times', unit: '1' }
const RETIRED: Measure = { code: 'bench-retired', display: 'Not used for years', unit: '1' }
const OTHERS = 40
/** Rows of each code that the server itself wrote, so that a page of the newest can be opened over HTTP. */
const REAL_EACH = 40
const PAGE = 20
const CONNECTIONS = 16
const YEAR_MS = 31_557_600_000
const FROM = Date.UTC(2005, 0, 1)
const UNTIL = FROM + 20 * YEAR_MS
/** Later than all that `fillRecord` writes of the retired code. */
const RETIRED_AT = FROM + 0.04 * 20 * YEAR_MS

/** The newest of a common, a rare and a retired code among millions, and a patient's search beside them. */
export const newestBench: Bench = {
  names: ['newest'],
  async run({ sizes, report }) {
    const server = await startBenchServer()
    try {
      const ids = await seedRecord(server, sizes)
      await writeReal(server, ids)
      const load = { server, connections: CONNECTIONS, ...sizes }
      const search = { ...load, next: searches(server, ids), check: holds(PAGE) }
      const small = await runLoad(search)
      await grow(server, sizes)
      const large = await runLoad(search)
      const figures: Figures = { rows: sizes.largeObservations }
      for (const [size, found] of Object.entries({ small, large }))
        for (const kind of ['perSecond', 'p50Ms', 'p95Ms', 'serverUs', 'databaseUs'])
          figures[`patientCode.${size}.${kind}`] = found[kind] ?? Number.NaN
      figures['patientCodeRatio'] = (large['perSecond'] ?? Number.NaN) / (small['perSecond'] ?? Number.NaN)
      for (const [name, { code }] of Object.entries({ common: COMMON, rare: RARE, retired: RETIRED })) {
        const path = `/Observation?code=${encodeURIComponent(`${LOINC}|${code}`)}&_sort=-date&_count=${PAGE}`
        const found = await runLoad({
          ...load,
          next: () => ({ bytes: server.request('GET', path) }),
          check: holds(PAGE),
        })
        for (const kind of ['perSecond', 'p50Ms', 'serverUs', 'databaseUs'])
          figures[`${name}.http.${kind}`] = found[kind] ?? Number.NaN
      }
      const notes = await explainAll(server, { patient: ids[0] as string, sizes, figures })
      report({ bench: 'newest', figures, notes })
    } finally {
      await server.stop()
    }
  },
}

/** Newest of their code each: what fills the table below is older. */
async function writeReal(server: BenchServer, ids: readonly string[]): Promise<void> {
  const chance = dice(17)
  function* requests(): Generator<BenchRequest> {
    for (const measure of [COMMON, RARE, RETIRED])
      for (let n = 0; n < REAL_EACH; n++) {
        const at = (measure === RETIRED ? RETIRED_AT : UNTIL) + n * 60_000
        const observation = sampleObservation({ subject: `Patient/${chance.pick(ids)}`, measure, at }, chance)
        yield { bytes: server.request('POST', '/Observation', JSON.stringify(observation)) }
      }
  }
  await sendAll({ server, connections: CONNECTIONS, requests: requests() })
}

/** Fill the table to its full size and let PostgreSQL see it as it would after some time. */
async function grow(server: BenchServer, sizes: Sizes): Promise<void> {
  const owner = await ownerConnection(server)
  const searcher = await openSearcher(server)
  try {
    const pattern = (measure: Measure) =>
      searcher.pattern(sampleObservation({ subject: 'Patient/a', measure }, dice(1)))
    const others = Array.from({ length: OTHERS }, (_, n): Measure => {
      const known = MEASURES[n % MEASURES.length] as Measure
      return { ...known, code: n < MEASURES.length ? known.code : `bench-${n}` }
    })
    const { type, sealedBytes, rows } = await searcher.stored(owner)
    await fillRecord(owner, {
      rows: Math.max(0, sizes.largeObservations - rows),
      type,
      common: pattern(COMMON),
      retired: pattern(RETIRED),
      others: others.map(pattern),
      from: FROM,
      until: UNTIL,
      sealedBytes,
      onProgress: (done) => process.stderr.write(`\r  ${done} Observations written`),
    })
    process.stderr.write('\n')
    await owner.query({ text: 'vacuum (analyze) record.resource, record.code' })
    await owner.query({ text: 'checkpoint' })
  } finally {
    await searcher.close()
    await owner.close()
  }
}

/** Time and plan in the database of the statements the product itself writes for these searches. */
async function explainAll(
  server: BenchServer,
  { patient, sizes, figures }: { patient: string; sizes: Sizes; figures: Figures },
): Promise<Record<string, string>> {
  const searcher = await openSearcher(server)
  const notes: Record<string, string> = {}
  try {
    const of = (code: string, more = ''): string => `code=${LOINC}|${code}${more}&_count=${PAGE}`
    const queries = {
      common: of(COMMON.code, '&_sort=-date'),
      rare: of(RARE.code, '&_sort=-date'),
      retired: of(RETIRED.code, '&_sort=-date'),
      patientCode: of(MEASURES[0]?.code as string, `&patient=Patient/${patient}`),
    }
    for (const [name, query] of Object.entries(queries)) {
      const slowest = await slowestPlan(searcher, query, sizes.explains)
      figures[`${name}.databaseMs`] = slowest.milliseconds
      notes[name] = slowest.plan
    }
  } finally {
    await searcher.close()
  }
  return notes
}

/** PostgreSQL may plan with the values or without them: the slower of both counts. */
async function slowestPlan(searcher: SearchExplainer, query: string, times: number): Promise<ExplainedSearch> {
  const custom = await explainSearch(searcher, { query, times, planCacheMode: 'force_custom_plan' })
  const generic = await explainSearch(searcher, { query, times, planCacheMode: 'force_generic_plan' })
  return custom.milliseconds > generic.milliseconds ? custom : generic
}
