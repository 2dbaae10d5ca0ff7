import { DAYS_PER_YEAR, type Day, yearsBetween } from './calendar.ts'
import { type ChronicDisease, DISEASES, type DiseaseName } from './conditions-table.ts'
import { MEASURES, type MeasureName } from './measures-table.ts'
import type { MedicationName } from './medications-table.ts'
import type { Person } from './person.ts'
import { ALLERGIES, type Allergy } from './prevention-table.ts'
import type { Random } from './random.ts'

/** One long-term disease of one person, as it goes on. */
export interface Illness {
  name: DiseaseName
  disease: ChronicDisease
  urn: string
  onset: Day
  /** Treatment begins at the diagnosis. */
  treatedFrom: Day
  /** Drugs of `stepUp` given so far, and when the last began. */
  steps: number
  steppedOn: Day
  /** Part of the full effect that treatment reaches: how regularly the drugs are taken. */
  adherence: number
  /** The first drugs have been ordered. */
  isTreated: boolean
}

export interface Health {
  illnesses: Illness[]
  allergies: Allergy[]
  smoking: 'never' | 'former' | 'current'
  /** How far this person is from the mean of each measure, in standard deviations. */
  traits: ReadonlyMap<MeasureName, number>
}

/** More diseases than this make more visits than one bundle holds. */
const ILLNESSES_MAX = 5

export function drawHealth(options: { person: Person; end: Day; random: Random; newUrn: () => string }): Health {
  const { person, end, random } = options
  const names = Object.keys(MEASURES) as MeasureName[]
  return {
    illnesses: drawIllnesses(options),
    allergies: random.chance(0.3) ? drawAllergies(random) : [],
    smoking:
      yearsBetween(person.birth, end) < 18 || random.chance(0.62) ? 'never' : random.chance(0.6) ? 'former' : 'current',
    traits: new Map(names.map((name) => [name, random.normal()])),
  }
}

function drawIllnesses({ person, end, random, newUrn }: Parameters<typeof drawHealth>[0]): Illness[] {
  const age = yearsBetween(person.birth, end)
  const illnesses: Illness[] = []
  for (const [name, disease] of Object.entries(DISEASES) as [DiseaseName, ChronicDisease][]) {
    const drawn = random.next()
    const at = random.next()
    if (age <= disease.from || (disease.sex !== undefined && disease.sex !== person.sex)) continue
    const raised = illnesses.filter((other) => disease.raisedBy?.includes(other.name)).length
    const reached = Math.min(1, (age - disease.from) / (disease.until - disease.from))
    if (drawn >= Math.min(0.9, disease.frequency * reached * 2 ** raised) || illnesses.length === ILLNESSES_MAX)
      continue
    const onset =
      person.birth + Math.round((disease.from + at * (Math.min(age, disease.until) - disease.from)) * DAYS_PER_YEAR)
    illnesses.push({
      name,
      disease,
      urn: newUrn(),
      onset,
      treatedFrom: onset + random.integer(4, 45),
      steps: 0,
      steppedOn: onset,
      adherence: 0.72 + 0.28 * random.next(),
      isTreated: false,
    })
  }
  return illnesses
}

function drawAllergies(random: Random): Allergy[] {
  const first = random.pick(ALLERGIES)
  const second = random.pick(ALLERGIES)
  return first === second || random.chance(0.7) ? [first] : [first, second]
}

/** The drug this person may have on that day: another one where an allergy or a disease forbids it. */
export function safeDrug(health: Health, drug: MedicationName, day: Day): MedicationName {
  const known = health.illnesses.filter(({ treatedFrom }) => treatedFrom <= day).map(({ disease }) => disease)
  for (const { avoids } of [...health.allergies, ...known]) {
    const other = avoids?.[drug]
    if (other !== undefined) return other
  }
  return drug
}
