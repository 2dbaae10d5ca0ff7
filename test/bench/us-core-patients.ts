import { US_CORE_PATIENT } from './us-core-patient.ts'

/** Different patients, so that the processor's caches see what a server sees. */
export function usCorePatients(count: number): object[] {
  return Array.from({ length: count }, (_, n) => JSON.parse(patientText(n)) as object)
}

const LETTERS = ['Ada', 'Ben', 'Cleo', 'Dan', 'Eva', 'Finn', 'Gil']
const STATES = ['MA', 'CA', 'NY', 'TX', 'WA']
const RACES = [
  ['2106-3', 'White'],
  ['2054-5', 'Black or African American'],
  ['2028-9', 'Asian'],
] as const

const US_CORE = US_CORE_PATIENT.slice(0, US_CORE_PATIENT.lastIndexOf('/'))
const CORE = 'http://hl7.org/fhir/StructureDefinition'

function extensions(n: number): object[] {
  const [race, raceDisplay] = RACES[n % RACES.length] as (typeof RACES)[number]
  return [
    {
      url: `${US_CORE}/us-core-race`,
      extension: [
        {
          url: 'ombCategory',
          valueCoding: { system: 'urn:oid:2.16.840.1.113883.6.238', code: race, display: raceDisplay },
        },
        { url: 'text', valueString: raceDisplay },
      ],
    },
    {
      url: `${US_CORE}/us-core-ethnicity`,
      extension: [
        {
          url: 'ombCategory',
          valueCoding: {
            system: 'urn:oid:2.16.840.1.113883.6.238',
            code: '2186-5',
            display: 'Not Hispanic or Latino',
          },
        },
        { url: 'text', valueString: 'Not Hispanic or Latino' },
      ],
    },
    { url: `${CORE}/patient-mothersMaidenName`, valueString: `Sample ${n}` },
    { url: `${US_CORE}/us-core-birthsex`, valueCode: n % 2 === 0 ? 'F' : 'M' },
    { url: `${CORE}/patient-birthPlace`, valueAddress: { city: 'Lynn', state: 'Massachusetts', country: 'US' } },
  ]
}

/** One patient of the shape and size (about 2.5 KB) that Synthea gives US Core Patients. */
function patientText(n: number): string {
  const name = LETTERS[n % LETTERS.length] as string
  const typed = (code: string, display: string, system: string, value: string): object => ({
    type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code, display }], text: display },
    system,
    value,
  })
  return JSON.stringify({
    resourceType: 'Patient',
    id: `patient-${n}`,
    meta: { profile: [US_CORE_PATIENT] },
    text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">Patient <b>${n}</b></div>` },
    extension: extensions(n),
    identifier: [
      { system: 'https://records.example.org/patients', value: `id-${n}` },
      typed('MR', 'Medical record number', 'https://hospital.example.org', `mr-${n}`),
      typed('PPN', 'Passport number', 'http://hl7.org/fhir/sid/passport-USA', `X${n}`),
      typed('DL', "Driver's license number", 'urn:oid:2.16.840.1.113883.4.3.25', `S${n}`),
    ],
    name: [{ use: 'official', family: `Example${n}`, given: [name, 'Maria'], prefix: ['Dr.'] }],
    telecom: [{ system: 'phone', value: `555-0${100 + (n % 900)}`, use: 'home' }],
    gender: n % 2 === 0 ? 'female' : 'male',
    birthDate: `${1930 + (n % 90)}-04-${10 + (n % 19)}`,
    address: [
      {
        extension: [
          {
            url: `${CORE}/geolocation`,
            extension: [
              { url: 'latitude', valueDecimal: 42.5 + n / 1e6 },
              { url: 'longitude', valueDecimal: -70.9 },
            ],
          },
        ],
        line: [`${n} Main Street`],
        city: 'Peabody',
        state: STATES[n % STATES.length],
        postalCode: '01960',
        country: 'US',
      },
    ],
    maritalStatus: {
      coding: [
        { system: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus', code: 'S', display: 'Never Married' },
      ],
      text: 'Never Married',
    },
    multipleBirthBoolean: false,
    communication: [
      { language: { coding: [{ system: 'urn:ietf:bcp:47', code: 'en', display: 'English' }], text: 'English' } },
    ],
  })
}
