import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { elements, readXml, type XmlElement } from '../../libs/fhirpath/src/corpus.fixture.ts'
import type { Answer, Json, TestClient } from '../fixtures/server.ts'
import { type Case, failed, passed, type Suite } from './suite.ts'

const FOLDER = 'fhir-test-cases/r4/graphql'
const EXAMPLES = 'hl7-r4-examples'

/** The tests of GraphQL in the FHIR test cases, against the server over HTTP. */
export const graphql: Suite = {
  name: 'graphql',
  proves:
    '`$graphql` answers each query of the R4 test cases with the data named there, or refuses it where they say so. What the examples of the specification in the corpora do not hold is in `test/conformance/fhirpath-inputs` and `graphql-inputs`.',
  folders: [FOLDER, EXAMPLES],
  async *run(server, corpora) {
    const client = await server.client()
    for (const path of inputs(corpora)) {
      const { id, ...rest } = readJson(path)
      // The tests call this example by another name than the specification.
      const resource = { ...rest, id: id === 'long' ? 'example-long' : id }
      const answer = await client.put(`${resource.resourceType}/${resource.id}`, resource)
      if (answer.status >= 300) throw new Error(`${path}: ${answer.text}`)
    }
    const manifest = readXml(readFileSync(join(corpora, FOLDER, 'manifest.xml'), 'utf8'))
    for (const test of elements(manifest, 'test')) yield await runTest(client, corpora, test)
    yield* serverTests(client, corpora)
  },
}

/** In the order in which a search gives them, newest first. */
function inputs(corpora: string): string[] {
  const example = (name: string): string => join(corpora, EXAMPLES, `${name}.json`)
  const own = (folder: string, name: string): string => join(import.meta.dirname, folder, `${name}.json`)
  return [
    example('patient-example-xds'),
    own('fhirpath-inputs', 'patient-example'),
    own('fhirpath-inputs', 'observation-example'),
    own('graphql-inputs', 'patient-glossy'),
    own('graphql-inputs', 'condition-example'),
    own('graphql-inputs', 'observation-20minute-apgar-score'),
    example('medicationdispenseexample8'),
    example('list-example-long'),
  ]
}

async function runTest(client: TestClient, corpora: string, { attributes }: XmlElement): Promise<Case> {
  const { name = '', source = '', output = '', context = '', operation } = attributes
  const query = readFileSync(join(corpora, FOLDER, source), 'utf8')
  // The one test with a variable leaves its value to whoever runs it.
  const named = operation === undefined ? {} : { operationName: operation, variables: { var: true } }
  const answer = await client.post(context === '' ? '$graphql' : context, { query, ...named })
  if (output === '$error')
    return answer.status >= 400 && answer.status < 500 ? passed(name) : failed(name, `answered ${answer.status}`)
  return compared(name, answer, readJson(join(corpora, FOLDER, output)))
}

function compared(name: string, answer: Answer, wanted: Json): Case {
  if (answer.status !== 200) return failed(name, `${answer.status} ${answer.body?.issue?.[0]?.diagnostics}`)
  if (isDeepStrictEqual(answer.body.data, wanted)) return passed(name)
  return failed(name, `answered ${JSON.stringify(answer.body.data).slice(0, 200)}`)
}

interface ServerTest {
  url: string
  output: { data: Json }
}

async function* serverTests(client: TestClient, corpora: string): AsyncIterable<Case> {
  const groups = readJson(join(corpora, FOLDER, 'server-tests.json')) as Record<string, Record<string, ServerTest>>
  for (const [group, tests] of Object.entries(groups))
    if (typeof tests === 'object')
      for (const [name, { url, output }] of Object.entries(tests)) {
        const [path = '', query = ''] = url.slice(1).split('?query=')
        const answer = await client.get(`${path}?query=${encodeURIComponent(query)}`)
        yield compared(`${group}/${name}`, answer, output.data)
      }
}

function readJson(path: string): Json {
  return JSON.parse(readFileSync(path, 'utf8'))
}
