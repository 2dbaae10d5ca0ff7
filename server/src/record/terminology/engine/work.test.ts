import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '#kernel'
import { type OperationName, operationRunner } from '../service.ts'
import { ancestors, descendants } from '../systems/memory-filter.ts'
import { indexOf } from '../systems/memory-system.ts'
import { TerminologyError } from './issues.ts'
import type { Json } from './resources.ts'

/** Each look at this clock finds that a turn has passed. */
let monotonic = 0
const slow: Clock = { now: () => systemClock.now(), monotonic: () => (monotonic += 30) }
const nothing = { resources: () => [] }
const ask = (name: OperationName, parameter: Json[]): Promise<Json> =>
  operationRunner({ shelves: [], clock: slow })(name, {
    parameters: { resourceType: 'Parameters', parameter },
    record: nothing,
  }) as Promise<Json>

/** How often others had the event loop while `work` went on. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let isDone = false
  const count = (): void => {
    turns++
    if (!isDone) setImmediate(count)
  }
  setImmediate(count)
  await work().finally(() => {
    isDone = true
  })
  return turns
}

const system = (concept: Json[], url = 'http://example.org/cs'): Json => ({
  resourceType: 'CodeSystem',
  url,
  status: 'active',
  content: 'complete',
  property: [{ code: 'parent', type: 'code' }],
  concept,
})
const tx = (resource: Json): Json => ({ name: 'tx-resource', resource })
const flat = (count: number): Json[] => Array.from({ length: count }, (_, at) => ({ code: `c${at}` }))
const chain = (count: number): Json[] =>
  Array.from({ length: count }, (_, at) => ({
    code: `c${at}`,
    ...(at > 0 ? { property: [{ code: 'parent', valueCode: `c${at - 1}` }] } : {}),
  }))
const isTooCostly = (error: unknown): boolean =>
  error instanceof TerminologyError && error.status === 422 && error.issues[0]?.type === 'too-costly'

test('while 100,000 children of one concept are indexed, others get their turn; each is linked once', async () => {
  const star = system([{ code: 'root', concept: [...flat(100_000), { code: 'c5' }] }])
  const lookup = [tx(star), { name: 'system', valueUri: 'http://example.org/cs' }, { name: 'code', valueCode: 'c5' }]
  assert.ok((await turnsDuring(() => ask('lookup', lookup))) > 100)
  assert.equal(indexOf(star).byCode.get('root')?.children.length, 100_000)
  assert.deepEqual(indexOf(star).byCode.get('c5')?.parents, ['root'])
})

test('concepts that must be indexed are part of what a request may cause', async () => {
  const concepts = flat(200_000)
  const urls = ['http://example.org/1', 'http://example.org/2', 'http://example.org/3']
  const set = {
    resourceType: 'ValueSet',
    status: 'active',
    compose: { include: urls.map((url) => ({ system: url, concept: [{ code: 'c1' }] })) },
  }
  const expand = (count: number): Promise<Json> =>
    ask('expand', [
      { name: 'valueSet', resource: { ...set, compose: { include: set.compose.include.slice(0, count) } } },
      ...urls.map((url) => tx(system(concepts, url))),
    ])
  assert.equal(((await expand(2)).expansion as Json).total, 2)
  await assert.rejects(expand(3), isTooCostly)
})

test('sets above and below are remembered as they are, and paid for when they are gathered', () => {
  const index = indexOf(system(chain(100)))
  const top = index.byCode.get('c0')
  const bottom = index.byCode.get('c99')
  assert.ok(top && bottom)
  let spent = 0
  const spend = (visits: number): void => {
    spent += visits
  }
  const below = descendants(index, top, spend)
  assert.equal(below.size, 99)
  assert.ok(!below.has('c0') && !ancestors(index, bottom).has('c99'))
  assert.ok(spent >= 98)
  spent = 0
  assert.equal(descendants(index, top, spend), below)
  assert.equal(spent, 0)
})

test('all validations of a batch share what one request may cause', async () => {
  const deep = system(chain(20_000))
  // Each asks for what lies above another concept: sets of 20,000 that nobody has gathered yet.
  const validation = (at: number): Json => ({
    name: 'validation',
    resource: {
      resourceType: 'Parameters',
      parameter: [
        {
          name: 'valueSet',
          resource: {
            resourceType: 'ValueSet',
            status: 'active',
            compose: {
              include: [
                {
                  system: 'http://example.org/cs',
                  filter: [{ property: 'concept', op: 'generalizes', value: `c${19_999 - at}` }],
                },
              ],
            },
          },
        },
        { name: 'coding', valueCoding: { system: 'http://example.org/cs', code: 'c1' } },
      ],
    },
  })
  let answer: Json = {}
  const turns = await turnsDuring(async () => {
    answer = await ask('batch-validate-code', [tx(deep), ...Array.from({ length: 60 }, (_, at) => validation(at))])
  })
  const kinds = (answer.parameter as { resource: Json }[]).map(({ resource }) => resource.resourceType)
  assert.equal(kinds[0], 'Parameters')
  assert.equal(kinds[59], 'OperationOutcome')
  assert.equal(kinds.length, 60)
  assert.ok(turns > 60)
})
