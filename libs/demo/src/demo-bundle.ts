import { DAYS_PER_YEAR, type Day, dayOf } from './calendar.ts'
import { newChart } from './chart.ts'
import { recordAllergies, recordKnown } from './conditions.ts'
import type { DemoBundle } from './entry.ts'
import { drawHealth } from './health.ts'
import { drawPerson } from './person.ts'
import { randomFrom } from './random.ts'
import type { Life } from './scene.ts'
import { planVisits } from './visits.ts'
import { writeVisit } from './write-visit.ts'

/** Which patient, told up to when. */
export interface DemoOptions {
  /** A whole number; other seeds give other people. */
  seed: number
  /** Which patient of the seed, from 0. */
  index: number
  /** The last day that is told, `YYYY-MM-DD`. The story begins ten years before, or at birth. */
  endDate: string
}

/** Entries of one patient; enough for ten years, few enough for a quick look. */
const ENTRIES_MIN = 100
const ENTRIES_MAX = 250
const STORY_DAYS = Math.round(10 * DAYS_PER_YEAR)
/** Aim of another telling: a little below the maximum, for the entries that every pace has. */
const ENTRIES_AIM = 205
/** Life is told again at another pace until it fits; mostly the second telling does. */
const ROUNDS_MAX = 12

/**
 * One synthetic patient with ten years of history, as a transaction of 100 to 250 creates. The same options give the
 * same bundle, byte for byte. Every resource is valid R4 and marked as test data (HTEST); no name, address or number
 * belongs to anybody. Values follow disease and treatment plausibly and are no source for care.
 * Throws RangeError when an option is out of range.
 */
export function demoBundle(options: DemoOptions): DemoBundle {
  const { seed, index } = options
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(index) || index < 0)
    throw new RangeError('seed and index are whole numbers, and index is not negative.')
  const end = dayOf(options.endDate)
  let pace = 1
  let told = tell(options, end, pace)
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const count = told.entry.length
    if (count >= ENTRIES_MIN && count <= ENTRIES_MAX) break
    pace *= count > ENTRIES_MAX ? Math.max(1.1, count / ENTRIES_AIM) : 0.75
    told = tell(options, end, pace)
  }
  return told
}

function tell({ seed, index }: DemoOptions, end: Day, pace: number): DemoBundle {
  const random = randomFrom(`salus demo ${seed} ${index}`)
  const chart = newChart(random.fork('uuid'))
  const key = `DEMO-${seed}-${index}`
  const person = drawPerson({ chart, random: random.fork('person'), key, end })
  const health = drawHealth({ person, end, random: random.fork('health'), newUrn: chart.newUrn })
  const start = Math.max(person.birth, end - STORY_DAYS)
  const life: Life = {
    chart,
    person,
    health,
    start,
    end,
    pace,
    random: random.fork('life'),
    orders: new Map(),
    lastDone: new Map(),
  }
  for (const illness of health.illnesses) if (illness.onset < start) recordKnown(life, illness)
  recordAllergies(life)
  for (const visit of planVisits({ person, health, start, end, pace, random: random.fork('visits') }))
    writeVisit(life, visit)
  return chart.bundle()
}
