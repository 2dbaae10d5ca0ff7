import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestClient } from '../fixtures/server.ts'
import { difference } from './exact-json.ts'
import { type Case, failed, inLanes, passed, type Suite } from './suite.ts'

/** Requests at once: the machine has two cores. */
const LANES = 4

const PROVES =
  'is stored by PUT under its own id and read back the same, apart from the version and time that storing adds; decimals are compared as text.'

/** The specification's own examples. */
export const r4Examples = roundTrips(
  'r4-examples',
  'hl7-r4-examples',
  `Each example of the FHIR R4 specification ${PROVES}`,
)

export const usCoreExamples = roundTrips(
  'us-core-examples',
  'us-core-examples',
  `Each example of US Core 9.0.0 ${PROVES}`,
)

function roundTrips(name: string, folder: string, proves: string): Suite {
  return {
    name,
    proves,
    folders: [folder],
    async *run(server, corpora) {
      const client = await server.client()
      const files = readdirSync(join(corpora, folder)).filter((file) => file.endsWith('.json'))
      yield* inLanes(files.sort(), LANES, (file) => roundTrip(client, file, readFileSync(join(corpora, folder, file))))
    },
  }
}

async function roundTrip(client: TestClient, name: string, bytes: Buffer): Promise<Case> {
  const resource = JSON.parse(bytes.toString()) as { resourceType?: string; id?: string }
  if (resource.resourceType === undefined) return { name, outcome: 'skipped', reason: 'it is no resource' }
  const path = `${resource.resourceType}/${resource.id}`
  const written = await client.put(path, bytes)
  if (written.status >= 300) {
    const [issue] = written.body.issue
    return failed(name, `${written.status} ${issue.expression?.[0] ?? ''} ${issue.diagnostics}`)
  }
  const read = await client.get(path)
  const place = difference(bytes.toString(), read.text)
  return place === undefined ? passed(name) : failed(name, `differs at ${place}`)
}
