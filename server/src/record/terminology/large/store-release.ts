import type { Connection, Database } from '#db'
import { type Clock, raise } from '#kernel'
import { LOAD_LIMITS } from '../load/load-limits.ts'
import type { Release, ReleaseItem } from '../load/release.ts'
import { hierarchyOf } from './hierarchy.ts'
import { type ConceptFacts, columnsOf } from './put-together.ts'
import {
  addConcepts,
  addMembers,
  addSystem,
  clearStage,
  planByIndex,
  publish,
  refreshStatistics,
  removeSystem,
  type StagedColumns,
  type StagedFact,
  stage,
  stagedAfter,
} from './store.ts'

/** Facts that travel in one statement. */
const FACTS_PER_STATEMENT = 5_000
/** Facts read back at once: more than one concept has. */
const FACTS_PER_READ = 20_000

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
 * there. A load that fails leaves nothing, and the older load of the version as it was. What is staged is lost when PostgreSQL ends in
 * the middle: all of a load travels on one session, which is lost with it, and what is put together is counted. Faults: those of reading the release, of the database, `terminology.load.empty`,
 * `terminology.load.too-large`, `terminology.load.concept-too-large`, `terminology.load.incomplete`.
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
  let session: Connection | undefined
  try {
    session = await database.connect()
    const outline = new Outline()
    const { facts, staged } = await stageAll(session, system, release, outline, (count) =>
      onProgress({ facts: count, concepts: 0, conceptsExpected: 0 }),
    )
    const concepts = outline.size
    if (concepts === 0) raise(EMPTY)
    const part = { tx: session, system, outline, isCaseSensitive: head.isCaseSensitive, staged }
    await putTogether(part, (count) => onProgress({ facts, concepts: count, conceptsExpected: concepts }))
    await refreshStatistics(database)
    return { url: head.url, version: head.version, concepts, facts }
  } catch (error) {
    await removeSystem(database, system)
    throw error
  } finally {
    await session?.close()
    await clearStage(database, system)
  }
}

/** All in one transaction. */
async function putTogether(part: Part, onProgress: (concepts: number) => void): Promise<void> {
  const { tx, system, outline, staged } = part
  await tx.query({ text: 'begin' })
  try {
    await planByIndex(tx)
    const read = await storeConcepts(part, onProgress)
    if (read.concepts !== outline.size || read.facts !== staged) raise(INCOMPLETE)
    await publish(tx, system, outline.size)
    await tx.query({ text: 'commit' })
  } catch (error) {
    // What cleans up afterwards must not wait for its locks.
    await tx.query({ text: 'rollback' }).catch(() => tx.close())
    throw error
  }
}

/** What is held of all concepts while the rest of their facts is staged. */
class Outline {
  readonly displays = new Map<string, string | undefined>()
  readonly #ranked = new Map<string, { display: string; rank: number }>()
  readonly #edges: [child: string, parent: string][] = []

  get size(): number {
    return this.displays.size
  }

  take(item: ReleaseItem): void {
    if (item.kind === 'concept') this.#concept(item.code, item.display)
    else if (item.kind === 'designation' && item.displayRank !== undefined)
      this.#named(item.code, item.value, item.displayRank)
    else if (item.kind === 'parent') this.#edges.push([item.code, item.parent])
  }

  #concept(code: string, display: string | undefined): void {
    if (this.displays.size >= LOAD_LIMITS.conceptsMax) raise(TOO_MANY)
    this.displays.set(code, display)
  }

  #named(code: string, display: string, rank: number): void {
    const known = this.#ranked.get(code)
    if (!known || rank < known.rank) this.#ranked.set(code, { display, rank })
  }

  /** The display: the one given, else the best ranked name. */
  displayOf(code: string): string | undefined {
    return this.displays.get(code) ?? this.#ranked.get(code)?.display
  }

  /** Concepts are numbered in the order of their codes. */
  numbered() {
    const codes = [...this.displays.keys()].sort()
    const numbers = new Map(codes.map((code, index) => [code, index + 1]))
    const edges: [number, number][] = []
    for (const [child, parent] of this.#edges) {
      const below = numbers.get(child)
      const above = numbers.get(parent)
      if (below !== undefined && above !== undefined && below !== above) edges.push([below, above])
    }
    return { codes, numbers, hierarchy: hierarchyOf(edges) }
  }
}

/** Facts of the release, and those of them that were staged: who is above whom is held here. */
async function stageAll(
  session: Connection,
  system: number,
  release: Release,
  outline: Outline,
  onProgress: (facts: number) => void,
): Promise<{ facts: number; staged: number }> {
  let columns = emptyColumns()
  let staged = 0
  let facts = 0
  const flush = async (): Promise<void> => {
    if (columns.kinds.length === 0) return
    await stage(session, system, columns)
    staged += columns.kinds.length
    onProgress(staged)
    columns = emptyColumns()
  }
  for await (const items of release.items())
    for (const item of items) {
      facts++
      outline.take(item)
      add(columns, item)
      if (columns.kinds.length >= FACTS_PER_STATEMENT) await flush()
    }
  await flush()
  return { facts, staged }
}

function emptyColumns(): StagedColumns {
  return { kinds: [], codes: [], a: [], b: [], c: [] }
}

/** Kinds of `terminology.staged`, and what its columns hold for each. */
const KINDS = { concept: 1, designation: 2, property: 3, member: 5 } as const

function add(columns: StagedColumns, item: ReleaseItem): void {
  if (item.kind === 'parent') return
  columns.kinds.push(KINDS[item.kind])
  columns.codes.push(item.code)
  const push = (a: string | undefined, b?: string, c?: string): void => {
    columns.a.push(a ?? null)
    columns.b.push(b ?? null)
    columns.c.push(c ?? null)
  }
  switch (item.kind) {
    case 'concept':
      return push(String((item.isInactive ? 1 : 0) + (item.isAbstract ? 2 : 0)), item.definition)
    case 'designation': {
      const { use } = item
      return push(item.value, item.language, use && JSON.stringify([use.system, use.code, use.display]))
    }
    case 'property':
      return push(item.property, item.value)
    case 'member':
      return push(item.set)
  }
}

interface Part {
  tx: Connection
  system: number
  outline: Outline
  isCaseSensitive: boolean
  /** Facts that must be read back. */
  staged: number
}

async function storeConcepts(
  { tx, system, outline, isCaseSensitive }: Part,
  onProgress: (concepts: number) => void,
): Promise<{ concepts: number; facts: number }> {
  const { codes, numbers, hierarchy } = outline.numbered()
  const named = (id: number): [string, string | null] => {
    const code = codes[id - 1] as string
    return [code, outline.displayOf(code) ?? null]
  }
  let stored = 0
  let read = 0
  for (let after = ''; ; ) {
    const facts = await stagedAfter(tx, system, after, FACTS_PER_READ)
    const isLast = facts.length < FACTS_PER_READ
    const whole = isLast ? facts : withoutLastCode(facts)
    const members: { set: string; concept: number }[] = []
    const concepts: ConceptFacts[] = []
    for (const group of byCode(whole)) {
      const id = numbers.get(group[0]?.code ?? '')
      // Facts of what is no concept of the release.
      if (id === undefined) continue
      const code = group[0]?.code as string
      concepts.push({ id, code, display: outline.displayOf(code), facts: group })
      for (const { kind, a } of group) if (kind === KINDS.member && a !== null) members.push({ set: a, concept: id })
    }
    if (concepts.length > 0) await addConcepts(tx, system, columnsOf(concepts, { hierarchy, isCaseSensitive, named }))
    if (members.length > 0) await addMembers(tx, system, members)
    stored += concepts.length
    read += whole.length
    onProgress(stored)
    if (isLast) return { concepts: stored, facts: read }
    after = whole.at(-1)?.code ?? raise(CONCEPT_TOO_LARGE)
  }
}

function withoutLastCode(facts: readonly StagedFact[]): readonly StagedFact[] {
  const last = facts.at(-1)?.code
  const cut = facts.findIndex(({ code }) => code === last)
  return facts.slice(0, cut)
}

function* byCode(facts: readonly StagedFact[]): Generator<readonly StagedFact[]> {
  for (let from = 0; from < facts.length; ) {
    let to = from + 1
    while (facts[to]?.code === facts[from]?.code) to++
    yield facts.slice(from, to)
    from = to
  }
}

const EMPTY = {
  category: 'invalid',
  code: 'terminology.load.empty',
  message: 'The release holds no concepts. Name the folder or archive as its publisher gives it.',
} as const
const INCOMPLETE = {
  category: 'unavailable',
  code: 'terminology.load.incomplete',
  message:
    'Part of the load was lost on its way: the database was restarted or cleared meanwhile. Nothing was changed; load again.',
} as const
const TOO_MANY = {
  category: 'too-large',
  code: 'terminology.load.too-large',
  message: `A code system has at most ${LOAD_LIMITS.conceptsMax} concepts.`,
} as const
const CONCEPT_TOO_LARGE = {
  category: 'too-large',
  code: 'terminology.load.concept-too-large',
  message: `A concept has at most ${FACTS_PER_READ} names, properties and sets.`,
} as const
