import { randomUUID } from 'node:crypto'
import type { BenchServer } from './bench-server.ts'
import { type BenchRequest, sendAll } from './closed-loop.ts'
import { type Dice, dice, LOINC, MEASURES, type Measure, sampleObservation } from './sample-data.ts'
import { created } from './seed-record.ts'

/** Values that the query shapes draw from: what is really stored. */
export interface ShapePools {
  patient_id: string[]
  patient_family: string[]
  condition_code: string[]
  procedure_code: string[]
  practitioner_id: string[]
  location_id: string[]
}

const SNOMED = 'http://snomed.info/sct'
const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category'
const CONNECTIONS = 4
const PATIENTS_PER_BUNDLE = 10
const ENCOUNTERS = 4
const CONDITIONS = 4
const PROCEDURES = 2
const MEDICATION_REQUESTS = 2
/** A hospital group has this many patients for each of its doctors and sites. */
const PATIENTS_PER_PRACTITIONER = 20
const PATIENTS_PER_LOCATION = 40
const FIRST_DAY = Date.UTC(2015, 0, 1)
const DAY_MS = 86_400_000
const DAYS = 3_650

/** Beside the measures of the other loads: what the shapes ask for that only some patients have. */
const PAIN: Measure = { code: '72514-3', display: 'Pain severity', unit: '{score}' }
const SURNAMES = ['Sporer', 'Stoltenberg', 'Bartell', 'Brekke', 'Smith', 'Kihn', 'Rau', 'Johns', 'Altenwerth', 'Mohr']
const GIVEN_NAMES = ['Aaron', 'Abby', 'Bruno', 'Johnny', 'Carla', 'Dora', 'Elmo', 'Fern', 'Gil', 'Hana']
const DIAGNOSES = [
  ['38341003', 'Hypertensive disorder'],
  ['44054006', 'Diabetes mellitus type 2'],
  ['195662009', 'Acute viral pharyngitis'],
  ['10509002', 'Acute bronchitis'],
  ['444814009', 'Viral sinusitis'],
  ['162864005', 'Body mass index 30+ - obesity'],
  ['271737000', 'Anemia'],
  ['64859006', 'Osteoporosis'],
] as const
const INTERVENTIONS = [
  ['430193006', 'Medication reconciliation'],
  ['76601001', 'Intramuscular injection'],
  ['73761001', 'Colonoscopy'],
  ['180256009', 'Subcutaneous immunotherapy'],
] as const

/** Nothing is stored yet. */
export function noPools(): ShapePools {
  return {
    patient_id: [],
    patient_family: [],
    condition_code: DIAGNOSES.map(([code]) => `${SNOMED}|${code}`),
    procedure_code: INTERVENTIONS.map(([code]) => `${SNOMED}|${code}`),
    practitioner_id: [],
    location_id: [],
  }
}

/**
 * Store more patients until there are `patients`, with some 26 resources each: encounters with a practitioner and a place,
 * conditions, procedures, medication requests, and observations of which the blood pressure has components. Adds to `pools`.
 */
export async function growPopulation(server: BenchServer, pools: ShapePools, patients: number): Promise<void> {
  const first = pools.patient_id.length
  const chance = dice(patients)
  const link = { server, connections: CONNECTIONS }
  await sendAll({ ...link, requests: staff(server, pools, patients) })
  let stored = first
  await sendAll({
    ...link,
    requests: people(server, pools, { first, until: patients, chance }),
    onAnswer: ({ body }) => {
      for (const match of body.toString('latin1').matchAll(/\bPatient\/([\w.-]+)\/_history\/1"/g)) {
        pools.patient_id.push(match[1] as string)
        stored++
      }
      process.stderr.write(`\r  ${stored} of ${patients} patients stored`)
    },
  })
  process.stderr.write('\n')
  if (stored !== patients) throw new Error(`${stored} of ${patients} patients were stored`)
}

/** Practitioners and places have ids of their own, so that bundles can name them. */
function* staff(server: BenchServer, pools: ShapePools, patients: number): Generator<BenchRequest> {
  const wanted = [
    ['Practitioner', pools.practitioner_id, Math.ceil(patients / PATIENTS_PER_PRACTITIONER)],
    ['Location', pools.location_id, Math.ceil(patients / PATIENTS_PER_LOCATION)],
  ] as const
  for (const [type, ids, count] of wanted) {
    const entry: object[] = []
    while (ids.length < count) {
      const id = `bench-${type.toLowerCase()}-${ids.length}`
      const named = type === 'Location' ? { name: `Ward ${ids.length}` } : { name: [{ family: `Doctor${ids.length}` }] }
      entry.push({ resource: { resourceType: type, id, ...named }, request: { method: 'PUT', url: `${type}/${id}` } })
      ids.push(id)
    }
    if (entry.length > 0) yield transaction(server, entry)
  }
}

function* people(
  server: BenchServer,
  pools: ShapePools,
  { first, until, chance }: { first: number; until: number; chance: Dice },
): Generator<BenchRequest> {
  for (let n = first; n < until; n += PATIENTS_PER_BUNDLE) {
    const entry: object[] = []
    for (let i = n; i < Math.min(n + PATIENTS_PER_BUNDLE, until); i++) entry.push(...chart(i, pools, chance))
    yield transaction(server, entry)
  }
}

function transaction(server: BenchServer, entry: object[]): BenchRequest {
  const bundle = { resourceType: 'Bundle', type: 'transaction', entry }
  return { bytes: server.request('POST', '', JSON.stringify(bundle)), units: entry.length }
}

function chart(n: number, pools: ShapePools, chance: Dice): object[] {
  const urn = `urn:uuid:${randomUUID()}`
  const subject = { reference: urn }
  const family = `${chance.pick(SURNAMES)}${n % 1_000}`
  if (pools.patient_family.length < 1_000) pools.patient_family.push(family)
  const at = (): string => new Date(FIRST_DAY + chance.below(DAYS) * DAY_MS + chance.below(DAY_MS)).toISOString()
  const stored = (resource: object): object => created(`urn:uuid:${randomUUID()}`, resource)
  const times = (count: number, make: () => object): object[] => Array.from({ length: count }, () => stored(make()))
  const concept = ([code, display]: readonly [string, string]): object => ({
    coding: [{ system: SNOMED, code, display }],
    text: display,
  })
  return [
    created(urn, patient(n, family, chance)),
    ...times(ENCOUNTERS, () => ({
      resourceType: 'Encounter',
      status: 'finished',
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
      subject,
      participant: [{ individual: { reference: `Practitioner/${chance.pick(pools.practitioner_id)}` } }],
      location: [{ location: { reference: `Location/${chance.pick(pools.location_id)}` } }],
      period: { start: at() },
    })),
    ...times(CONDITIONS, () => ({
      resourceType: 'Condition',
      code: concept(chance.pick(DIAGNOSES)),
      subject,
      onsetDateTime: at(),
    })),
    ...times(PROCEDURES, () => ({
      resourceType: 'Procedure',
      status: 'completed',
      code: concept(chance.pick(INTERVENTIONS)),
      subject,
      performedDateTime: at(),
    })),
    ...times(MEDICATION_REQUESTS, () => ({
      resourceType: 'MedicationRequest',
      status: 'active',
      intent: 'order',
      medicationCodeableConcept: { text: 'Lisinopril 10 MG Oral Tablet' },
      subject,
      authoredOn: at(),
    })),
    ...observations(urn, chance).map(stored),
  ]
}

/** Every measure once, pain for one in four, and a blood pressure whose values are components. */
function observations(subject: string, chance: Dice): object[] {
  const single = MEASURES.filter(({ unit }) => unit !== 'mm[Hg]')
  const measures = chance.below(4) === 0 ? [...single, PAIN] : single
  const bloodPressure = {
    resourceType: 'Observation',
    status: 'final',
    category: [{ coding: [{ system: CATEGORY, code: 'vital-signs', display: 'Vital Signs' }] }],
    code: { coding: [{ system: LOINC, code: '85354-9', display: 'Blood pressure panel' }], text: 'Blood pressure' },
    subject: { reference: subject },
    effectiveDateTime: new Date(FIRST_DAY + chance.below(DAYS) * DAY_MS).toISOString(),
    component: MEASURES.filter(({ unit }) => unit === 'mm[Hg]').map(({ code, display, unit }) => ({
      code: { coding: [{ system: LOINC, code, display }] },
      valueQuantity: { value: 60 + chance.below(90), unit, system: 'http://unitsofmeasure.org', code: unit },
    })),
  }
  return [...measures.map((measure) => sampleObservation({ subject, measure }, chance)), bloodPressure, bloodPressure]
}

function patient(n: number, family: string, { below, pick }: Dice): object {
  const given = pick(GIVEN_NAMES)
  return {
    resourceType: 'Patient',
    text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${given} ${family}</div>` },
    active: true,
    identifier: [{ system: 'http://example.org/mrn', value: `MRN-${n}` }],
    name: [{ use: 'official', family, given: [given] }],
    telecom: [{ system: 'phone', value: `555-${1_000 + below(9_000)}`, use: 'home' }],
    gender: below(2) === 0 ? 'female' : 'male',
    birthDate: new Date(Date.UTC(1930 + below(90), below(12), 1 + below(28))).toISOString().slice(0, 10),
    address: [{ line: [`${1 + below(999)} High Street`], city: pick(['Boston', 'Worcester', 'Quincy']), state: 'MA' }],
  }
}
