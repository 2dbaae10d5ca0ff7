import type { Database } from '#db'
import { type Clock, errorFields, FaultError, type Log } from '#kernel'
import { ROWS_PER_PAGE } from './log-tree.ts'
import { type AuditRecord, decodeRecord } from './record.ts'
import {
  type IndexEntry,
  indexPositions,
  insertIndex,
  type LogRow,
  lockIndex,
  logHeads,
  logRows,
  moveIndex,
} from './store.ts'

/** Keeps the look-up tables of the audit up to date. */
export interface Indexer {
  close(): Promise<void>
}

/** How often the indexer looks for new records. Nothing waits for it: look-ups catch up by themselves. */
const LOOK_MS = 5_000
/** While more than this arrives between two looks the server is busy with patients' data: indexing waits ... */
const BUSY_LEAVES = 5_000
/** ... but never falls further behind than a look-up can catch up in some seconds. */
const BACKLOG_LEAVES_MAX = 100_000

/** Start indexing in the background. Several processes may: one works at a time, and entries made twice are one. */
export function startIndexer(options: { database: Database; clock: Clock; log: Log }): Indexer {
  let backlogBefore = 0
  let closed = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  const look = async (): Promise<void> => {
    const backlog = await backlogOf(options.database)
    const isBusy = backlog - backlogBefore > BUSY_LEAVES && backlog < BACKLOG_LEAVES_MAX
    if (!isBusy) await catchUp(options.database)
    backlogBefore = isBusy ? backlog : 0
  }
  const again = (): void => {
    if (closed) return
    timer = setTimeout(() => {
      running = look()
        .catch((error: unknown) => {
          const unavailable = error instanceof FaultError && error.fault.category === 'unavailable'
          if (!unavailable) options.log.error('audit index failed', errorFields(error))
        })
        .then(again)
    }, LOOK_MS).unref()
  }
  again()
  return {
    close: async () => {
      closed = true
      clearTimeout(timer)
      await running
    },
  }
}

/** Index every record that was durable when this was called. One page of a log per transaction. */
export async function catchUp(database: Database): Promise<void> {
  const positions = await indexPositions(database)
  for (const head of await logHeads(database)) {
    let next = Math.max(positions.get(head.node) ?? 0, head.oldest)
    while (next < head.size) next = await indexPage(database, head.node)
  }
}

/** Returns the leaf behind what is indexed now. */
async function indexPage(database: Database, node: number): Promise<number> {
  return database.transaction(async (tx) => {
    await lockIndex(tx)
    // Looked up again behind the lock: another process may have worked meanwhile.
    const from = (await indexPositions(tx)).get(node) ?? 0
    const rows = await logRows(tx, { node, from, rows: ROWS_PER_PAGE })
    const last = rows.at(-1)
    if (!last) return Number.MAX_SAFE_INTEGER
    await insertIndex(tx, {
      patients: rows.flatMap((row) => entriesBy(row, (record) => new Set([0, ...record.patients]), 'patient')),
      actors: rows.flatMap((row) => entriesBy(row, (record) => [record.actor], 'actor')),
    })
    await moveIndex(tx, node, last.first + last.leaves.length)
    return last.first + last.leaves.length
  })
}

/** One entry per tenant and key of a row, however many of its records share the key. */
function entriesBy<Key extends string | number, Name extends string>(
  row: LogRow,
  keysOf: (record: AuditRecord) => Iterable<Key>,
  name: Name,
): (IndexEntry & Record<Name, Key>)[] {
  const entries = new Map<string, IndexEntry & Record<Name, Key>>()
  for (const record of recordsOf(row))
    for (const key of keysOf(record)) {
      const place = `${record.tenant} ${key}`
      const at = Math.max(record.at, entries.get(place)?.at ?? 0)
      const entry: IndexEntry = { tenant: record.tenant, at, node: row.node, first: row.first }
      entries.set(place, { ...entry, [name]: key } as IndexEntry & Record<Name, Key>)
    }
  return [...entries.values()]
}

/** An altered leaf is left out here, so that it hides nothing else; to name it is verification's work. */
function recordsOf(row: LogRow): AuditRecord[] {
  return row.leaves.flatMap((leaf) => {
    try {
      return [decodeRecord(leaf)]
    } catch {
      return []
    }
  })
}

async function backlogOf(database: Database): Promise<number> {
  const positions = await indexPositions(database)
  let leaves = 0
  for (const head of await logHeads(database)) leaves += head.size - (positions.get(head.node) ?? head.oldest)
  return leaves
}
