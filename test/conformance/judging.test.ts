import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer, TestClient } from '../fixtures/server.ts'
import { difference } from './exact-json.ts'
import { judged } from './expected-failures.ts'
import { readQueries } from './queries-file.ts'
import { failed, passed } from './suite.ts'
import { runTestScript } from './test-script.ts'

test('a known failure is skipped; one that passes or does not exist fails the run', () => {
  const known = new Map([
    ['a', 'why'],
    ['b', 'why'],
    ['c', 'why'],
  ])
  const cases = judged([failed('a', 'x'), passed('b'), failed('d', 'x'), passed('e')], known)
  assert.deepEqual(
    cases.map(({ name, outcome }) => `${name} ${outcome}`),
    ['a skipped', 'b failed', 'd failed', 'e passed', 'c failed'],
  )
})

test('resources differ by a decimal’s digits, an element or an order of repeats, and not by version or order of keys', () => {
  const sent = '{"resourceType":"Observation","meta":{"tag":[{"code":"a"}]},"valueQuantity":{"value":1.50,"unit":"x"}}'
  const stored = sent.replace('"meta":{', '"meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00Z",')
  assert.equal(difference(sent, stored), undefined)
  assert.equal(difference(sent, stored.replace('"value":1.50,"unit":"x"', '"unit":"x","value":1.50')), undefined)
  assert.equal(difference(sent, stored.replace('1.50', '1.5')), '/valueQuantity/value/number')
  assert.equal(difference(sent, stored.replace(',"unit":"x"', '')), '/valueQuantity/unit')
  assert.equal(difference(sent, stored.replace('"tag":[{"code":"a"}]', '"tag":[]')), '/meta/tag/0')
  assert.equal(
    difference('{"resourceType":"Patient"}', '{"resourceType":"Patient","meta":{"versionId":"1"}}'),
    undefined,
  )
})

const FILE = `# head
queries:
  - name: one
    path: "Patient/{{id}}"
    loadtest: "skip:x"  # why
    params:
      "name:text": "a: b"
      _count: "5"
    sample:
      id: patient_id

  # between
  - name: two
    path: metadata
    headers:
      Prefer: "respond-async"
`

test('queries.yaml is read in full, and a line of another shape is an error', () => {
  assert.deepEqual(readQueries(FILE), [
    {
      name: 'one',
      path: 'Patient/{{id}}',
      params: { 'name:text': 'a: b', _count: '5' },
      headers: {},
      sample: { id: 'patient_id' },
      load: false,
    },
    { name: 'two', path: 'metadata', params: {}, headers: { Prefer: 'respond-async' }, sample: {}, load: true },
  ])
  assert.throws(() => readQueries(`${FILE}    list:\n      - x\n`))
  assert.throws(() => readQueries(`${FILE}    method: POST\n`))
})

test('a TestScript passes only when each assertion holds, and one the runner does not know fails', async () => {
  const answer = { status: 200, text: '{"resourceType": "Bundle"}', headers: new Headers({ 'content-type': 'a/b' }) }
  const asked: string[] = []
  const client = {
    send: async (method: string, path: string) => {
      asked.push(`${method} ${path}`)
      return answer as Answer
    },
  } as unknown as TestClient
  const run = (assertion: object) =>
    runTestScript(
      {
        test: [
          {
            name: 't',
            action: [
              { operation: { type: { code: 'search' }, resource: 'Patient', params: '?x=1' } },
              { assert: assertion },
            ],
          },
        ],
      },
      client,
    )
  assert.equal(await run({ operator: 'equals', responseCode: '200' }), undefined)
  assert.deepEqual(asked, ['GET Patient?x=1'])
  assert.equal(await run({ operator: 'notIn', responseCode: '500,501' }), undefined)
  assert.equal(await run({ operator: 'matchesRegex', responseBody: '"resourcetype"\\s*:\\s*"Bundle"' }), undefined)
  assert.ok(await run({ operator: 'equals', responseCode: '404' }))
  assert.ok(await run({ operator: 'matchesRegex', responseBody: '"Patient"' }))
  assert.ok(await run({ operator: 'unheard', responseCode: '200' }))
  assert.ok(await run({ minimumId: 'x' }))
})
