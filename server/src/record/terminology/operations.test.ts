import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Json, startTestServer, type TestClient, type TestServer } from '../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient
before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
  await client.put('CodeSystem/animals', animals)
  await client.put('ConceptMap/sounds', sounds)
})
after(() => server.close())

const URL = 'http://example.org/animals'
const animals: Json = {
  resourceType: 'CodeSystem',
  id: 'animals',
  url: URL,
  status: 'active',
  content: 'complete',
  hierarchyMeaning: 'is-a',
  concept: [{ code: 'animal', concept: [{ code: 'dog', concept: [{ code: 'poodle' }] }, { code: 'cat' }] }],
}
const sounds: Json = {
  resourceType: 'ConceptMap',
  id: 'sounds',
  url: 'http://example.org/sounds',
  status: 'active',
  sourceUri: 'http://example.org/vs-animals',
  group: [
    {
      source: URL,
      target: 'http://example.org/sounds-cs',
      element: [{ code: 'dog', target: [{ code: 'bark', display: 'Bark', equivalence: 'wider' }] }],
      unmapped: { mode: 'fixed', code: 'noise' },
    },
  ],
}
const valueOf = (answer: Json, name: string): Json => answer.body.parameter.find((one: Json) => one.name === name)
const parameters = (parameter: Json[]): Json => ({ resourceType: 'Parameters', parameter })

test('$subsumes tells which code is above the other', async () => {
  const outcome = async (a: string, b: string): Promise<string> =>
    valueOf(await client.get(`CodeSystem/$subsumes?system=${URL}&codeA=${a}&codeB=${b}`), 'outcome').valueCode
  assert.equal(await outcome('animal', 'poodle'), 'subsumes')
  assert.equal(await outcome('poodle', 'dog'), 'subsumed-by')
  assert.equal(await outcome('dog', 'dog'), 'equivalent')
  assert.equal(await outcome('dog', 'cat'), 'not-subsumed')
  assert.equal((await client.get(`CodeSystem/$subsumes?system=${URL}&codeA=dog&codeB=cow`)).status, 404)
})

test('$translate maps there and back, and says when there is nothing', async () => {
  const map = 'ConceptMap/$translate?url=http://example.org/sounds'
  const there = await client.get(`${map}&system=${URL}&code=dog`)
  assert.equal(valueOf(there, 'result').valueBoolean, true)
  assert.deepEqual(valueOf(there, 'match').part.slice(0, 2), [
    { name: 'equivalence', valueCode: 'wider' },
    { name: 'concept', valueCoding: { system: 'http://example.org/sounds-cs', code: 'bark', display: 'Bark' } },
  ])
  const back = await client.get(`${map}&system=http://example.org/sounds-cs&code=bark&reverse=true`)
  assert.equal(valueOf(back, 'match').part[0].valueCode, 'narrower')
  assert.equal(valueOf(await client.get(`${map}&system=${URL}&code=cat`), 'match').part[1].valueCoding.code, 'noise')
  const nothing = await client.get(`${map}&system=http://example.org/other&code=x`)
  assert.equal(valueOf(nothing, 'result').valueBoolean, false)
  assert.equal((await client.get('ConceptMap/$translate?url=http://example.org/none&system=a&code=b')).status, 400)
})

test('$closure keeps a table per tenant and tells how what is added stands to what is there', async () => {
  const add = (by: TestClient, codes: string[]): Promise<Json> =>
    by.post(
      '$closure',
      parameters([
        { name: 'name', valueString: 'mine' },
        ...codes.map((code) => ({ name: 'concept', valueCoding: { system: URL, code } })),
      ]),
    )
  const pairs = ({ body }: Json): string[] =>
    (body.group ?? []).flatMap(({ element }: Json) =>
      element.flatMap(({ code, target }: Json) => target.map((one: Json) => `${code}<${one.code}`)),
    )
  assert.equal((await add(client, ['dog'])).status, 404)
  assert.equal((await client.get('$closure?name=mine')).status, 405)
  assert.equal((await add(client, [])).body.version, '0')
  assert.deepEqual(pairs(await add(client, ['animal', 'poodle'])), ['poodle<animal'])
  assert.deepEqual(pairs(await add(client, ['dog', 'poodle'])).sort(), ['dog<animal', 'poodle<dog'])
  const again = await client.post(
    '$closure',
    parameters([
      { name: 'name', valueString: 'mine' },
      { name: 'version', valueString: '0' },
    ]),
  )
  assert.deepEqual(pairs(again).sort(), ['dog<animal', 'poodle<animal', 'poodle<dog'])
  assert.equal((await add(client, ['cow'])).status, 404)
  const stranger = await server.client('system/*.cruds', server.tenants[1])
  assert.equal((await add(stranger, ['dog'])).status, 404)
})
