import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Connection, openConnection } from '#db'
import { FaultError } from '#kernel'
import { type TestDatabase, testDatabase } from '../../../../../test/fixtures/database.ts'
import { type ConceptSink, type LoadedConcept, loadRelease } from './load-release.ts'
import type { Release, ReleaseItem } from './release.ts'

let database: TestDatabase
let connection: Connection
before(async () => {
  database = await testDatabase()
  connection = await openConnection({ url: database.url, role: 'app', pipeline: false })
})
after(async () => {
  await connection.close()
  await database.drop()
})

function release(batches: readonly (readonly ReleaseItem[])[]): Release {
  return {
    head: {
      url: 'http://test.example/system',
      version: '1',
      name: 'Test',
      title: 'Test',
      language: 'en',
      isCaseSensitive: true,
      properties: [],
    },
    async *items() {
      yield* batches
    },
  }
}

function collector(): ConceptSink & { concepts: LoadedConcept[]; isEnded: boolean } {
  return {
    concepts: [],
    isEnded: false,
    async begin() {},
    async add(_, concepts) {
      this.concepts.push(...concepts)
    },
    async end() {
      this.isEnded = true
    },
  }
}

const hasCode = (code: string) => (error: unknown) => error instanceof FaultError && error.fault.code === code

test('facts of one concept meet, wherever they stand in the release', async () => {
  const sink = collector()
  const report = await loadRelease({
    connection,
    sink,
    release: release([
      [
        { kind: 'property', code: 'b', property: 'size', value: 'la\trge\n\\' },
        { kind: 'designation', code: 'b', value: 'second best', displayRank: 2 },
        { kind: 'concept', code: 'a', display: 'A', isAbstract: true },
      ],
      [
        { kind: 'concept', code: 'b', isInactive: true },
        { kind: 'designation', code: 'b', value: 'best', language: 'en', displayRank: 1 },
        { kind: 'parent', code: 'b', parent: 'a' },
        { kind: 'parent', code: 'b', parent: 'a' },
        { kind: 'parent', code: 'b', parent: 'b' },
        { kind: 'parent', code: 'b', parent: 'not in the release' },
        { kind: 'property', code: 'b', property: 'part-of', value: 'a', isCode: true },
        { kind: 'member', set: 's', code: 'b' },
        { kind: 'concept', code: 'a', display: 'told twice', definition: 'first letter' },
        { kind: 'designation', code: 'nobody', value: 'of no concept' },
      ],
    ]),
  })
  assert.deepEqual(report, { url: 'http://test.example/system', version: '1', concepts: 2 })
  assert.equal(sink.isEnded, true)
  assert.deepEqual(sink.concepts, [
    {
      ordinal: 1,
      code: 'a',
      display: 'A',
      definition: 'first letter',
      isInactive: false,
      isAbstract: true,
      designations: [],
      properties: [],
      parents: [],
      sets: [],
    },
    {
      ordinal: 2,
      code: 'b',
      display: 'best',
      definition: undefined,
      isInactive: true,
      isAbstract: false,
      designations: [{ value: 'second best' }, { value: 'best', language: 'en' }],
      properties: [
        { code: 'part-of', value: 'a', isCode: true },
        { code: 'size', value: 'la\trge\n\\', isCode: false },
      ],
      parents: ['a'],
      sets: ['s'],
    },
  ])
})

test('many concepts come in pages, each once, in their order', async () => {
  const sink = collector()
  const seen: number[] = []
  const items = Array.from({ length: 5_001 }, (_, place): ReleaseItem => ({ kind: 'concept', code: `c${place}` }))
  await loadRelease({ connection, sink, release: release([items]), onConcepts: (done) => seen.push(done) })
  assert.deepEqual(
    sink.concepts.map(({ code }) => code),
    items.map(({ code }) => code),
  )
  assert.deepEqual(seen, [2_000, 4_000, 5_001])
})

test('a load that fails anywhere leaves nothing, and the next one works', async () => {
  const failing = (at: 'begin' | 'add' | 'end'): ConceptSink => {
    const sink = collector()
    sink[at] = async () => {
      throw new Error('no')
    }
    return sink
  }
  const one: ReleaseItem = { kind: 'concept', code: 'a' }
  for (const at of ['begin', 'add', 'end'] as const)
    await assert.rejects(loadRelease({ connection, sink: failing(at), release: release([[one]]) }), /no/)
  const impossible: ReleaseItem[] = [
    { kind: 'concept', code: '' },
    { kind: 'concept', code: 'x'.repeat(300) },
    { kind: 'concept', code: 'a', display: 'zero\0byte' },
    { kind: 'property', code: 'a', property: 'p', value: 'x'.repeat(70_000) },
  ]
  for (const item of impossible)
    await assert.rejects(
      loadRelease({ connection, sink: collector(), release: release([[one, item]]) }),
      hasCode('terminology.load.layout'),
    )
  await assert.rejects(
    loadRelease({ connection, sink: collector(), release: release([[]]) }),
    hasCode('terminology.load.empty'),
  )
  const sink = collector()
  await loadRelease({ connection, sink, release: release([[one]]) })
  assert.equal(sink.concepts.length, 1)
})
