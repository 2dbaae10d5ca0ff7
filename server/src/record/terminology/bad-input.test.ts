import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#kernel'
import { TerminologyError } from './engine/issues.ts'
import { compilePattern } from './engine/pattern.ts'
import type { Json } from './engine/resources.ts'
import { type OperationName, operationRunner } from './service.ts'

const run = operationRunner({ shelves: [], clock: systemClock })
const nothing = { resources: () => [] }
const ask = (name: OperationName, parameter: Json[]): Promise<Json> =>
  run(name, { parameters: { resourceType: 'Parameters', parameter }, record: nothing }) as Promise<Json>

/** Answers an error of the 400s, in the time a person waits, however the input was made. */
async function refused(name: OperationName, parameter: Json[], text: RegExp): Promise<void> {
  await assert.rejects(ask(name, parameter), (error: unknown) => {
    assert.ok(error instanceof TerminologyError, String(error))
    assert.ok(error.status >= 400 && error.status < 500)
    assert.match(error.message, text)
    return true
  })
}

const resource = (one: Json): Json => ({ name: 'tx-resource', resource: one })
const url = (value: string): Json => ({ name: 'url', valueUri: value })
const valueSet = (id: string, include: Json[]): Json => ({
  resourceType: 'ValueSet',
  url: `http://example.org/${id}`,
  status: 'active',
  compose: { include },
})
const codeSystem = (concept: Json[]): Json => ({
  resourceType: 'CodeSystem',
  url: 'http://example.org/cs',
  status: 'active',
  content: 'complete',
  concept,
})

test('value sets that include each other end in a refusal that names the circle', async () => {
  const circle = [
    resource(valueSet('a', [{ valueSet: ['http://example.org/b'] }])),
    resource(valueSet('b', [{ valueSet: ['http://example.org/c'] }])),
    resource(valueSet('c', [{ valueSet: ['http://example.org/a'] }])),
  ]
  await refused('expand', [url('http://example.org/a'), ...circle], /Cyclic reference/)
  const code = [
    { name: 'system', valueUri: 'http://example.org/cs' },
    { name: 'code', valueCode: 'x' },
  ]
  await refused('validate-value-set', [url('http://example.org/a'), ...code, ...circle], /Cyclic reference/)
})

test('a chain of value sets is followed 32 deep, and 500 wide', async () => {
  const chain = Array.from({ length: 60 }, (_, at) =>
    resource(valueSet(`v${at}`, [{ valueSet: [`http://example.org/v${at + 1}`] }])),
  )
  await refused('expand', [url('http://example.org/v0'), ...chain], /draws in at most/)
  const many = Array.from({ length: 600 }, (_, at) => `http://example.org/w${at}`)
  const wide = [
    resource(valueSet('wide', [{ valueSet: many }])),
    ...many.map((one) => resource({ ...valueSet('', []), url: one })),
  ]
  await refused('expand', [url('http://example.org/wide'), ...wide], /draws in at most/)
})

test('a hostile regular expression costs microseconds, a malformed one is refused', async () => {
  for (const hostile of ['(a+)+', '((a+)+)+', '(a|a)*', '(a*)*b', '(.*a){20}']) {
    const matches = compilePattern(hostile)
    assert.ok(matches, hostile)
    assert.equal(typeof matches(`${'a'.repeat(5_000)}!`), 'boolean')
  }
  const filtered = (value: string): Json[] => [
    resource(codeSystem([{ code: `${'a'.repeat(60)}!` }])),
    resource(valueSet('r', [{ system: 'http://example.org/cs', filter: [{ property: 'code', op: 'regex', value }] }])),
    url('http://example.org/r'),
  ]
  assert.equal(((await ask('expand', filtered('(a+)+'))).expansion as Json).total, 0)
  await refused('expand', filtered('(a+'), /not understood/)
  await refused('expand', filtered('a{1000}{1000}'), /not understood/)
  await refused('expand', filtered('(a{900}){900}'), /not understood/)
  await refused('expand', filtered('('.repeat(500)), /not understood/)
  await refused('expand', filtered('x'.repeat(3_000)), /not understood/)
})

test('a large pattern over many codes is cut off', async () => {
  const codes = Array.from({ length: 20_000 }, (_, at) => ({ code: `${'a'.repeat(200)}${at}` }))
  const filter = [{ property: 'code', op: 'regex', value: '(a|b){400}(a|b){400}' }]
  const all = [
    resource(codeSystem(codes)),
    resource(valueSet('r', [{ system: 'http://example.org/cs', filter }])),
    url('http://example.org/r'),
  ]
  await refused('expand', all, /more work/)
})

test('what regular expressions mean is what JavaScript means by them', () => {
  const cases: [string, string[]][] = [
    ['[^ \\t\\r\\n\\f]{4}[0-9]', ['code1', 'cod 1', 'code12', 'abcd9']],
    ['a|bc*', ['a', 'b', 'bcc', 'ac', '']],
    ['\\d{2,3}-\\w+', ['12-a_1', '1-a', '1234-a', '123-']],
    ['(?:x|y)?z', ['z', 'xz', 'yz', 'xyz']],
    ['^ab$', ['ab', 'abb', 'aab']],
    ['[a-c\\-]+\\.', ['a-b.', 'd.', 'abc']],
    ['a{0,2}', ['', 'a', 'aa', 'aaa']],
  ]
  for (const [pattern, texts] of cases) {
    const ours = compilePattern(pattern)
    for (const text of texts)
      assert.equal(ours?.(text), new RegExp(`^(?:${pattern})$`, 's').test(text), `${pattern} ${text}`)
  }
})

test('pages and filters of absurd size are refused or bounded', async () => {
  const whole = [
    resource(codeSystem([{ code: 'a' }])),
    resource(valueSet('w', [{ system: 'http://example.org/cs' }])),
    url('http://example.org/w'),
  ]
  const page = await ask('expand', [...whole, { name: 'count', valueInteger: 1_000_000_000 }])
  assert.equal(((page.expansion as Json).contains as Json[]).length, 1)
  await refused('expand', [...whole, { name: 'count', valueInteger: -1 }], /whole number/)
  await refused('expand', [...whole, { name: 'filter', valueString: 'x'.repeat(1_000_000) }], /at most 1000 characters/)
})

test('a code system of 10 MB in the request is worked on, one with too many concepts is refused', async () => {
  const big = codeSystem(
    Array.from({ length: 100_000 }, (_, at) => ({
      code: `code-${at}`,
      display: `Display of the concept ${at}, at length`,
    })),
  )
  const all = [
    resource(big),
    resource(valueSet('big', [{ system: 'http://example.org/cs' }])),
    url('http://example.org/big'),
  ]
  await refused('expand', all, /more than 10000 codes/)
  const page = await ask('expand', [...all, { name: 'count', valueInteger: 5 }])
  assert.equal((page.expansion as Json).total, 100_000)
  const huge = codeSystem(Array.from({ length: 250_001 }, (_, at) => ({ code: String(at) })))
  await refused('expand', [resource(huge), ...all.slice(1)], /at most 250000 concepts/)
})

test('deep and circular hierarchies end', async () => {
  let deep: Json = { code: 'c0' }
  for (let at = 1; at < 90; at++) deep = { code: `c${at}`, concept: [deep] }
  const isA = (system: Json): Json[] => [
    resource(system),
    resource(
      valueSet('h', [{ system: 'http://example.org/cs', filter: [{ property: 'concept', op: 'is-a', value: 'c0' }] }]),
    ),
    url('http://example.org/h'),
  ]
  assert.equal(((await ask('expand', isA(codeSystem([deep])))).expansion as Json).total, 1)
  const parent = (code: string, of: string): Json => ({ code, property: [{ code: 'parent', valueCode: of }] })
  const circle = codeSystem([parent('c0', 'c2'), parent('c1', 'c0'), parent('c2', 'c1')])
  assert.equal(((await ask('expand', isA(circle))).expansion as Json).total, 3)
})

test('resources that are no resources are refused or read as empty, never a failure of the server', async () => {
  const odd: unknown[] = [
    null,
    1,
    'x',
    [],
    {},
    { include: 1 },
    { include: [null, 1, []] },
    { include: [{ system: 1, filter: 'x' }] },
  ]
  for (const compose of odd) {
    const broken = { resourceType: 'ValueSet', url: 'http://example.org/odd', compose }
    try {
      await ask('expand', [resource(broken), url('http://example.org/odd')])
    } catch (error) {
      assert.ok(error instanceof TerminologyError, JSON.stringify(compose))
    }
  }
  for (const concept of [
    null,
    1,
    [null],
    [{ code: 1 }],
    [{ code: 'a', concept: 'x', property: [1], designation: [null] }],
  ])
    await ask('lookup', [
      resource({ ...codeSystem([{ code: 'ok' }]), concept }),
      { name: 'system', valueUri: 'http://example.org/cs' },
      { name: 'code', valueCode: 'a' },
    ]).catch((error: unknown) => assert.ok(error instanceof TerminologyError, String(error)))
})

test('a value set that is drawn in a trillion times is worked on once', async () => {
  // Each level draws the one below in ten times: what is prepared once is not worked on again.
  const levels = Array.from({ length: 12 }, (_, at) =>
    resource(
      valueSet(
        `m${at}`,
        Array.from({ length: 10 }, () =>
          at === 11 ? { system: 'http://example.org/cs' } : { valueSet: [`http://example.org/m${at + 1}`] },
        ),
      ),
    ),
  )
  const system = resource(codeSystem(Array.from({ length: 100 }, (_, at) => ({ code: `c${at}` }))))
  const answer = await ask('expand', [url('http://example.org/m0'), system, ...levels])
  assert.equal((answer.expansion as Json).total, 100)
  const check = [
    { name: 'system', valueUri: 'http://example.org/cs' },
    { name: 'code', valueCode: 'none' },
  ]
  const result = async (more: Json[]): Promise<unknown> =>
    (
      (await ask('validate-value-set', [url('http://example.org/m0'), system, ...levels, ...more])).parameter as Json[]
    )[0]?.valueBoolean
  assert.equal(await result(check), false)
  assert.equal(
    await result([
      { name: 'code', valueCode: 'c7' },
      { name: 'inferSystem', valueBoolean: true },
    ]),
    true,
  )
})
