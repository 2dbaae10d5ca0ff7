import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { extractSearchValues, patientReferences, validateResource } from './index.ts'

/** Public test data beside the checkout; the tests say so when it is absent. */
const CORPORA = join(import.meta.dirname, '../../../../shared/corpora')

interface Resource {
  resourceType: string
  entry?: { resource?: Resource }[]
}

function resourcesOf(folder: string, t: TestContext): [name: string, resource: Resource, text: string][] {
  if (!existsSync(join(CORPORA, folder))) {
    t.diagnostic('skipped: corpora absent')
    return []
  }
  return readdirSync(join(CORPORA, folder))
    .filter((name) => /\.json(?:\.gz)?$/.test(name))
    .map((name) => {
      const bytes = readFileSync(join(CORPORA, folder, name))
      const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
      return [name, JSON.parse(text) as Resource, text] as [string, Resource, string]
    })
    .filter(([, { resourceType }]) => resourceType !== undefined)
}

/** Members of all objects in a JSON text: its colons outside of strings. */
function membersOf(text: string): number {
  return text.replace(/"(?:[^"\\]|\\.)*"/g, '').match(/:/g)?.length ?? 0
}

for (const folder of [
  'hl7-r4-examples',
  'synthea-r4-bundles',
  'synthea-us-core',
  'us-core-examples',
  'inferno-reference-data/resources',
])
  test(`${folder}: every resource is valid, every key counted, search values found`, (t) => {
    for (const [name, resource, text] of resourcesOf(folder, t)) {
      const { issues, keys } = validateResource(resource)
      assert.deepEqual(issues, [], name)
      assert.equal(keys, membersOf(text), name)
      for (const one of [resource, ...(resource.entry ?? []).map((entry) => entry.resource)]) {
        if (one === undefined) continue
        extractSearchValues(one)
        patientReferences(one)
      }
    }
  })

interface ValidatorCase {
  name: string
  module: string
  file: string
  errors: number | null
}

/** Suites that are about other formats or need a terminology server. */
const OTHER_SUITES = new Set(['tx', 'tx-advanced', 'cdshooks', 'shc', 'dsig', 'json5', 'api', 'matchetype'])

test('fhir-test-cases: what the reference validator finds clean is clean', (t) => {
  const folder = join(CORPORA, 'fhir-test-cases')
  if (!existsSync(folder)) return t.diagnostic('skipped: corpora absent')
  const cases = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as ValidatorCase[]
  const clean = cases.filter(({ module, errors }) => !OTHER_SUITES.has(module) && errors === 0)
  assert.ok(clean.length > 50)
  for (const { name, file } of clean) {
    const text = readFileSync(join(folder, 'validator', file), 'utf8')
    assert.deepEqual(validateResource(JSON.parse(text.replace(/^\uFEFF/, ''))).issues, [], name)
  }
})
