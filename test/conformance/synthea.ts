import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Answer, Json, TestClient } from '../fixtures/server.ts'
import { type Case, failed, inLanes, passed, type Suite } from './suite.ts'

/** Bundles at once: the machine has two cores. */
const LANES = 2

interface NamedBundle {
  name: string
  bundle: Json
}

export const synthea: Suite = {
  name: 'synthea',
  proves:
    'Each Synthea bundle loads (places and practitioners first), afterwards the record holds as many resources of each type as the bundles, and loading the US Core bundles again doubles nothing that is created on a condition.',
  folders: ['synthea-r4-bundles', 'synthea-us-core'],
  async *run(server, corpora) {
    const older = await server.client('system/*.cruds', server.tenants[0])
    yield* loadedWhole(older, 'synthea-r4-bundles', corpora)
    const newer = await server.client('system/*.cruds', server.tenants[1])
    yield* loadedWhole(newer, 'synthea-us-core', corpora)
    yield* replayed(newer, 'synthea-us-core', corpora)
  },
}

/** Bundles that others refer to come first: places, then practitioners, then patients. */
export function bundlesOf(corpora: string, folder: string): NamedBundle[] {
  const rank = (name: string): number => (name.startsWith('hospital') ? 0 : name.startsWith('practitioner') ? 1 : 2)
  return readdirSync(join(corpora, folder))
    .filter((name) => name.endsWith('.json.gz'))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map((name) => ({
      name: `${folder}/${name}`,
      bundle: JSON.parse(gunzipSync(readFileSync(join(corpora, folder, name))).toString()),
    }))
}

async function* loadedWhole(client: TestClient, folder: string, corpora: string): AsyncIterable<Case> {
  const bundles = bundlesOf(corpora, folder)
  yield* load(client, bundles)
  const conditions = new Set<string>()
  const wanted = new Map<string, number>()
  for (const { bundle } of bundles)
    for (const { request, resource } of bundle.entry as Json[]) {
      const condition = request.ifNoneExist && `${request.url}?${request.ifNoneExist}`
      if (condition && conditions.has(condition)) continue
      if (condition) conditions.add(condition)
      wanted.set(resource.resourceType, (wanted.get(resource.resourceType) ?? 0) + 1)
    }
  for (const [type, count] of [...wanted].sort()) {
    const stored = await total(client, type)
    const name = `${folder}: count of ${type}`
    yield stored === count ? passed(name) : failed(name, `${stored} stored, ${count} in the bundles`)
  }
}

async function* load(client: TestClient, bundles: readonly NamedBundle[], note = ''): AsyncIterable<Case> {
  const shared = bundles.filter(({ name }) => /\/(hospital|practitioner)/.test(name))
  for (const one of shared) yield loaded(await client.post('', one.bundle), one.name + note)
  const patients = bundles.filter((one) => !shared.includes(one))
  yield* inLanes(patients, LANES, async ({ name, bundle }) => loaded(await client.post('', bundle), name + note))
}

function loaded(answer: Answer, name: string): Case {
  if (answer.status !== 200) {
    const issue = answer.body?.issue?.[0]
    return failed(name, `${answer.status} ${issue?.expression?.[0] ?? ''} ${issue?.diagnostics ?? ''}`)
  }
  const bad = (answer.body.entry as Json[]).findIndex(({ response }) => !response.status.startsWith('2'))
  return bad < 0 ? passed(name) : failed(name, `entry ${bad}: ${answer.body.entry[bad].response.status}`)
}

async function* replayed(client: TestClient, folder: string, corpora: string): AsyncIterable<Case> {
  const bundles = bundlesOf(corpora, folder)
  const conditional = new Set<string>()
  for (const { bundle } of bundles)
    for (const { request } of bundle.entry as Json[]) if (request.ifNoneExist) conditional.add(request.url)
  const before = new Map<string, number>()
  for (const type of conditional) before.set(type, await total(client, type))
  yield* load(client, bundles, ' (again)')
  for (const [type, count] of before) {
    const name = `${folder}: no ${type} doubled by loading again`
    const now = await total(client, type)
    yield now === count ? passed(name) : failed(name, `${count} before, ${now} after`)
  }
}

async function total(client: TestClient, type: string): Promise<number> {
  return (await client.get(`${type}?_summary=count`)).body.total
}
