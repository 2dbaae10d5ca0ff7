import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Answer, TestClient } from '../fixtures/server.ts'
import { type Case, failed, inLanes, passed, type Suite } from './suite.ts'
import { difference } from './terminology-compare.ts'
import { inR5 } from './terminology-form.ts'

/** The tests of the HL7 terminology ecosystem, against the server over HTTP; what a suite sets up travels as `tx-resource`. */
export const terminology: Suite = {
  name: 'terminology',
  proves:
    'The terminology operations answer the tests of the HL7 terminology ecosystem (general mode) as its comparison rules ask. Resources that a suite sets up are sent along as tx-resource. R4 answers are compared in the R5 form of the tests.',
  folders: ['fhir-tx-ecosystem'],
  async *run(server, corpora) {
    const client = await server.client()
    const folder = join(corpora, 'fhir-tx-ecosystem')
    const { suites } = readJson(folder, 'test-cases.json') as { suites: TxSuite[] }
    for (const suite of suites) {
      const setup = suite.setup.map((file) => ({ name: 'tx-resource', resource: readJson(folder, file) }))
      const names = distinctNames(suite)
      const tests = suite.tests.map((test, index) => ({ ...test, name: names[index] as string }))
      yield* inLanes(tests, LANES, (test) => runTest(client, { folder, test, setup }))
    }
  },
}

interface TxSuite {
  name: string
  setup: string[]
  tests: TxTest[]
}

interface TxTest {
  name: string
  operation: string
  request: string
  response: string
  profile?: string
  'http-code'?: string
  'Accept-Language'?: string
}

const LANES = 4

type Json = Record<string, unknown>

/** Address of each operation of the tests. */
const ADDRESSES: Record<string, string | undefined> = {
  expand: 'ValueSet/$expand',
  'validate-code': 'ValueSet/$validate-code',
  'cs-validate-code': 'CodeSystem/$validate-code',
  lookup: 'CodeSystem/$lookup',
  'batch-validate': 'ValueSet/$batch-validate-code',
}

async function runTest(
  client: TestClient,
  { folder, test, setup }: { folder: string; test: TxTest; setup: Json[] },
): Promise<Case> {
  const { name } = test
  const address = ADDRESSES[test.operation]
  if (address === undefined) return failed(name, `the runner knows no operation ${test.operation}`)
  const request = readJson(folder, test.request) as { parameter: Json[] }
  const profile = test.profile === undefined ? [] : (readJson(folder, test.profile) as { parameter: Json[] }).parameter
  const own = profile.filter((parameter) => parameter.name !== 'uuid')
  const body = { resourceType: 'Parameters', parameter: [...request.parameter, ...own, ...setup] }
  const language = test['Accept-Language']
  const answer = await client.post(address, body, language === undefined ? {} : { 'accept-language': language })
  const reason = flaw(answer, test, folder)
  return reason === undefined ? passed(name) : failed(name, reason)
}

function flaw({ status, body }: Answer, test: TxTest, folder: string): string | undefined {
  const wanted = test['http-code'] ?? '200'
  if (wanted === '4xx' ? status < 400 || status > 499 : status !== Number(wanted))
    return `${status} instead of ${wanted}`
  const actual = inR5(body)
  // A server that cannot nest would be held against `response:flat`; this one nests.
  return difference(readJson(folder, test.response), actual)
}

/** `suite/test`, numbered where the corpus has a name twice. */
function distinctNames({ name, tests }: TxSuite): string[] {
  const seen = new Map<string, number>()
  return tests.map((test) => {
    const count = (seen.get(test.name) ?? 0) + 1
    seen.set(test.name, count)
    return `${name}/${test.name}${count === 1 ? '' : `#${count}`}`
  })
}

/** Some files of the corpus start with a byte order mark. */
function readJson(folder: string, file: string): Json {
  return JSON.parse(readFileSync(join(folder, file), 'utf8').replace(/^\uFEFF/, '')) as Json
}
