import { randomUUID } from 'node:crypto'
import type { BenchServer } from './bench-server.ts'
import { type BenchRequest, sendAll } from './closed-loop.ts'
import { dice, MEASURES, sampleObservation, samplePatient } from './sample-data.ts'

/** Entries of one transaction: large enough that its fixed cost disappears. */
const ENTRIES_PER_BUNDLE = 330
const CONNECTIONS = 4

/** Store patients with `observationsEach` Observations by transactions. Gives the patients' ids. */
export async function seedRecord(
  server: BenchServer,
  options: { patients: number; observationsEach: number; seed?: number },
): Promise<string[]> {
  const ids: string[] = []
  await sendAll({
    server,
    connections: CONNECTIONS,
    requests: bundles(server, options),
    onAnswer: ({ body }) => {
      for (const match of body.toString('latin1').matchAll(/\bPatient\/([\w.-]+)\/_history\/1"/g))
        ids.push(match[1] as string)
    },
  })
  if (ids.length !== options.patients) throw new Error(`${ids.length} of ${options.patients} patients were stored`)
  return ids
}

function* bundles(
  server: BenchServer,
  options: { patients: number; observationsEach: number; seed?: number },
): Generator<BenchRequest> {
  const { patients, observationsEach, seed = 1 } = options
  const chance = dice(seed)
  let entry: object[] = []
  const flush = (): BenchRequest => {
    const request = server.request('POST', '', JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }))
    const units = entry.length
    entry = []
    return { bytes: request, units }
  }
  for (let n = 0; n < patients; n++) {
    const subject = `urn:uuid:${randomUUID()}`
    entry.push(created(subject, samplePatient(n, chance)))
    for (let i = 0; i < observationsEach; i++) {
      const measure = MEASURES[i % MEASURES.length] as (typeof MEASURES)[0]
      entry.push(created(`urn:uuid:${randomUUID()}`, sampleObservation({ subject, measure }, chance)))
    }
    if (entry.length + observationsEach >= ENTRIES_PER_BUNDLE) yield flush()
  }
  if (entry.length > 0) yield flush()
}

/** An entry that creates `resource`. https://hl7.org/fhir/R4/bundle.html#transaction */
export function created(fullUrl: string, resource: object): object {
  const { resourceType } = resource as { resourceType: string }
  return { fullUrl, resource, request: { method: 'POST', url: resourceType } }
}
