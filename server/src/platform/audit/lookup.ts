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
/** Leaves fetched at once, but for one row with more: about 2 MB. */
const LEAVES_PER_FETCH = 10_000
/** Leaves one call decodes, but for the last row: about 0.2 s of the process. Rows of large transactions have thousands. */
const LEAVES_MAX = 50_000
/** Records of one commit differ by less: a request that waited longer was answered busy. */
const COMMIT_SPAN_MS = 120_000

/**
 * Records of a tenant, newest first, and where to go on; `next` is absent when there are no more. Everything durable when it
 * was called is seen: the index catches up first. May return fewer than `limit`, or none, with a `next`, when few records match.
 */
export async function findRecords(
  database: Database,
  query: RecordQuery,
): Promise<{ records: FoundRecord[]; next?: RecordCursor }> {
  await catchUp(database)
  const key =
    query.patient === undefined && query.actor !== undefined ? { actor: query.actor } : { patient: query.patient ?? 0 }
  const records: FoundRecord[] = []
  const where = { tenant: query.tenant, key, from: query.from ?? 0, rows: ENTRIES_PER_PAGE }
  let before = startOf(query)
  let decoded = 0
  for (let seen = 0; seen < ENTRIES_MAX && decoded < LEAVES_MAX; ) {
    const entries = await indexEntries(database, { ...where, before: { ...before, first: before.index } })
    const page = await rowsOf(database, entries.filter(isAhead(before)))
    for (const { entry, row } of page.rows) {
      for (const found of row ? newestFirst(row, entry.at, before) : []) {
        decoded++
        if (!found.record || !matches(found.record, query)) continue
        records.push({ node: found.node, index: found.index, record: found.record })
        if (records.length === query.limit)
          return { records, next: { at: entry.at, node: row?.node ?? 0, index: found.index } }
      }
      before = { at: entry.at, node: entry.node, index: entry.first }
    }
    if (!page.isCut && entries.length < ENTRIES_PER_PAGE) return { records }
    seen += page.rows.length
  }
  return { records, next: before }
}

interface Entry {
  at: number
  node: number
  first: number
}

/** The rows of these entries as far as they were fetched. A row that was archived and removed is undefined. */
async function rowsOf(
  database: Database,
  entries: Entry[],
): Promise<{ rows: { entry: Entry; row: LogRow | undefined }[]; isCut: boolean }> {
  const fetched = await logRowsAt(database, entries, LEAVES_PER_FETCH)
  const rows = entries.map((entry) => ({
    entry,
    row: fetched.find((candidate) => candidate.node === entry.node && candidate.first === entry.first),
  }))
  const leaves = fetched.reduce((sum, row) => sum + row.count, 0)
  if (leaves < LEAVES_PER_FETCH) return { rows, isCut: false }
  const held = rows.findLastIndex(({ row }) => row !== undefined) + 1
  return { rows: rows.slice(0, held), isCut: held < rows.length }
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

/** Whether anything of an entry's row is left behind `before`: of one whose first leaf was looked at nothing is. */
function isAhead(before: RecordCursor): (entry: Entry) => boolean {
  return ({ at, node, first }) => at !== before.at || node !== before.node || first < before.index
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

/** The row's records behind `before`, decoded as they are asked for; an altered one is undefined. */
function* newestFirst(
  row: LogRow,
  at: number,
  before: RecordCursor,
): Generator<{ node: number; index: number; record: AuditRecord | undefined }> {
  const until = at === before.at && row.node === before.node ? before.index : Number.MAX_SAFE_INTEGER
  for (let offset = row.leaves.length - 1; offset >= 0; offset--) {
    const index = row.first + offset
    if (index < until) yield { node: row.node, index, record: readable(row.leaves[offset] as Buffer) }
  }
}

function readable(leaf: Buffer): AuditRecord | undefined {
  try {
    return decodeRecord(leaf)
  } catch {
    return undefined
  }
}
