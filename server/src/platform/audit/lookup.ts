import type { Database } from '#db'
import { catchUp } from './indexer.ts'
import { type AuditAction, type AuditRecord, decodeRecord } from './record.ts'
import { indexEntries, type LogRow, logRowsAt, rowOfLeaf } from './store.ts'

/** A record and its place: leaf `index` of log `node`. */
export interface FoundRecord {
  node: number
  index: number
  record: AuditRecord
}

/** Where a page of records ends; the next one begins behind it. */
export interface RecordCursor {
  at: number
  node: number
  index: number
}

/** Which records to find; all conditions must hold. */
export interface RecordQuery {
  tenant: number
  /** Rid of a patient whose data was disclosed or changed. */
  patient?: number
  actor?: string
  action?: AuditAction
  /** Bounds of the record's own time, ms since 1970, both inclusive. */
  from?: number
  to?: number
  /** Any further condition. */
  matches?(record: AuditRecord): boolean
  limit: number
  before?: RecordCursor
}

/** Index entries read at once. */
const ENTRIES_PER_PAGE = 200
/** Index entries one call goes through; a rare condition over a long log goes on behind `next`. */
const ENTRIES_MAX = 20_000
/** Records of one commit differ by less: a request that waited longer was answered busy. */
const COMMIT_SPAN_MS = 120_000

/**
 * Records of a tenant, newest first, and where to go on; `next` is absent when there are no more. Everything durable when it
 * was called is seen: the index catches up first. May return fewer than `limit` with a `next`, when few records match.
 */
export async function findRecords(
  database: Database,
  query: RecordQuery,
): Promise<{ records: FoundRecord[]; next?: RecordCursor }> {
  await catchUp(database)
  const key =
    query.patient === undefined && query.actor !== undefined ? { actor: query.actor } : { patient: query.patient ?? 0 }
  const records: FoundRecord[] = []
  let before = startOf(query)
  for (let seen = 0; seen < ENTRIES_MAX; seen += ENTRIES_PER_PAGE) {
    const where = { tenant: query.tenant, key, from: query.from ?? 0, rows: ENTRIES_PER_PAGE }
    const entries = await indexEntries(database, { ...where, before: { ...before, first: before.index } })
    const rows = await logRowsAt(database, entries)
    for (const entry of entries) {
      const row = rows.find((candidate) => candidate.node === entry.node && candidate.first === entry.first)
      for (const found of row ? newestFirst(row) : []) {
        if (isBefore({ at: entry.at, node: found.node, index: found.index }, before) && matches(found.record, query)) {
          const next = { at: entry.at, node: found.node, index: found.index }
          records.push(found)
          if (records.length === query.limit) return { records, next }
        }
      }
      before = { at: entry.at, node: entry.node, index: entry.first }
    }
    if (entries.length < ENTRIES_PER_PAGE) return { records }
  }
  return { records, next: before }
}

/** The record at a place, if it is of that tenant; undefined otherwise. */
export async function findRecord(
  database: Database,
  place: { tenant: number; node: number; index: number },
): Promise<FoundRecord | undefined> {
  const row = await rowOfLeaf(database, place.node, place.index)
  const leaf = row?.leaves[place.index - row.first]
  const record = leaf && decodeRecord(leaf)
  return record?.tenant === place.tenant ? { node: place.node, index: place.index, record } : undefined
}

function startOf(query: RecordQuery): RecordCursor {
  if (query.before) return query.before
  const at = query.to === undefined ? Number.MAX_SAFE_INTEGER : query.to + COMMIT_SPAN_MS
  return { at, node: 32_767, index: Number.MAX_SAFE_INTEGER }
}

/** Below `limit` in the order of pages: by time of the entry, then log, then leaf. */
function isBefore(place: RecordCursor, limit: RecordCursor): boolean {
  if (place.at !== limit.at) return place.at < limit.at
  return place.node !== limit.node ? place.node < limit.node : place.index < limit.index
}

function matches(record: AuditRecord, query: RecordQuery): boolean {
  return (
    record.tenant === query.tenant &&
    (query.patient === undefined || record.patients.includes(query.patient)) &&
    (query.actor === undefined || record.actor === query.actor) &&
    (query.action === undefined || record.action === query.action) &&
    record.at >= (query.from ?? 0) &&
    record.at <= (query.to ?? Number.MAX_SAFE_INTEGER) &&
    query.matches?.(record) !== false
  )
}

function newestFirst(row: LogRow): FoundRecord[] {
  const found: FoundRecord[] = []
  for (const [offset, leaf] of row.leaves.entries()) {
    const record = readable(leaf)
    if (record) found.push({ node: row.node, index: row.first + offset, record })
  }
  return found.reverse()
}

function readable(leaf: Buffer): AuditRecord | undefined {
  try {
    return decodeRecord(leaf)
  } catch {
    return undefined
  }
}
