import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Answer, Json, TestClient } from '../fixtures/server.ts'
import { type Query, readQueries } from './queries-file.ts'
import { type Case, failed, passed, type Suite } from './suite.ts'
import { bundlesOf } from './synthea.ts'
import { runTestScript } from './test-script.ts'

/** Enough for each pool that queries draw their values from. */
const PATIENTS = 12

const SETS = ['fhir-r4-base', 'bulk-data-v2']
const LEVELS = ['MUST', 'SHOULD', 'MAY']

export const mockHealth: Suite = {
  name: 'mock-health',
  proves:
    'The FHIR R4 base and bulk data TestScripts of mock.health pass, and each of its queries is answered in full (its self link names every parameter) or refused with an OperationOutcome; nothing is ignored in silence.',
  folders: ['mock-health', 'synthea-us-core'],
  async *run(server, corpora) {
    const client = await server.client()
    await loadSome(client, corpora)
    const base = join(corpora, 'mock-health')
    for (const [set, level] of SETS.flatMap((one) => LEVELS.map((level) => [one, level] as const))) {
      const folder = join(base, 'conformance', 'testscripts', set, level)
      for (const file of readdirSync(folder).sort()) {
        const name = set === 'fhir-r4-base' ? `${level}/${file}` : `${set}/${level}/${file}`
        const reason = await runTestScript(JSON.parse(readFileSync(join(folder, file), 'utf8')), client)
        yield reason === undefined ? passed(name) : failed(name, reason)
      }
    }
    const pools = await samplePools(client)
    for (const query of readQueries(readFileSync(join(base, 'queries.yaml'), 'utf8')))
      yield await runQuery(client, query, pools)
  },
}

async function loadSome(client: TestClient, corpora: string): Promise<void> {
  for (const { name, bundle } of bundlesOf(corpora, 'synthea-us-core').slice(0, 2 + PATIENTS)) {
    const { status } = await client.post('', bundle)
    if (status !== 200) throw new Error(`${name} does not load: ${status}`)
  }
}

type Pools = Record<string, string | undefined>

async function samplePools(client: TestClient): Promise<Pools> {
  const first = async (type: string): Promise<Json> => (await client.get(`${type}?_count=1`)).body.entry[0].resource
  const code = async (type: string, element = 'code'): Promise<string> => {
    const [coding] = (await first(type))[element].coding
    return `${coding.system}|${coding.code}`
  }
  const encounter = await first('Encounter')
  const idOf = (reference: string): string | undefined => reference.split('/')[1]
  return {
    // Of somebody with medication: few in this data have any.
    patient_id: idOf((await first('MedicationRequest')).subject.reference),
    patient_family: (await first('Patient')).name[0].family,
    condition_code: await code('Condition'),
    procedure_code: await code('Procedure'),
    practitioner_id: idOf(encounter.participant[0].individual.reference),
    location_id: idOf(encounter.location[0].location.reference),
  }
}

async function runQuery(client: TestClient, query: Query, pools: Pools): Promise<Case> {
  const filled = (text: string): string =>
    text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
      const value = pools[query.sample[name] ?? '']
      if (value === undefined) throw new Error(`queries.yaml: no value for ${name} of ${query.name}`)
      return value
    })
  const params = Object.entries(query.params).map(([name, value]): [string, string] => [name, filled(value)])
  const path = filled(query.path) + (params.length > 0 ? `?${new URLSearchParams(params).toString()}` : '')
  const answer = await client.get(path, query.headers)
  const reason = flaw(answer, params)
  const note = answer.status >= 400 ? `refused: ${answer.status}` : undefined
  return reason === undefined ? passed(query.name, note) : failed(query.name, reason)
}

/** Why an answer is neither full nor a loud refusal. */
function flaw({ status, body }: Answer, params: readonly [string, string][]): string | undefined {
  if (status >= 500) return `${status}`
  if (status >= 400) return body?.resourceType === 'OperationOutcome' ? undefined : `${status} without a reason`
  if (body?.resourceType !== 'Bundle') return undefined
  const self = body.link.find((link: Json) => link.relation === 'self')?.url ?? ''
  const named = new URL(self).searchParams
  const silent = params.find(([name, value]) => !named.getAll(name).includes(value))
  return silent && `${silent[0]} was ignored in silence`
}
