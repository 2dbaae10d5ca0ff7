import { type Day, yearsBetween } from './calendar.ts'
import type { Episode } from './episodes-table.ts'
import { medianBmi, medianHeightCm } from './growth.ts'
import type { Health, Illness } from './health.ts'
import { MEASURES, type Measure, type MeasureName } from './measures-table.ts'
import type { Person } from './person.ts'
import type { Random } from './random.ts'

export interface Moment {
  person: Person
  health: Health
  day: Day
  episode: Episode | undefined
  random: Random
}

/** What would be measured at this moment. The same measure answers the same value twice, so that parts agree. */
export function readingsAt(moment: Moment): (name: MeasureName) => number {
  const taken = new Map<MeasureName, number>()
  const read = (name: MeasureName): number => {
    const before = taken.get(name)
    if (before !== undefined) return before
    const measure: Measure = MEASURES[name]
    const raw = DERIVED[name]?.(read, moment) ?? measured(name, moment)
    const value = rounded(Math.max(measure.min, Math.min(measure.max, raw)), measure.decimals)
    taken.set(name, value)
    return value
  }
  return read
}

function measured(name: MeasureName, moment: Moment): number {
  const { mean, spread, noise }: Measure = MEASURES[name]
  const { person, health, day, episode, random } = moment
  const age = yearsBetween(person.birth, day)
  const typical = typeof mean === 'number' ? mean : mean[person.sex === 'female' ? 0 : 1]
  const base =
    (age < 18 ? CHILD[name]?.(age, person) : undefined) ?? typical + (AGEING[name] ?? 0) * Math.max(0, age - 40)
  const sick = health.illnesses.reduce((sum, illness) => sum + effectOf(illness, name, day), 0)
  return base + (health.traits.get(name) ?? 0) * spread + sick + (episode?.effects[name] ?? 0) + random.normal() * noise
}

/** Days in which a treatment reaches two thirds of its effect. */
const RESPONSE_DAYS = 55
/** Part of the full effect that the first drug reaches where there are more to add, and each added one. */
const FIRST_DRUG = 0.55
const ADDED_DRUG = 0.25

/** From the untreated towards the treated effect, as the drugs begin to work. */
function effectOf({ disease, onset, treatedFrom, steps, adherence }: Illness, name: MeasureName, day: Day): number {
  const effect = disease.effects[name]
  if (effect === undefined || day < onset) return 0
  const [untreated, treated] = effect
  const reach = disease.stepUp ? Math.min(1, FIRST_DRUG + ADDED_DRUG * steps) : 1
  const response = day < treatedFrom ? 0 : adherence * reach * (1 - Math.exp(-(day - treatedFrom) / RESPONSE_DAYS))
  return untreated + (treated - untreated) * response
}

/** Change for each year after 40. */
const AGEING: Partial<Record<MeasureName, number>> = {
  systolic: 0.28,
  diastolic: 0.02,
  bmi: 0.03,
  peakFlow: -2.6,
  creatinine: 0.001,
}

/** Children's means, where they differ from adults'. */
const CHILD: Partial<Record<MeasureName, (age: number, person: Person) => number>> = {
  systolic: (age) => 88 + 1.5 * age,
  diastolic: (age) => 52 + 1.15 * age,
  heartRate: (age) => 122 - 2.8 * age,
  respiratoryRate: (age) => 29 - 0.8 * age,
  bmi: medianBmi,
  hemoglobin: (age) => 12.1 + 0.1 * age,
  creatinine: (age) => 0.28 + 0.03 * age,
  peakFlow: (age, person) => 4.7 * (medianHeightCm(person.sex, age) - 76),
}

type Derived = (read: (name: MeasureName) => number, moment: Moment) => number

const DERIVED: Partial<Record<MeasureName, Derived>> = {
  height: (_read, { person, health, day }) =>
    medianHeightCm(person.sex, yearsBetween(person.birth, day)) * (1 + 0.038 * (health.traits.get('height') ?? 0)),
  weight: (read) => read('bmi') * (read('height') / 100) ** 2,
  // Friedewald, Clin Chem 1972;18:499; the table keeps triglycerides below 400 mg/dL, where it holds.
  ldl: (read) => read('cholesterol') - read('hdl') - read('triglycerides') / 5,
  egfr: ckdEpi2021,
  hematocrit: (read) => read('hemoglobin') * 3,
  erythrocytes: (read) => (read('hematocrit') / read('mcv')) * 10,
}

/** CKD-EPI 2021 without race: N Engl J Med 2021;385:1737. Creatinine in mg/dL, adults. */
function ckdEpi2021(read: (name: MeasureName) => number, { person, day }: Moment): number {
  const isFemale = person.sex === 'female'
  const ratio = read('creatinine') / (isFemale ? 0.7 : 0.9)
  const age = Math.max(18, yearsBetween(person.birth, day))
  const alpha = isFemale ? -0.241 : -0.302
  return 142 * Math.min(ratio, 1) ** alpha * Math.max(ratio, 1) ** -1.2 * 0.9938 ** age * (isFemale ? 1.012 : 1)
}

function rounded(value: number, decimals: number): number {
  return Number(value.toFixed(decimals))
}
