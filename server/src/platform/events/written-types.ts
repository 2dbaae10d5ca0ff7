import type { Database } from '#db'
import { readOutbox } from './reader.ts'
import { outboxEnds } from './store.ts'

/** Entries read to learn what was written since the last look; after more, everything counts as changed. */
const ENTRIES_MAX = 2_000

/** Tells whether resources of some types were written since an earlier look, by whatever process. */
export interface WrittenTypes {
  /**
   * Equal for two looks between which nothing of these types was committed in the tenant. One query of some 40 us, shared by
   * those who ask while it is under way; what is committed when it is asked is seen. Faults of the database.
   */
  stamp(tenant: number, types: readonly number[]): Promise<string>
}

/** Follows the outbox of a database from the first look on. */
export function writtenTypes(database: Pick<Database, 'query'>): WrittenTypes {
  let cursor: ReadonlyMap<number, number> | undefined
  let epoch = 0
  const written = new Map<string, number>()
  const look = async (): Promise<void> => {
    const ends = await outboxEnds(database)
    const behind = cursor ? distance(cursor, ends) : Number.POSITIVE_INFINITY
    if (behind === 0) return
    if (cursor === undefined || behind > ENTRIES_MAX) {
      epoch++
      written.clear()
      cursor = ends
      return
    }
    const { entries, next } = await readOutbox(database, cursor, ENTRIES_MAX)
    for (const { tenant, type } of entries) {
      const key = `${tenant} ${type}`
      written.set(key, (written.get(key) ?? 0) + 1)
    }
    // What could not be read, of a node that is new or of an action that is not known here, counts as everything.
    if (distance(next, ends) > 0) {
      epoch++
      cursor = ends
    } else cursor = next
  }
  let running: Promise<void> | undefined
  let waiting: Promise<void> | undefined
  const looked = (): Promise<void> => {
    // A look under way may have asked before the caller's own write: the next one has not.
    if (!running) return start()
    waiting ??= running.then(start, start)
    return waiting
  }
  const start = (): Promise<void> => {
    waiting = undefined
    running = look().finally(() => {
      running = undefined
    })
    return running
  }
  return {
    async stamp(tenant, types) {
      await looked()
      return `${epoch} ${types.map((type) => written.get(`${tenant} ${type}`) ?? 0).join(' ')}`
    },
  }
}

/** Entries between two places. */
function distance(from: ReadonlyMap<number, number>, to: ReadonlyMap<number, number>): number {
  let entries = 0
  for (const [node, end] of to) entries += Math.max(0, end - (from.get(node) ?? 0))
  return entries
}
