import type { Database } from '#db'
import { type Clock, raise } from '#kernel'
import type { Release, ReleaseItem } from '../load/release.ts'
import { hierarchyOf } from './hierarchy.ts'
import {
  addMembers,
  addSystem,
  assemble,
  clearStage,
  place,
  publish,
  removeSystem,
  type StagedColumns,
  stage,
  stagedCodes,
  stagedParents,
} from './store.ts'

/** Facts that travel in one statement. */
const FACTS_PER_STATEMENT = 5_000
/** Concepts placed or put together in one statement. */
const CONCEPTS_PER_STATEMENT = 5_000
/** Concepts of one system: their hierarchy is worked out in memory. */
const CONCEPTS_MAX = 5_000_000

/** How far a load has come: facts read, then concepts stored. */
export interface StoreProgress {
  facts: number
  concepts: number
  conceptsExpected: number
}

/** What was stored. */
export interface StoredSystem {
  url: string
  version: string
  concepts: number
  facts: number
}

/**
 * Store a release as a code system of this installation. Servers go on answering, and see it, or its new load, when all of it is
 * there. A load that fails leaves nothing. Faults: those of reading the release, of the database, `terminology.load.empty`,
 * `terminology.load.too-many-concepts`.
 */
export async function storeRelease(
  { database, clock }: { database: Database; clock: Clock },
  release: Release,
  onProgress: (progress: StoreProgress) => void = () => undefined,
): Promise<StoredSystem> {
  const { head } = release
  const system = await addSystem(database, {
    ...head,
    properties: head.properties.map(({ code, type }) => ({ code, type })),
    loaded: clock.now(),
  })
  try {
    const facts = await stageAll(database, system, release, (count) =>
      onProgress({ facts: count, concepts: 0, conceptsExpected: 0 }),
    )
    const codes = await codesOf(database, system)
    const expected = codes.length
    await placeAll(database, system, codes)
    for (let from = 1; from <= expected; from += CONCEPTS_PER_STATEMENT) {
      const to = Math.min(from + CONCEPTS_PER_STATEMENT - 1, expected)
      await assemble(database, system, { from, to, isCaseSensitive: head.isCaseSensitive })
      onProgress({ facts, concepts: to, conceptsExpected: expected })
    }
    await addMembers(database, system)
    await database.transaction((tx) => publish(tx, system, expected))
    return { url: head.url, version: head.version, concepts: expected, facts }
  } catch (error) {
    await removeSystem(database, system)
    throw error
  } finally {
    await clearStage(database, system)
  }
}

async function stageAll(
  database: Database,
  system: number,
  release: Release,
  onProgress: (facts: number) => void,
): Promise<number> {
  let columns = emptyColumns()
  let facts = 0
  const flush = async (): Promise<void> => {
    if (columns.kinds.length === 0) return
    await stage(database, system, columns)
    facts += columns.kinds.length
    onProgress(facts)
    columns = emptyColumns()
  }
  for await (const items of release.items())
    for (const item of items) {
      add(columns, item)
      if (columns.kinds.length >= FACTS_PER_STATEMENT) await flush()
    }
  await flush()
  return facts
}

function emptyColumns(): StagedColumns {
  return { kinds: [], codes: [], a: [], b: [], c: [], n: [] }
}

/** Kinds of `terminology.staged`: what its columns hold for each. */
function add(columns: StagedColumns, item: ReleaseItem): void {
  columns.codes.push(item.code)
  const push = (kind: number, a: string | undefined, b?: string, c?: string, n?: number): void => {
    columns.kinds.push(kind)
    columns.a.push(a ?? null)
    columns.b.push(b ?? null)
    columns.c.push(c ?? null)
    columns.n.push(n ?? null)
  }
  switch (item.kind) {
    case 'concept':
      return push(1, item.display, item.definition, undefined, (item.isInactive ? 1 : 0) + (item.isAbstract ? 2 : 0))
    case 'designation': {
      const use = item.use && JSON.stringify([item.use.system, item.use.code, item.use.display])
      return push(2, item.value, item.language, use, item.displayRank)
    }
    case 'property':
      return push(3, item.property, item.value)
    case 'parent':
      return push(4, item.parent)
    case 'member':
      return push(5, item.set)
  }
}

async function codesOf(database: Database, system: number): Promise<string[]> {
  const codes: string[] = []
  for (let after = ''; ; after = codes.at(-1) as string) {
    const part = await stagedCodes(database, system, after, CONCEPTS_PER_STATEMENT * 4)
    codes.push(...part)
    if (codes.length > CONCEPTS_MAX)
      raise({
        category: 'too-large',
        code: 'terminology.load.too-many-concepts',
        message: `A code system has at most ${CONCEPTS_MAX} concepts.`,
      })
    if (part.length < CONCEPTS_PER_STATEMENT * 4) break
  }
  if (codes.length === 0)
    raise({
      category: 'invalid',
      code: 'terminology.load.empty',
      message: 'The release holds no concepts. Name the folder or archive as its publisher gives it.',
    })
  return codes
}

async function placeAll(database: Database, system: number, codes: readonly string[]): Promise<void> {
  const numbers = new Map(codes.map((code, index) => [code, index + 1]))
  const edges: [child: number, parent: number][] = []
  for (let after: readonly [string, string] = ['', '']; ; ) {
    const part = await stagedParents(database, system, after, CONCEPTS_PER_STATEMENT * 4)
    for (const [code, parent] of part) {
      const child = numbers.get(code)
      const above = numbers.get(parent)
      if (child !== undefined && above !== undefined && child !== above) edges.push([child, above])
    }
    const last = part.at(-1)
    if (!last || part.length < CONCEPTS_PER_STATEMENT * 4) break
    after = last
  }
  const hierarchy = hierarchyOf(codes.length, edges)
  for (let from = 1; from <= codes.length; from += CONCEPTS_PER_STATEMENT) {
    const ids = Array.from(
      { length: Math.min(CONCEPTS_PER_STATEMENT, codes.length - from + 1) },
      (_, index) => from + index,
    )
    await place(database, system, {
      ids,
      codes: ids.map((id) => codes[id - 1] as string),
      parents: ids.map((id) => `{${hierarchy.parents(id).join(',')}}`),
      ancestors: ids.map((id) => `{${hierarchy.ancestors(id).join(',')}}`),
      children: ids.map((id) => hierarchy.children(id)),
    })
  }
}
