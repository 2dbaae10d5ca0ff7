import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json, TestClient } from '../fixtures/server.ts'
import { difference } from './exact-json.ts'
import { type Case, failed, passed, type Suite } from './suite.ts'

export const inferno: Suite = {
  name: 'inferno',
  proves:
    'The reference data of the Inferno US Core test kit loads as it is (transactions that create and update), and each of its resources is found again under the address it was given.',
  folders: ['inferno-reference-data'],
  async *run(server, corpora) {
    const folder = join(corpora, 'inferno-reference-data', 'resources')
    const client = await server.client()
    for (const file of readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .sort()) {
      const text = readFileSync(join(folder, file), 'utf8')
      const resource: Json = JSON.parse(text)
      yield resource.resourceType === 'Bundle' ? await loaded(client, file, resource) : await stored(client, file, text)
    }
  },
}

async function loaded(client: TestClient, name: string, bundle: Json): Promise<Case> {
  const answer = await client.post('', bundle)
  if (answer.status !== 200) return failed(name, `${answer.status} ${answer.body?.issue?.[0]?.diagnostics}`)
  for (const [index, { request, resource }] of (bundle.entry as Json[]).entries()) {
    const { status, body } = await client.get(answer.body.entry[index].response.location)
    if (status !== 200) return failed(name, `entry ${index} answers ${status}`)
    if (request.method === 'PUT' && `${body.resourceType}/${body.id}` !== request.url)
      return failed(name, `entry ${index} is not at ${request.url}`)
    if (body.resourceType !== resource.resourceType) return failed(name, `entry ${index} is another type`)
  }
  return passed(name)
}

async function stored(client: TestClient, name: string, text: string): Promise<Case> {
  const { resourceType, id }: Json = JSON.parse(text)
  const written = await client.put(`${resourceType}/${id}`, text)
  if (written.status >= 300) return failed(name, `${written.status} ${written.body.issue[0].diagnostics}`)
  const place = difference(text, (await client.get(`${resourceType}/${id}`)).text)
  return place === undefined ? passed(name) : failed(name, `differs at ${place}`)
}
