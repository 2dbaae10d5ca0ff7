import type { Person } from './person.ts'
import { likeness } from './string-likeness.ts'

/** http://hl7.org/fhir/R4/valueset-match-grade.html */
export type MatchGrade = 'certain' | 'probable' | 'possible' | 'certainly-not'

export interface MatchScore {
  grade: MatchGrade
  /** Chance that both are one person, from 0 to 1, by the weights. */
  score: number
}

/**
 * Weights in bits: log2 of how much more often a field agrees between records of one person (m) than between two people taken at
 * random (u); negative where it disagrees. After Fellegi and Sunter (1969), "A Theory for Record Linkage". m and u are estimates for
 * registers of some ten thousand to a million people: a birth date is shared by one in 30,000, a family name by one in 150, a first
 * name by one in 40, a telephone number by one in 5,000 (families share it).
 */
const WEIGHTS = {
  identifier: { same: 20, other: -8 },
  family: { same: 7, like: 5, near: 1.5, other: -4.5 },
  given: { same: 5, like: 3.5, initial: 1, other: -4.5 },
  birthDate: { same: 13, slip: 5, part: 4, other: -8 },
  gender: { same: 1, other: -4 },
  contact: { same: 8 },
  address: { same: 6, postalCode: 3, other: -0.5 },
  birthOrder: { other: -12 },
} as const

/** Chance that a candidate taken from the record at random is the person: one in 30,000, in bits. */
const PRIOR = -15

/** Chances from which a match is called so. Between them a person has to look. */
const PROBABLE = 0.9
const POSSIBLE = 0.1

type Agreement = 'same' | 'like' | 'near' | 'other' | 'unknown'

/** Names from which on two spellings may be one: Winkler's own examples of misspelt names lie above 0.92. */
const LIKE = 0.92
const NEAR = 0.85

/**
 * How likely it is that two descriptions are of one person, and how sure. What is missing on one side says nothing. `certain` needs a
 * shared identifier that name or birth date bear out and nothing speaks against, or the same full name and birth date together with a shared contact or address;
 * twins, who share nearly everything, are told apart by first name and order of birth.
 */
export function scoreMatch(a: Person, b: Person): MatchScore {
  const identifier = identifiersAgree(a, b)
  const family = namesAgree(a.families, b.families)
  const given = givensAgree(a.givens, b.givens)
  const birthDate = birthDatesAgree(a.birthDate, b.birthDate)
  const gender = gendersAgree(a.gender, b.gender)
  const contact = a.contacts.some(({ value }) => b.contacts.some((other) => other.value === value))
  const address = addressesAgree(a, b)
  const isOtherTwin = a.birthOrder !== undefined && b.birthOrder !== undefined && a.birthOrder !== b.birthOrder
  const bits =
    PRIOR +
    weightOf(WEIGHTS.identifier, identifier) +
    weightOf(WEIGHTS.family, family) +
    weightOf(WEIGHTS.given, given) +
    weightOf(WEIGHTS.birthDate, birthDate) +
    weightOf(WEIGHTS.gender, gender) +
    (contact ? WEIGHTS.contact.same : 0) +
    weightOf(WEIGHTS.address, address) +
    (isOtherTwin ? WEIGHTS.birthOrder.other : 0)
  const score = 1 / (1 + 2 ** -bits)
  const isAgainst =
    isOtherTwin || [given, birthDate, gender].includes('other') || (identifier !== 'same' && family === 'other')
  const isNamed = family === 'same' && given === 'same' && birthDate === 'same' && identifier !== 'other'
  // A number alone may be mistyped into another person's.
  const isBorneOut = [family, given, birthDate].some((one) => one === 'same' || one === 'like')
  const isCertain =
    !isAgainst && ((identifier === 'same' && isBorneOut) || (isNamed && (contact || address === 'same')))
  if (isCertain && score >= PROBABLE) return { grade: 'certain', score }
  if (score >= PROBABLE && !isAgainst) return { grade: 'probable', score }
  return { grade: score >= POSSIBLE ? 'possible' : 'certainly-not', score }
}

function weightOf(weights: Readonly<Record<string, number>>, agreement: string): number {
  return weights[agreement] ?? 0
}

/** One person has one number of each kind: another value of the only number under a system speaks against it. */
function identifiersAgree(a: Person, b: Person): 'same' | 'other' | 'unknown' {
  let isOther = false
  for (const { system, value } of a.identifiers) {
    const others = b.identifiers.filter((one) => one.system === system)
    if (others.some((one) => one.value === value)) return 'same'
    isOther ||= others.length === 1 && a.identifiers.filter((one) => one.system === system).length === 1
  }
  return isOther ? 'other' : 'unknown'
}

function namesAgree(a: readonly string[], b: readonly string[]): Agreement {
  if (a.length === 0 || b.length === 0) return 'unknown'
  const best = Math.max(...a.flatMap((one) => b.map((other) => likeness(one, other))))
  return best === 1 ? 'same' : best >= LIKE ? 'like' : best >= NEAR ? 'near' : 'other'
}

/** Any first name may be the one in use; an initial stands for what begins with it. */
function givensAgree(a: readonly string[], b: readonly string[]): Agreement | 'initial' {
  const agreement = namesAgree(a, b)
  if (agreement === 'same' || agreement === 'like' || agreement === 'unknown') return agreement
  const isInitial = (one: string, other: string): boolean =>
    one.replace('.', '').length === 1 && other.startsWith(one[0] as string)
  return a.some((one) => b.some((other) => isInitial(one, other) || isInitial(other, one))) ? 'initial' : 'other'
}

/** `slip`: one digit is another, or day and month are exchanged. `part`: one is less precise, and they agree so far. */
function birthDatesAgree(a: string, b: string): 'same' | 'slip' | 'part' | 'other' | 'unknown' {
  if (a === '' || b === '') return 'unknown'
  if (a === b) return a.length === 10 ? 'same' : 'part'
  if (a.length !== b.length) return a.startsWith(b) || b.startsWith(a) ? 'part' : 'other'
  const [year, month, day] = a.split('-')
  if (`${year}-${day}-${month}` === b) return 'slip'
  return [...a].filter((digit, at) => digit !== b[at]).length === 1 ? 'slip' : 'other'
}

function gendersAgree(a: string, b: string): 'same' | 'other' | 'unknown' {
  const tells = (gender: string): boolean => gender === 'male' || gender === 'female'
  return tells(a) && tells(b) ? (a === b ? 'same' : 'other') : 'unknown'
}

function addressesAgree(a: Person, b: Person): 'same' | 'postalCode' | 'other' | 'unknown' {
  let found: 'postalCode' | 'other' | 'unknown' = 'unknown'
  for (const one of a.addresses)
    for (const other of b.addresses) {
      const place = one.postalCode !== '' && other.postalCode !== '' ? one.postalCode === other.postalCode : undefined
      const isPlace = place ?? (one.city !== '' && one.city === other.city)
      if (isPlace && one.lines !== '' && likeness(one.lines, other.lines) >= LIKE) return 'same'
      if (place === true) found = 'postalCode'
      else if (found === 'unknown' && place === false) found = 'other'
    }
  return found
}
