import type { Connection, Database, Row } from '#db'
import { type OutboxEntry, outboxAction } from './outbox.ts'
import { loadPositions, lockCursor, outboxNodes, outboxRows, type Queryable, savePositions } from './store.ts'

/** How far a reader has come: per node the number of the next entry. A node not named is read from its oldest entry. */
export type Cursor = ReadonlyMap<number, number>

/** An entry with its place. `node` and `number` together name it for good: a handler that runs twice can tell. */
export interface NumberedEntry extends OutboxEntry {
  node: number
  number: number
  /** When it was committed, ms since 1970. */
  at: number
}

/** Outbox rows fetched at once per node: with 256 writes to a commit at most 25,600 entries, some MB. */
const ROWS_PER_NODE = 100

/**
 * The next entries after `cursor`, at most `limit`, and the cursor behind them. Entries of one node come in commit order
 * and without gaps: reading stops before a missing number. Between nodes no order is promised.
 * Entries of an action this version does not know stop the node, too: an older process must not skip them.
 */
export async function readOutbox(
  database: Queryable,
  cursor: Cursor,
  limit: number,
): Promise<{ entries: NumberedEntry[]; next: Cursor }> {
  const entries: NumberedEntry[] = []
  const next = new Map(cursor)
  const nodes = await outboxNodes(database)
  // An equal share each: a busy node must not keep the others waiting.
  const share = Math.max(1, Math.floor(limit / nodes.length))
  for (const { node, oldest } of nodes) {
    const enough = Math.min(limit, entries.length + share)
    let expected = cursor.get(node) ?? oldest
    const rows = await outboxRows(database, { node, next: expected, rows: Math.min(ROWS_PER_NODE, share + 1) })
    for (const entry of rows.flatMap(entriesOf)) {
      if (entries.length >= enough) break
      if (entry.number < expected) continue
      if (entry.number > expected || entry.action === undefined) break
      entries.push({ ...entry, action: entry.action })
      expected++
    }
    next.set(node, expected)
  }
  return { entries, next }
}

/** The durable cursor of that name; empty when it has never been saved. */
export async function loadCursor(database: Queryable, name: string): Promise<Cursor> {
  return loadPositions(database, name)
}

/** Make `cursor` durable under `name`. Positions never go back: saving an older cursor changes nothing. */
export async function saveCursor(database: Queryable, name: string, cursor: Cursor): Promise<void> {
  await savePositions(database, name, cursor)
}

/**
 * Hand the next entries of the cursor `name` to `handle` and move the cursor, in one transaction: what `handle` writes
 * through `tx` happens exactly once. Anything it does elsewhere may happen twice, after a crash before the commit.
 * One reader per name runs at a time, over all processes. Resolves with the number of entries handled; 0: none left.
 */
export async function consumeOutbox(options: {
  database: Database
  name: string
  limit: number
  handle(entries: NumberedEntry[], tx: Connection): Promise<void>
}): Promise<number> {
  return options.database.transaction(async (tx) => {
    await lockCursor(tx, options.name)
    const { entries, next } = await readOutbox(tx, await loadCursor(tx, options.name), options.limit)
    if (entries.length === 0) return 0
    await options.handle(entries, tx)
    await saveCursor(tx, options.name, next)
    return entries.length
  })
}

type ReadEntry = Omit<NumberedEntry, 'action'> & { action: OutboxEntry['action'] | undefined }

function entriesOf(row: Row): ReadEntry[] {
  const [node, first, count, at] = row.slice(0, 4).map(Number) as [number, number, number, number]
  const [tenants, actions, types, rids, versions, patients] = row.slice(4) as (number | string)[][]
  return Array.from({ length: count }, (_, index) => ({
    node,
    number: first + index,
    at,
    tenant: Number(tenants?.[index]),
    action: outboxAction(Number(actions?.[index])),
    type: Number(types?.[index]),
    rid: Number(rids?.[index]),
    version: Number(versions?.[index]),
    patient: Number(patients?.[index]),
  }))
}
