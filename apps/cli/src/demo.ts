import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { demoBundle } from '@salus/demo'
import { raise } from '@salus/server/kernel'
import type { Command, CommandInput } from './command.ts'
import { EXIT } from './exit-code.ts'
import { contentKey, type Origin, type Piece } from './load-piece.ts'
import type { PieceContext } from './load-pieces.ts'
import { loadSession, SESSION_OPTIONS } from './load-session.ts'
import { openProgress } from './progress.ts'

interface DemoPlan {
  patients: number
  seed: number
  endDate: string
}

/** A population of a large city; beyond that the state file no longer fits in memory. */
const PATIENTS_MAX = 5_000_000
const PATIENTS_DEFAULT = 10
const SEED_DEFAULT = 1

/** Generate synthetic patients, into the server or into files. */
export const demo: Command = {
  name: 'demo',
  summary: 'Make synthetic patients with ten years of history, and load them into the running server.',
  usage: '[--patients <n>] [options]',
  options: [
    { flag: 'patients', kind: 'string', help: `How many. Default: ${PATIENTS_DEFAULT}.` },
    { flag: 'seed', kind: 'string', help: `Another number makes other patients. Default: ${SEED_DEFAULT}.` },
    {
      flag: 'until',
      kind: 'string',
      help: 'Last day of their history, YYYY-MM-DD. Default: the first day of this month.',
    },
    { flag: 'out', kind: 'string', help: 'Write one transaction Bundle per patient into this directory instead.' },
    ...SESSION_OPTIONS,
  ],
  run(input) {
    if (input.words.length > 0)
      raise({
        category: 'invalid',
        code: 'cli.usage',
        message: 'salus demo takes options only. See salus demo --help.',
      })
    const plan = planOf(input.options)
    const { out } = input.options
    return typeof out === 'string' ? writeBundles(plan, resolve(out), input.json) : loadSession(input, demoWork(plan))
  },
}

/** The patients of a plan as work for a load. */
export function demoWork(plan: DemoPlan): Parameters<typeof loadSession>[1] {
  return {
    phases: [(context) => demoPieces(plan, context)],
    files: plan.patients,
    noun: 'patient',
    total: plan.patients,
    // Not the number: a larger population goes on where a smaller one of the same seed ended.
    name: `demo ${plan.seed} ${plan.endDate}`,
  }
}

async function* demoPieces(plan: DemoPlan, context: PieceContext): AsyncGenerator<Piece> {
  for (let index = 0; index < plan.patients; index++) {
    const bundle = demoBundle({ ...plan, index })
    const bytes = Buffer.from(JSON.stringify(bundle))
    const key = contentKey(bytes)
    const origin: Origin = { file: `demo patient ${index}`, place: '' }
    context.onBytes(1)
    if (!context.admit(key, origin, () => false)) continue
    yield {
      keys: [key],
      type: 'transaction',
      entries: bundle.entry.map(({ resource, request }, place) => ({
        type: resource.resourceType,
        method: request.method,
        origin: { file: origin.file, place: `entry ${place}` },
      })),
      bytes,
      parts: [],
      repeatable: false,
      divisible: false,
    }
  }
}

async function writeBundles(plan: DemoPlan, directory: string, json: boolean): Promise<number> {
  await mkdir(directory, { recursive: true })
  const progress = openProgress({ label: 'Writing', things: 'patients', total: plan.patients, silent: json })
  const digits = String(plan.patients - 1).length
  for (let index = 0; index < plan.patients; index++) {
    const name = `demo-${plan.seed}-${String(index).padStart(digits, '0')}.json`
    await writeFile(join(directory, name), JSON.stringify(demoBundle({ ...plan, index })))
    progress.work(1)
    progress.count(1)
  }
  progress.end()
  process.stdout.write(
    json
      ? `${JSON.stringify({ ...plan, directory })}\n`
      : `Wrote ${plan.patients} patients to ${directory}. Load them with: salus load ${directory}\n`,
  )
  return EXIT.done
}

function planOf(options: CommandInput['options']): DemoPlan {
  const endDate = String(options['until'] ?? `${new Date().toISOString().slice(0, 7)}-01`)
  if (!isDate(endDate)) raise({ category: 'invalid', code: 'cli.option', message: '--until is a date, YYYY-MM-DD.' })
  return {
    patients: wholeNumber(options['patients'], {
      flag: 'patients',
      fallback: PATIENTS_DEFAULT,
      min: 1,
      max: PATIENTS_MAX,
    }),
    seed: wholeNumber(options['seed'], { flag: 'seed', fallback: SEED_DEFAULT, min: 0, max: 2 ** 31 - 1 }),
    endDate,
  }
}

function isDate(text: string): boolean {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text)
}

function wholeNumber(
  given: unknown,
  { flag, fallback, min, max }: { flag: string; fallback: number; min: number; max: number },
): number {
  if (given === undefined) return fallback
  const value = typeof given === 'string' && /^\d{1,10}$/.test(given) ? Number(given) : Number.NaN
  if (!(value >= min && value <= max))
    raise({ category: 'invalid', code: 'cli.option', message: `--${flag} is a whole number from ${min} to ${max}.` })
  return value
}
