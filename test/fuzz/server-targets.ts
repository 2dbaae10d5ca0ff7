import { RESOURCE_TYPES } from '@salus/fhir-model'
import type { Answer, Json, TestClient } from '../fixtures/server.ts'
import type { Chance } from './chance.ts'
import { grammarOf, patchParameters, type Search, searchOf } from './library-targets.ts'
import { AWKWARD, mangled, mutated } from './mutate.ts'
import { SAMPLES, sampleBundle } from './samples.ts'
import type { Target } from './target.ts'

/** A refusal is short; what is stored comes back as it went in, with what was found beside it. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024

/** The whole way of a request, at a server with one stored patient of that id. */
export function serverTargets(client: TestClient, id: string): readonly Target[] {
  return [
    {
      name: 'JSON body',
      run: async (chance) => judge(await client.post('Patient', mangled(chance, JSON.stringify(SAMPLES[0])))),
    },
    { name: 'resource', run: async (chance) => judge(await sendResource(client, chance)) },
    { name: 'Bundle', run: async (chance) => judge(await sendBundle(client, chance)) },
    { name: 'search', run: async (chance) => judge(await search(client, chance, searchOf(chance))) },
    { name: 'chains and filters', run: async (chance) => judge(await search(client, chance, grammarOf(chance))) },
    { name: 'patch', run: async (chance) => judge(await sendPatch(client, chance, id)) },
    { name: 'request', run: async (chance) => judge(await sendAnything(client, chance, id)) },
  ]
}

function judge(answer: Answer): void {
  if (answer.status >= 500) throw new Error(`answered ${answer.status}: ${answer.text.slice(0, 300)}`)
  if (answer.text.length > ANSWER_BYTES_MAX) throw new Error(`an answer of ${answer.text.length} characters`)
  // Answers to entries travel inside an answer.
  for (const entry of answer.body?.type?.endsWith?.('-response') ? ((answer.body.entry ?? []) as Json[]) : [])
    if (Number(entry.response?.status) >= 500)
      throw new Error(`an entry was answered ${entry.response.status}: ${JSON.stringify(entry).slice(0, 300)}`)
  if (answer.status >= 400 && answer.status !== 404 && answer.text !== '' && answer.body === undefined)
    throw new Error(`a refusal that is no JSON: ${answer.text.slice(0, 100)}`)
}

function sendResource(client: TestClient, chance: Chance): Promise<Answer> {
  const resource = mutated(chance, chance.pick(SAMPLES))
  const type =
    typeof resource?.resourceType === 'string' && !chance.once(10)
      ? encodeURIComponent(plain(resource.resourceType))
      : 'Patient'
  if (chance.once(2)) return client.post(type, JSON.stringify(resource), headersOf(chance))
  const id = chance.once(2) ? `fuzz-${chance.below(20)}` : encodeURIComponent(plain(chance.pick(AWKWARD)))
  if (typeof resource === 'object' && resource !== null && !chance.once(5)) resource.id = decodeURIComponent(id)
  return client.put(`${type}/${id}`, JSON.stringify(resource), headersOf(chance))
}

function sendBundle(client: TestClient, chance: Chance): Promise<Answer> {
  const bundle = sampleBundle(chance)
  if (chance.once(3)) return client.post('', JSON.stringify(bundle))
  if (chance.once(2)) return client.post('', JSON.stringify(mutated(chance, bundle)))
  return client.post('', mangled(chance, JSON.stringify(bundle)))
}

async function search(client: TestClient, chance: Chance, { type, parameters }: Search): Promise<Answer> {
  const query = parameters
    .map(([name, value]) => `${encodeURIComponent(plain(name))}=${encodeURIComponent(plain(value))}`)
    .join('&')
  const headers = chance.once(4) ? { prefer: 'handling=lenient' } : {}
  if (chance.once(3))
    return client.send('POST', `${type}/_search`, query, {
      'content-type': 'application/x-www-form-urlencoded',
      ...headers,
    })
  const answer = await client.get(`${type}?${query}`, headers)
  const next = answer.body?.link?.find?.((link: Json) => link.relation === 'next')?.url
  return next === undefined ? answer : client.get(chance.once(2) ? next : next.slice(0, -chance.below(30) - 1))
}

const POINTERS = [
  '/name/0/family',
  '/name/-',
  '/name/99',
  '/birthDate',
  '',
  '/',
  '/__proto__/x',
  '/constructor/prototype',
  '/name/0/given/0',
  '/~2',
  '/meta/versionId',
  '/id',
  '/resourceType',
]

function sendPatch(client: TestClient, chance: Chance, id: string): Promise<Answer> {
  if (chance.once(2)) return client.patch(`Patient/${id}`, patchParameters(chance), headersOf(chance))
  const operations = Array.from({ length: chance.below(3) + 1 }, () => ({
    op: chance.pick(['add', 'remove', 'replace', 'move', 'copy', 'test', 'x']),
    path: chance.pick(POINTERS),
    from: chance.pick(POINTERS),
    value: chance.pick<Json>(['x', 1, null, {}, [], { family: 'x' }]),
  }))
  const body = JSON.stringify(chance.once(3) ? mutated(chance, operations) : operations)
  return client.patch(`Patient/${id}`, chance.once(4) ? mangled(chance, body) : body, {
    'content-type': 'application/json-patch+json',
  })
}

function sendAnything(client: TestClient, chance: Chance, id: string): Promise<Answer> {
  const segments = [
    'Patient',
    id,
    '_history',
    '1',
    '_search',
    '$everything',
    '*',
    'metadata',
    'AuditEvent',
    'Observation',
    ...AWKWARD,
    chance.pick(RESOURCE_TYPES),
  ]
  const path = Array.from({ length: chance.below(5) }, () => encodeURIComponent(plain(chance.pick(segments)))).join('/')
  const query = chance.once(2)
    ? `?${chance.pick(['_count', '_since', '_at', '_page', '_elements', '_summary', '_format', 'name', '_id'])}=${encodeURIComponent(plain(chance.pick(AWKWARD)))}`
    : ''
  const method = chance.pick(['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'])
  // The stored patient is needed by the next inputs.
  if (method === 'DELETE' && path.includes(id)) return client.get(path)
  const body =
    method === 'POST' || method === 'PUT' || method === 'PATCH'
      ? mangled(chance, JSON.stringify(chance.pick(SAMPLES)))
      : undefined
  return client.send(method, path + query, body, headersOf(chance))
}

/** What a client may put into a header; others are refused by every HTTP library. */
function headersOf(chance: Chance): Record<string, string> {
  const value = chance.pick([
    'W/"1"',
    '"1"',
    '*',
    '0',
    'identifier=12345',
    'x',
    '',
    '?',
    'Sat, 31 Feb 2024 99:00:00 GMT',
    'return=minimal',
    'return=x; handling=lenient',
    '%00',
    '=',
  ])
  const name = chance.pick([
    'if-match',
    'if-none-match',
    'if-none-exist',
    'if-modified-since',
    'prefer',
    'accept',
    'traceparent',
    'x-none',
    'x-none',
  ])
  return { [name]: value }
}

/** encodeURIComponent takes no half of a surrogate pair. */
function plain(text: string): string {
  return text.toWellFormed()
}
