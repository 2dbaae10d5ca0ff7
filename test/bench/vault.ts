// node tools/run.mjs test/bench/vault.ts: microseconds per call of what every read and write asks of the vault.
import { typeNumber } from '@salus/fhir-model'
import { prefixes } from '../../server/src/platform/vault/index.ts'
import { testKeyStore } from '../fixtures/vault.ts'

/** Different values in each, so that neither zlib nor the processor sees the same bytes again and again. */
const COPIES = 1_000
const ROUNDS = 20
const OBSERVATION = typeNumber('Observation') as number

const store = await testKeyStore()
const vault = await store.open({ clock: { now: () => 0, monotonic: () => performance.now() } })
const bodies = Array.from({ length: COPIES }, (_, i) => Buffer.from(observation(i)))
const patients = Array.from({ length: COPIES }, (_, i) => i + 1)
const keys = [...(await vault.ensurePatientKeys(1, patients)).values()]
const keyOf = (i: number): (typeof keys)[0] => keys[i] as (typeof keys)[0]
const row = (i: number) => ({ tenant: 1, type: OBSERVATION, rid: 1, version: 1, patient: keyOf(i).patient })
const tenantRow = { tenant: 1, type: OBSERVATION, rid: 1, version: 1, patient: 0 }
const sealed = bodies.map((body, i) => vault.seal(keyOf(i), row(i), body, OBSERVATION))
const tenantSealed = bodies.map((body) => vault.seal(vault.tenantKey(1), tenantRow, body, OBSERVATION))
const token = Buffer.alloc(8)
const publicIds = patients.map((patient) => vault.publicId(1, OBSERVATION, patient))

const average = (list: { length: number }[]): number =>
  Math.round(list.reduce((sum, item) => sum + item.length, 0) / list.length)
process.stdout.write(`Observation: ${average(bodies)} bytes as JSON, ${average(sealed)} sealed\n`)

measure('seal, compression included', (i) => vault.seal(keyOf(i), row(i), bodies[i] as Buffer, OBSERVATION))
measure('open, expansion included', (i) => vault.open(keyOf(i), row(i), sealed[i] as Buffer))
measure("seal under the tenant's key", (i) =>
  vault.seal(vault.tenantKey(1), tenantRow, bodies[i] as Buffer, OBSERVATION),
)
measure("open under the tenant's key", (i) => vault.open(vault.tenantKey(1), tenantRow, tenantSealed[i] as Buffer))
measure('token of a name', (i) => vault.tokenizer(1).into(token, 0, 'Patient.family', 'prefix', `Smithers${i}`))
measure('token of a remembered code', (i) =>
  vault.tokenizer(1).into(token, 0, 'Observation.code', 'coding', `http://loinc.org|${i}`),
)
measure('prefixes of a name', (i) => prefixes(`Smithers ${i}`))
measure('public id', (i) => vault.publicId(1, OBSERVATION, i + 1))
measure('number of a public id', (i) => vault.ridOf(1, OBSERVATION, publicIds[i] as string))
let best = Number.POSITIVE_INFINITY
for (let round = 0; round < ROUNDS; round++) {
  const start = performance.now()
  await vault.patientKeys(1, patients)
  best = Math.min(best, performance.now() - start)
}
report('key of a patient, of 1,000 looked up together, with the query', (best * 1000) / COPIES)
await store.close()

function report(name: string, us: number): void {
  process.stdout.write(`${name.padEnd(30)} ${us.toFixed(2).padStart(7)} us\n`)
}

function measure(name: string, work: (index: number) => unknown): void {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    for (let i = 0; i < COPIES; i++) work(i)
    best = Math.min(best, performance.now() - start)
  }
  report(name, (best * 1000) / COPIES)
}

function observation(i: number): string {
  const at = new Date(Date.UTC(2020, 0, 1) + i * 7_654_321).toISOString()
  return JSON.stringify({
    resourceType: 'Observation',
    id: vault.publicId(1, OBSERVATION, i + 1),
    meta: { versionId: '1', lastUpdated: at },
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
    code: { coding: [{ system: 'http://loinc.org', code: '29463-7', display: 'Body Weight' }], text: 'Body Weight' },
    subject: { reference: `Patient/${vault.publicId(1, 100, i + 1)}` },
    encounter: { reference: `Encounter/${vault.publicId(1, 45, i + 1)}` },
    effectiveDateTime: at,
    issued: at,
    valueQuantity: { value: 50 + ((i * 37) % 700) / 10, unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' },
  })
}
