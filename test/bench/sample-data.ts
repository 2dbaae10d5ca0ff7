/** Numbers that look random and are the same in each run. */
export interface Dice {
  /** A whole number below `sides`. */
  below(sides: number): number
  pick<T>(from: readonly T[]): T
}

/** The multiplier of Marsaglia's xorshift; quality beyond "not all alike" is not needed. */
export function dice(seed: number): Dice {
  let state = seed >>> 0 || 1
  const below = (sides: number): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % sides
  }
  return { below, pick: (from) => from[below(from.length)] as (typeof from)[number] }
}

export interface Measure {
  code: string
  display: string
  unit: string
}

export const LOINC = 'http://loinc.org'

/** Vital signs and two laboratory values: all Observations of the load scenarios are of these. */
export const MEASURES: readonly Measure[] = [
  { code: '8867-4', display: 'Heart rate', unit: '/min' },
  { code: '8480-6', display: 'Systolic blood pressure', unit: 'mm[Hg]' },
  { code: '8462-4', display: 'Diastolic blood pressure', unit: 'mm[Hg]' },
  { code: '29463-7', display: 'Body weight', unit: 'kg' },
  { code: '8302-2', display: 'Body height', unit: 'cm' },
  { code: '2708-6', display: 'Oxygen saturation in Arterial blood', unit: '%' },
  { code: '8310-5', display: 'Body temperature', unit: 'Cel' },
  { code: '9279-1', display: 'Respiratory rate', unit: '/min' },
  { code: '2339-0', display: 'Glucose [Mass/volume] in Blood', unit: 'mg/dL' },
  { code: '4548-4', display: 'Hemoglobin A1c/Hemoglobin.total in Blood', unit: '%' },
]

const FAMILIES = ['Moreau', 'Okafor', 'Lindqvist', 'Tanaka', 'Haddad', 'Novak', 'Iyer', 'Castillo', 'Weber', 'Dlamini']
const GIVEN = ['Ada', 'Bao', 'Carmen', 'Dmitri', 'Elif', 'Farid', 'Greta', 'Hugo', 'Ines', 'Jonas', 'Kaia', 'Luis']
const DAY_MS = 86_400_000
const FIRST_DAY = Date.UTC(2015, 0, 1)
const DAYS = 3_650

export function samplePatient(n: number, { below, pick }: Dice): object {
  return {
    resourceType: 'Patient',
    active: true,
    identifier: [
      { system: 'http://example.org/mrn', value: `MRN-${n}-${below(1_000_000)}` },
      { system: 'http://hl7.org/fhir/sid/us-ssn', value: `999-${10 + below(90)}-${1_000 + below(9_000)}` },
    ],
    name: [{ use: 'official', family: `${pick(FAMILIES)}${n}`, given: [pick(GIVEN), pick(GIVEN)] }],
    telecom: [{ system: 'phone', value: `555-${1_000 + below(9_000)}`, use: 'home' }],
    gender: below(2) === 0 ? 'female' : 'male',
    birthDate: new Date(Date.UTC(1930 + below(90), below(12), 1 + below(28))).toISOString().slice(0, 10),
    address: [
      {
        line: [`${1 + below(999)} High Street`],
        city: 'Boston',
        state: 'MA',
        postalCode: `0${2_000 + below(800)}`,
        country: 'US',
      },
    ],
  }
}

/** `at`: when it was taken, ms since 1970; default some moment within ten years. */
export function sampleObservation(
  options: { subject: string; measure: Measure; at?: number },
  { below }: Dice,
): Record<string, unknown> {
  const { subject, measure } = options
  const at = new Date(options.at ?? FIRST_DAY + below(DAYS) * DAY_MS + below(DAY_MS)).toISOString()
  return {
    resourceType: 'Observation',
    status: 'final',
    category: [
      {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/observation-category',
            code: 'vital-signs',
            display: 'Vital Signs',
          },
        ],
      },
    ],
    code: { coding: [{ system: LOINC, code: measure.code, display: measure.display }], text: measure.display },
    subject: { reference: subject },
    effectiveDateTime: at,
    issued: at,
    valueQuantity: {
      value: (5_000 + below(10_000)) / 100,
      unit: measure.unit,
      system: 'http://unitsofmeasure.org',
      code: measure.unit,
    },
  }
}
