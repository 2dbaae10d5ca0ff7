// table: addresses that cannot be real, and the staff of made-up clinics.

/** No country has the code ZZ (ISO 3166-1 leaves it to users), and no postal code begins with 000. */
export const COUNTRY = 'ZZ'
export const STATE = 'Example State'

export const TOWNS: readonly (readonly [town: string, postalCode: string])[] = [
  ['Nordhollow', '00011'],
  ['Examplebury', '00014'],
  ['Port Placeholder', '00022'],
  ['Sampleton', '00027'],
  ['Lower Fixture', '00031'],
  ['Mockingham', '00038'],
  ['Saint Null', '00042'],
  ['Testbridge', '00049'],
]

export const STREETS: readonly string[] = [
  'Imaginary Avenue',
  'Lorem Street',
  'Ipsum Lane',
  'Unreal Crescent',
  'Fictional Way',
  'Sample Square',
  'Invented Row',
  'Makebelieve Road',
]

export interface Practitioner {
  /** Value of the demo identifier. */
  key: string
  given: string
  family: string
  gender: 'female' | 'male'
  qualification: string
}

export interface Site {
  key: string
  name: string
  town: number
  staff: readonly Practitioner[]
}

/** Primary care; each patient belongs to one. */
export const CLINICS: readonly Site[] = [
  {
    key: 'clinic-nordhollow',
    name: 'Nordhollow Demo Family Practice',
    town: 0,
    staff: [
      { key: 'p-101', given: 'Ottilie', family: 'Demo-Varga', gender: 'female', qualification: 'Family medicine' },
      { key: 'p-102', given: 'Anselm', family: 'Demo-Okoro', gender: 'male', qualification: 'Internal medicine' },
    ],
  },
  {
    key: 'clinic-sampleton',
    name: 'Sampleton Demo Health Centre',
    town: 3,
    staff: [
      { key: 'p-103', given: 'Rosalía', family: 'Demo-Lindqvist', gender: 'female', qualification: 'Family medicine' },
      { key: 'p-104', given: 'Tomoko', family: 'Demo-Barbieri', gender: 'female', qualification: 'Paediatrics' },
    ],
  },
  {
    key: 'clinic-mockingham',
    name: 'Mockingham Demo Community Clinic',
    town: 5,
    staff: [
      { key: 'p-105', given: 'Pádraig', family: 'Demo-Singh', gender: 'male', qualification: 'Family medicine' },
      { key: 'p-106', given: 'Nomvula', family: 'Demo-Hartmann', gender: 'female', qualification: 'Internal medicine' },
    ],
  },
]

/** Emergencies and stays. */
export const HOSPITAL: Site = {
  key: 'hospital-testbridge',
  name: 'Testbridge Demo General Hospital',
  town: 7,
  staff: [
    { key: 'p-201', given: 'Casimir', family: 'Demo-Adeleke', gender: 'male', qualification: 'Emergency medicine' },
    { key: 'p-202', given: 'Yelena', family: 'Demo-Marchetti', gender: 'female', qualification: 'Internal medicine' },
  ],
}
