import type { Connection } from '#db'
import { raise } from '#kernel'
import type { DesignationUse, Release, ReleaseHead } from './release.ts'
import { stageRelease } from './stage-release.ts'
import { type ConceptRow, conceptRows, inTransaction, orderConcepts } from './store.ts'

/** A concept with all that its release tells of it. */
export interface LoadedConcept {
  /** Place in the release, from 1. */
  ordinal: number
  code: string
  display: string | undefined
  definition: string | undefined
  isInactive: boolean
  isAbstract: boolean
  designations: { value: string; language?: string; use?: DesignationUse }[]
  properties: LoadedProperty[]
  /** Codes of this release alone, each once, never its own. */
  parents: string[]
  /** Sets of the release it belongs to. */
  sets: string[]
}

/** A property of a concept. `isCode`: the value is the code of another concept. */
export interface LoadedProperty {
  code: string
  value: string
  isCode: boolean
}

/** Where loaded concepts go. It writes through the connection of the load, so that all of it is committed at once. */
export interface ConceptSink {
  begin(connection: Connection, head: ReleaseHead, conceptCount: number): Promise<void>
  /** Some concepts, in the order of their ordinals. */
  add(connection: Connection, concepts: readonly LoadedConcept[]): Promise<void>
  /** After the last one: closures, indexes, and what makes the version visible. */
  end(connection: Connection): Promise<void>
}

/** What a load did. */
export interface LoadReport {
  url: string
  version: string
  concepts: number
}

/** Concepts brought together at once: some MB with all their names. */
const CONCEPTS_PER_PAGE = 2_000

/**
 * Load a release: everything or nothing, in one transaction of `connection`, which was opened without pipelining. Memory stays
 * bounded, since facts of one concept from several files meet in temporary tables. `onConcepts` tells how many are written.
 * Faults of the release's reader and of the sink; `terminology.load.empty`.
 */
export async function loadRelease(options: {
  connection: Connection
  release: Release
  sink: ConceptSink
  onConcepts?(done: number, of: number): void
}): Promise<LoadReport> {
  const { connection, release, sink, onConcepts = () => undefined } = options
  const { url, version } = release.head
  return inTransaction(connection, async () => {
    await stageRelease(connection, release)
    const concepts = await orderConcepts(connection)
    if (concepts === 0)
      raise({
        category: 'invalid',
        code: 'terminology.load.empty',
        message: 'There is no concept in the release. Check that its kind is right. Nothing was loaded.',
      })
    await sink.begin(connection, release.head, concepts)
    for (let after = 0; after < concepts; after += CONCEPTS_PER_PAGE) {
      const to = Math.min(concepts, after + CONCEPTS_PER_PAGE)
      await sink.add(connection, (await conceptRows(connection, after, to)).map(conceptOf))
      onConcepts(to, concepts)
    }
    await sink.end(connection)
    return { url, version, concepts }
  })
}

function conceptOf(row: ConceptRow): LoadedConcept {
  const [ordinal, code, display, definition, isInactive, isAbstract, names, properties, parents, sets] = row
  const ranked = (names ?? []).filter(([, , , , , rank]) => rank !== null)
  const best = ranked.toSorted((a, b) => (a[5] ?? 0) - (b[5] ?? 0))[0]
  return {
    ordinal,
    code,
    display: display ?? best?.[0],
    definition: definition ?? undefined,
    isInactive,
    isAbstract,
    designations: (names ?? []).map(([value, language, system, useCode, useDisplay]) => ({
      value,
      ...(language === null ? {} : { language }),
      ...(system === null || useCode === null
        ? {}
        : { use: { system, code: useCode, display: useDisplay ?? useCode } }),
    })),
    properties: (properties ?? []).map(([property, value, isCode]) => ({ code: property, value, isCode })),
    parents: parents ?? [],
    sets: sets ?? [],
  }
}
