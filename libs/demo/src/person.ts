import { DAYS_PER_YEAR, type Day, isoDay, yearsBetween } from './calendar.ts'
import { type Chart, identifier } from './chart.ts'
import { concept, DEMO_IDENTIFIERS } from './coding.ts'
import { CULTURES, type Culture } from './names-table.ts'
import { CLINICS, COUNTRY, type Site, STATE, STREETS, TOWNS } from './places-table.ts'
import type { Random } from './random.ts'

export interface Person {
  urn: string
  sex: 'female' | 'male'
  birth: Day
  /** As people call them, for notes. */
  given: string
  family: string
  clinic: Site
  /** Which of the clinic's staff is their doctor. */
  doctor: number
}

/** Youngest and oldest; the youngest have lived long enough to have a history. */
const GROUPS: readonly (readonly [part: number, from: number, until: number])[] = [
  [0.16, 4, 17],
  [0.5, 18, 59],
  [0.34, 60, 91],
]

/** Draws one person and adds their Patient. */
export function drawPerson(options: { chart: Chart; random: Random; key: string; end: Day }): Person {
  const { chart, random, end } = options
  const sex = random.chance(0.51) ? 'female' : 'male'
  const birth = end - Math.round(drawAge(random) * DAYS_PER_YEAR)
  const culture = random.pick(CULTURES)
  const given = random.pick(culture[sex])
  const family = culture.doubleFamily
    ? `${random.pick(culture.family)} ${random.pick(culture.family)}`
    : random.pick(culture.family)
  const clinic = random.pick(CLINICS)
  const person: Person = {
    urn: chart.newUrn(),
    sex,
    birth,
    given,
    family,
    clinic,
    doctor: random.integer(0, clinic.staff.length - 1),
  }
  chart.add(
    {
      resourceType: 'Patient',
      identifier: [
        identifier(['MR', 'Medical record number'], DEMO_IDENTIFIERS.patient, options.key),
        identifier(['MB', 'Member Number'], DEMO_IDENTIFIERS.member, `M-${random.integer(10_000_000, 99_999_999)}`),
      ],
      active: true,
      name: namesOf(person, culture, random),
      telecom: telecomOf(random, options.key),
      gender: sex,
      birthDate: isoDay(birth),
      address: [addressOf(clinic, random)],
      ...maritalOf(yearsBetween(birth, end), random),
      communication: [{ language: languageOf(culture), preferred: true }],
      generalPractitioner: [chart.practitioner(clinic, person.doctor)],
      managingOrganization: chart.organization(clinic),
    },
    person.urn,
  )
  return person
}

function drawAge(random: Random): number {
  let left = random.next()
  for (const [part, from, until] of GROUPS) {
    if (left < part) return from + random.next() * (until - from)
    left -= part
  }
  return 50
}

function namesOf(person: Person, culture: Culture, random: Random): object[] {
  const { given, family, sex } = person
  const middle = random.chance(0.35) ? random.pick(culture[sex]) : undefined
  const official = {
    use: 'official',
    text: culture.familyFirst ? `${family} ${given}` : `${given} ${family}`,
    family,
    given: middle === undefined || middle === given ? [given] : [given, middle],
  }
  const hadOther = sex === 'female' && random.chance(0.2)
  return hadOther ? [official, { use: 'maiden', family: random.pick(culture.family), given: [given] }] : [official]
}

/** 555-0100 to 555-0199 are kept free for fiction, and 555 is no area. */
function telecomOf(random: Random, key: string): object[] {
  const number = `+1-555-555-01${String(random.integer(0, 99)).padStart(2, '0')}`
  return [
    { system: 'phone', value: number, use: random.chance(0.7) ? 'mobile' : 'home' },
    ...(random.chance(0.6) ? [{ system: 'email', value: `${key.toLowerCase()}@example.org`, use: 'home' }] : []),
  ]
}

function addressOf(clinic: Site, random: Random): object {
  const [city, postalCode] = random.chance(0.7) ? (TOWNS[clinic.town] as (typeof TOWNS)[number]) : random.pick(TOWNS)
  const flat = random.chance(0.3) ? [`Flat ${random.integer(1, 40)}`] : []
  return {
    use: 'home',
    line: [`${random.integer(1, 299)} ${random.pick(STREETS)}`, ...flat],
    city,
    state: STATE,
    postalCode,
    country: COUNTRY,
  }
}

function maritalOf(age: number, random: Random): object {
  if (age < 20) return {}
  const status =
    age > 72 && random.chance(0.4)
      ? (['W', 'Widowed'] as const)
      : random.pick([
          ['M', 'Married'],
          ['S', 'Never Married'],
          ['D', 'Divorced'],
        ] as const)
  return { maritalStatus: concept('maritalStatus', status) }
}

function languageOf({ language: [code, display] }: Culture): object {
  return { coding: [{ system: 'urn:ietf:bcp:47', code, display }], text: display }
}
