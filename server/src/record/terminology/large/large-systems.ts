import { setImmediate } from 'node:timers/promises'
import type { Database } from '#db'
import { errorFields, type Log } from '#kernel'
import type { Shelf } from '../engine/library.ts'
import { TERMINOLOGY_LIMITS } from '../limits.ts'
import { ChosenSets } from './chosen-sets.ts'
import { joinedLookups } from './joined-lookups.ts'
import { LargeProvider, type LargeShared } from './large-provider.ts'
import { type ConceptRow, conceptsByCode, namesAfter, readState, readSystems, type SystemRow } from './store.ts'
import { type TextIndex, TextIndexBuilder } from './text-index.ts'

/** How often a change of the loaded systems is looked for: one query of 30 us. */
const LOOK_MS = 2_000
/** Concepts whose names are read at once for a text index. */
const NAMES_PER_QUERY = 5_000

/** The code systems in the database, as this process knows them. */
export interface LargeSystems {
  shelf: Shelf
  has(url: string): boolean
  list(): readonly SystemRow[]
  /** Look at the database now, rather than within two seconds. */
  refresh(): Promise<void>
  close(): void
}

/** Follow the loaded code systems. Faults of the database. */
export async function openLargeSystems({ database, log }: { database: Database; log: Log }): Promise<LargeSystems> {
  let revision = -1
  let systems: LargeShared[] = []
  const sets = new ChosenSets()
  const find = joinedLookups<{ system: number; code: string }, ConceptRow>(
    (keys) => conceptsByCode(database, keys),
    ({ system, code }) => `${system} ${code}`,
    TERMINOLOGY_LIMITS.cachedConceptsMax,
  )
  const refresh = async (): Promise<void> => {
    const current = await readState(database)
    if (current === revision) return
    const rows = await readSystems(database)
    const known = new Map(systems.map((one) => [one.row.id, one]))
    systems = rows.map(
      (row) => known.get(row.id) ?? shared(database, row, sets, (code) => find({ system: row.id, code })),
    )
    revision = current
  }
  await refresh()
  const timer = setInterval(() => {
    // A database that cannot be reached is already reported; what is known stays good.
    refresh().catch((error: unknown) => log.warn('loaded code systems not looked at', errorFields(error)))
  }, LOOK_MS).unref()
  return {
    shelf: {
      resources: () => [],
      systems: (url) =>
        systems
          .filter(({ row }) => row.url === url)
          .map((one) => ({
            version: one.row.version,
            content: 'complete',
            open: (supplements) => new LargeProvider(one, supplements),
          })),
    },
    has: (url) => systems.some(({ row }) => row.url === url),
    list: () => systems.map(({ row }) => row),
    refresh,
    close: () => clearInterval(timer),
  }
}

function shared(database: Database, row: SystemRow, sets: ChosenSets, find: LargeShared['find']): LargeShared {
  let index: Promise<TextIndex> | undefined
  return {
    database,
    row,
    find,
    text() {
      index ??= buildIndex(database, row.id).catch((error: unknown) => {
        index = undefined
        throw error
      })
      return index
    },
    chosen: (key, fetch) => sets.of(`${row.id} ${key}`, fetch),
  }
}

/** Read all names, a part at a time: a second for 350,000 concepts, in which other requests go on. */
async function buildIndex(database: Database, system: number): Promise<TextIndex> {
  const builder = new TextIndexBuilder()
  for (let after = 0; ; ) {
    const rows = await namesAfter(database, system, after, NAMES_PER_QUERY)
    for (const { id, code, display, names } of rows) {
      builder.add(id, code)
      if (display !== null) builder.add(id, display)
      for (const [name] of names) if (name !== display) builder.add(id, name)
    }
    const last = rows.at(-1)
    if (!last || rows.length < NAMES_PER_QUERY) return builder.build()
    after = last.id
    await setImmediate()
  }
}
