import type { BenchResult } from './bench.ts'
import type { Machine } from './machine.ts'
import { judge, TARGETS, type Target } from './targets.ts'

/** A result with where it was obtained. */
export interface RecordedResult extends BenchResult {
  machine: Machine
  /** Seconds measured, sizes and so on are in the command. */
  command: string
}

const BEGIN = '<!-- bench:begin -->'
const END = '<!-- bench:end -->'

/** The page with its generated part replaced by `results`. Throws when the page has no markers. */
export function withResults(page: string, results: readonly RecordedResult[]): string {
  const from = page.indexOf(BEGIN)
  const to = page.indexOf(END)
  if (from < 0 || to < from) throw new Error(`the page lacks ${BEGIN} and ${END}`)
  return `${page.slice(0, from)}${BEGIN}\n\n${resultsText(results)}\n\n${page.slice(to)}`
}

/** All tables, as Markdown; without `judged` no figure is held against its target. */
export function resultsText(results: readonly RecordedResult[], { judged = true } = {}): string {
  const byName = new Map(results.map((result) => [result.bench, result]))
  return [
    judged ? targetTable(byName) : '',
    loadTable(byName),
    costTable(byName),
    scaleTable(byName),
    shapesTable(byName),
    newestTable(byName),
    storageTable(byName),
    fhirPathTable(byName),
    validateTable(byName),
    terminologyTable(byName),
    runTable(results),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

function targetTable(results: ReadonlyMap<string, BenchResult>): string {
  const rows = TARGETS.map((target) => {
    const { verdict, value } = judge(target, results)
    const shown = value === undefined ? '-' : shownAs(value, target)
    const goal =
      target.least === undefined
        ? `at most ${shownAs(target.most ?? 0, target)}`
        : `at least ${shownAs(target.least, target)}`
    return [target.what, target.reference ?? '', goal, shown, verdict === 'missed' ? '**missed**' : verdict]
  })
  return section('Against the targets', ['', 'Medplum 5.0.10', 'target', 'measured', ''], rows)
}

const LOADS = ['create', 'read', 'search', 'import', 'import-workers']

function loadTable(results: ReadonlyMap<string, BenchResult>): string {
  const rows = LOADS.flatMap((name) => {
    const f = results.get(name)?.figures
    if (!f) return []
    return [
      [
        name,
        whole(f['perSecond']),
        [f['p50Ms'], f['p95Ms'], f['p99Ms']].map((ms) => number(ms, 1)).join(' / '),
        whole(f['serverUs']),
        whole(f['databaseUs']),
        whole(f['serverMb']),
        whole(f['databaseMb']),
        [f['hostCpuPercent'], f['clientCpuPercent'], f['otherCpuPercent']].map(whole).join(' / '),
      ],
    ]
  })
  const header = [
    '',
    'per second',
    'p50 / p95 / p99 ms',
    'server us',
    'PostgreSQL us',
    'server MB',
    'PostgreSQL MB',
    'CPU %: host / client / others',
  ]
  const notes = LOADS.flatMap((name) => {
    const data = results.get(name)?.notes?.['data']
    return data === undefined ? [] : [`${name}: ${data}.`]
  })
  return section('Loads', header, rows, [...new Set(notes)])
}

const VARIANTS = {
  both: 'sealing and audit',
  withoutAudit: 'no audit',
  withoutSealing: 'no sealing',
  neither: 'neither',
}

function costTable(results: ReadonlyMap<string, BenchResult>): string {
  const f = results.get('cost')?.figures
  if (!f) return ''
  const rows = Object.entries(VARIANTS).map(([variant, name]) => [
    name,
    ...['create', 'read', 'search', 'import'].map((load) => {
      const of = (kind: string): string => whole(f[`${load}.${variant}.${kind}`])
      return `${of('perSecond')} (${of('serverUs')} + ${of('databaseUs')})`
    }),
  ])
  return section(
    'What sealing and audit cost: per second (CPU us of server + PostgreSQL)',
    ['', 'create', 'read', 'search', 'import'],
    rows,
  )
}

function scaleTable(results: ReadonlyMap<string, BenchResult>): string {
  const f = results.get('scale')?.figures
  if (!f) return ''
  const sizes = [...new Set(Object.keys(f).flatMap((key) => /^read\.(\d+)\./.exec(key)?.[1] ?? []))].map(Number)
  const rows = sizes.flatMap((size) =>
    ['read', 'search'].map((load) => {
      const of = (kind: string): number | undefined => f[`${load}.${size}.${kind}`]
      return [
        whole(size),
        load,
        whole(of('perSecond')),
        number(of('p50Ms'), 2),
        number(of('p95Ms'), 2),
        whole(of('serverUs')),
        whole(of('databaseUs')),
      ]
    }),
  )
  return section(
    'From few patients to many',
    ['patients', '', 'per second', 'p50 ms', 'p95 ms', 'server us', 'PostgreSQL us'],
    rows,
  )
}

function shapesTable(results: ReadonlyMap<string, BenchResult>): string {
  const { figures: f, notes = {} } = results.get('shapes') ?? {}
  if (!f) return ''
  const keys = Object.keys(f).flatMap((key) => /^(\w+)\.(\d+)\.p50Ms$/.exec(key) ?? [])
  const sizes = [...new Set(keys.filter((key) => /^\d+$/.test(key)))]
  const names = [...new Set(Object.keys(f).flatMap((key) => /^(\w+)\.ratio$/.exec(key)?.[1] ?? []))]
  const rows = names.map((name) => {
    const each = (kind: string, digits: number): string =>
      sizes.map((size) => number(f[`${name}.${size}.${kind}`], digits)).join(' / ')
    return [
      name,
      each('perSecond', 0),
      each('p50Ms', 1),
      each('p99Ms', 1),
      number(f[`${name}.ratio`], 2),
      number(f[`${name}.${sizes.at(-1)}.entries`], 1),
      number(f[`${name}.databaseMs`], 2),
      notes[name] ?? '-',
    ]
  })
  const header = ['', 'per second', 'p50 ms', 'p99 ms', 'p50, last to first', 'matches', 'PostgreSQL ms', 'plan']
  return section(
    `The query shapes of mock.health at ${sizes.map((size) => whole(Number(size))).join(' / ')} patients`,
    header,
    rows,
    [
      'Some 26 resources for each patient; 16 connections; an answer that is no success would have failed the run. The plan is that of the first statement, at the largest size.',
    ],
  )
}

function newestTable(results: ReadonlyMap<string, BenchResult>): string {
  const result = results.get('newest')
  if (!result) return ''
  const { figures: f, notes = {} } = result
  const rows = [
    ...['common', 'rare', 'retired'].map((code) => [
      `newest 20 of a ${code} code`,
      number(f[`${code}.databaseMs`], 2),
      whole(f[`${code}.http.perSecond`]),
      number(f[`${code}.http.p50Ms`], 2),
      notes[code] ?? '',
    ]),
    [
      'a patient and a code',
      number(f['patientCode.databaseMs'], 2),
      `${whole(f['patientCode.large.perSecond'])} (before: ${whole(f['patientCode.small.perSecond'])})`,
      `${number(f['patientCode.large.p50Ms'], 2)} (before: ${number(f['patientCode.small.p50Ms'], 2)})`,
      notes['patientCode'] ?? '',
    ],
  ]
  const title = `Among ${whole(f['rows'])} Observations ("before": with the seeded ones alone)`
  return section(title, ['', 'PostgreSQL ms', 'HTTP per second', 'HTTP p50 ms', 'the slower plan'], rows)
}

function storageTable(results: ReadonlyMap<string, BenchResult>): string {
  const f = results.get('storage')?.figures
  if (!f) return ''
  const parts = Object.entries(f).filter(([name, bytes]) => !name.endsWith('Bytes') && Math.round(bytes) !== 0)
  const rows = [
    ...parts.map(([name, bytes]) => [name, whole(bytes)]),
    ['together', whole(f['diskBytes'])],
    ['WAL', whole(f['walBytes'])],
  ]
  return section('Bytes per Observation', ['', 'bytes'], rows)
}

const ENGINES = ['salus', 'fhirpath', 'medplum']

function fhirPathTable(results: ReadonlyMap<string, BenchResult>): string {
  const { figures: f, notes = {} } = results.get('fhirpath') ?? {}
  if (!f) return ''
  const rows = Object.entries(notes).map(([name, expression]) => {
    const of = (kind: string): string[] => ENGINES.map((engine) => number(f[`${name}.${engine}.${kind}`], 2))
    return [name, `\`${expression.replaceAll('|', '\\|')}\``, ...of('evaluateUs'), of('compileUs').join(' / ')]
  })
  return section(
    'FHIRPath: microseconds for one resource, and to compile an expression',
    ['', 'expression', '@salus/fhirpath', 'fhirpath 5.2.0', '@medplum/core 5.2.13', 'to compile, in this order'],
    rows,
    [
      'All in the same process and run; the two peers with the types of R4 that they bring or load. "-": another answer.',
      ...ENGINES.slice(1).map((engine) => {
        const [evaluates, compiles] = [timesAsFast(f, engine, 'evaluateUs'), timesAsFast(f, engine, 'compileUs')]
        return `To ${engine}: evaluates ${evaluates} and compiles ${compiles} times as fast (geometric mean).`
      }),
    ],
  )
}

function validateTable(results: ReadonlyMap<string, BenchResult>): string {
  const f = results.get('validate')?.figures
  if (!f) return ''
  const rows = [
    ['US Core Patient of 2.7 KB, against its profile', whole(f['perSecond'])],
    ['the same, against the structure of its type only', whole(f['structure.perSecond'])],
    ['blood pressure, against the vital signs profile', whole(f['bloodPressure.perSecond'])],
    ['entry of a document of 1,000', whole(f['bundle1000.entriesPerSecond'])],
    ['entry of a document of 10,000', whole(f['bundle10000.entriesPerSecond'])],
  ]
  return section('Validation in process, one core', ['', 'per second'], rows, [
    `Profiles are compiled when first met: the first US Core Patient takes ${whole(f['firstMs'])} ms, definitions read from their files included. Of the time of a later one, invariants take ${(f['invariantsUs'] ?? 0) >= 0.1 ? `${number(f['invariantsUs'], 1)} us` : 'less than this run could tell'}. Terminology answers from memory.`,
  ])
}

function terminologyTable(results: ReadonlyMap<string, BenchResult>): string {
  const f = results.get('terminology')?.figures
  if (!f) return ''
  const rows = Object.entries({ lookup: '$lookup', validate: '$validate-code', typeahead: '$expand as typed' }).map(
    ([name, title]) => {
      const of = (kind: string): number | undefined => f[`${name}.${kind}`]
      return [
        title,
        whole(of('perSecond')),
        [of('p50Ms'), of('p95Ms'), of('p99Ms')].map((ms) => number(ms, 1)).join(' / '),
        whole(of('serverUs')),
        whole(of('databaseUs')),
        whole(of('serverMb')),
      ]
    },
  )
  return section(
    `Terminology: a code system of ${whole(f['concepts'])} concepts`,
    ['', 'per second', 'p50 / p95 / p99 ms', 'server us', 'PostgreSQL us', 'server MB'],
    rows,
    [`Loaded in ${whole(f['loadSeconds'])} s. 16 connections; every call is audited before it is answered.`],
  )
}

function timesAsFast(figures: BenchResult['figures'], engine: string, kind: string): string {
  const suffix = `.${engine}.${kind}`
  const ratios = Object.entries(figures)
    .filter(([name]) => name.endsWith(suffix))
    .map(([name, us]) => us / (figures[name.replace(suffix, `.salus.${kind}`)] ?? Number.NaN))
  return number(Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length), 1)
}

function runTable(results: readonly RecordedResult[]): string {
  const rows = results.map(({ bench, command, machine: m }) => [
    bench,
    `\`${command}\``,
    m.commit,
    `${m.at} UTC`,
    `${m.cpu}, ${m.cores} cores, ${m.memoryGb} GB; Node ${m.node}, PostgreSQL ${m.postgres}`,
    number(m.loadBefore, 2),
    m.speed ? `${number(m.speed.codeUs, 1)} / ${number(m.speed.socketUs, 1)}` : '-',
  ])
  const header = ['', 'command', 'commit', 'date', 'machine', 'load before', 'code / socket us']
  return section('Where these were obtained', header, rows)
}

function section(title: string, header: string[], rows: string[][], notes: string[] = []): string {
  if (rows.length === 0) return ''
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`
  const table = [line(header), line(header.map(() => '---')), ...rows.map(line)]
  return [`### ${title}`, '', ...table, ...(notes.length > 0 ? ['', ...notes] : [])].join('\n')
}

function shownAs(value: number, { unit, digits = 0 }: Target): string {
  return `${number(value, digits)}${unit}`
}

function whole(value: number | undefined): string {
  return number(value, 0)
}

function number(value: number | undefined, digits: number): string {
  if (value === undefined || !Number.isFinite(value)) return '-'
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
