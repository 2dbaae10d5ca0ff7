import type { BenchResult } from './bench.ts'

/** What a figure has to reach. */
export interface Target {
  what: string
  bench: string
  figure: string
  unit: string
  /** `least`: this or more; `most`: this or less. */
  least?: number
  most?: number
  /** Digits after the point. */
  digits?: number
  /** The field's reference on the same box: Medplum 5.0.10 with audit off and nothing sealed. */
  reference?: string
}

const RATE = { figure: 'perSecond', unit: '/s' }

/** Sealing and audit on; server, database and client share two cores. */
export const TARGETS: readonly Target[] = [
  { what: 'POST Observation', bench: 'create', ...RATE, least: 4_500, reference: '474/s' },
  { what: 'GET Patient by id', bench: 'read', ...RATE, least: 8_000, reference: '2,192/s' },
  { what: 'search by patient and code, 20 found', bench: 'search', ...RATE, least: 2_500, reference: '499/s' },
  {
    what: 'the same at 2 million Observations, part of the rate at 65,000',
    bench: 'newest',
    figure: 'patientCodeRatio',
    unit: '',
    least: 0.9,
    digits: 2,
  },
  {
    what: 'transaction import, resources, one process',
    bench: 'import',
    ...RATE,
    least: 7_000,
    reference: '388/s',
  },
  { what: 'transaction import, resources, two processes', bench: 'import-workers', ...RATE, least: 9_000 },
  ...(['common', 'rare', 'retired'] as const).map((code) => ({
    what: `newest 20 of a ${code} code among 2 million, in PostgreSQL`,
    bench: 'newest',
    figure: `${code}.databaseMs`,
    unit: ' ms',
    most: 2,
    digits: 2,
  })),
  {
    what: 'disk per Observation, all included',
    bench: 'storage',
    figure: 'diskBytes',
    unit: ' B',
    most: 1_600,
    reference: '4,800 B',
  },
  { what: 'WAL per Observation', bench: 'storage', figure: 'walBytes', unit: ' B', most: 4_000 },
  ...cpu('create', { server: 150, database: 80, reference: '3,300 us together' }),
  ...cpu('read', { server: 90, database: 40, reference: '600 us together' }),
  ...cpu('search', { server: 380, database: 120, reference: '2,900 us together' }),
  ...cpu('import', { server: 120, database: 45, reference: '3,800 us together' }),
  { what: 'first start', bench: 'start', figure: 'firstSeconds', unit: ' s', most: 10, digits: 2, reference: '170 s' },
  { what: 'restart', bench: 'start', figure: 'restartSeconds', unit: ' s', most: 3, digits: 2, reference: '6 s' },
  ...(['create', 'read', 'search', 'import'] as const).map((bench) => ({
    what: `resident memory of the server under ${bench}`,
    bench,
    figure: 'serverMb',
    unit: ' MB',
    most: 350,
    reference: '690 MB',
  })),
  {
    what: 'US Core Patients checked against the profile, one core',
    bench: 'validate',
    ...RATE,
    least: 20_000,
  },
  {
    what: '$lookup among 350,000 concepts',
    bench: 'terminology',
    figure: 'lookup.perSecond',
    unit: '/s',
    least: 5_000,
  },
  { what: '$validate-code among them', bench: 'terminology', figure: 'validate.perSecond', unit: '/s', least: 5_000 },
  { what: '$expand as typed, p95', bench: 'terminology', figure: 'typeahead.p95Ms', unit: ' ms', most: 20, digits: 1 },
  ...(['read', 'search'] as const).map((load) => ({
    what: `${load}: p50 at 16,000 patients to p50 at 1,000`,
    bench: 'scale',
    figure: `${load}Ratio`,
    unit: '',
    most: 1.5,
    digits: 2,
  })),
  {
    what: 'query shapes of mock.health: p50 at 16,000 patients to p50 at 1,000, the worst',
    bench: 'shapes',
    figure: 'worstRatio',
    unit: '',
    most: 1.5,
    digits: 2,
  },
  {
    what: 'query shapes of mock.health: p99 at 16,000 patients, the worst',
    bench: 'shapes',
    figure: 'worstP99Ms',
    unit: ' ms',
    most: 50,
    digits: 1,
  },
]

function cpu(bench: string, most: { server: number; database: number; reference: string }): Target[] {
  const each = bench === 'import' ? 'imported resource' : bench
  return [
    {
      what: `CPU of the server per ${each}`,
      bench,
      figure: 'serverUs',
      unit: ' us',
      most: most.server,
      reference: most.reference,
    },
    { what: `CPU of PostgreSQL per ${each}`, bench, figure: 'databaseUs', unit: ' us', most: most.database },
  ]
}

export type Verdict = 'reached' | 'missed' | 'not measured'

/** Whether a target is reached by `results`; a figure that is not there counts as not measured, never as reached. */
export function judge(target: Target, results: ReadonlyMap<string, BenchResult>): { verdict: Verdict; value?: number } {
  const value = results.get(target.bench)?.figures[target.figure]
  if (value === undefined || !Number.isFinite(value)) return { verdict: 'not measured' }
  const reached =
    value >= (target.least ?? Number.NEGATIVE_INFINITY) && value <= (target.most ?? Number.POSITIVE_INFINITY)
  return { verdict: reached ? 'reached' : 'missed', value }
}
