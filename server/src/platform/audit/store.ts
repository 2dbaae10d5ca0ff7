import {
  byteaArray,
  type Connection,
  type Database,
  int2Array,
  int4Array,
  int8Array,
  type Part,
  placeholders,
  type Row,
  type Statement,
  textArray,
} from '#db'
import { raise } from '#kernel'

/** Anything that runs a statement: the shared connections, or one transaction. */
export type Queryable = Pick<Database | Connection, 'query'>

/** One row of a log: the leaves of one commit and the root of the tree behind them. */
export interface LogRow {
  node: number
  /** Index of the first leaf. */
  first: number
  /** Number of leaves the row says it has. */
  count: number
  at: number
  root: Buffer
  leaves: Buffer[]
}

/** A log's size and root. */
export interface Head {
  node: number
  size: number
  root: Buffer
}

/** A signed checkpoint as it is stored and anchored. */
export interface StoredCheckpoint {
  number: number
  at: number
  body: string
  signature: Buffer
}

/** Logs that can be written at once: processes, not machines. Far above the connections a PostgreSQL takes. */
const NODES_MAX = 1_000
/** 'audi' in ASCII: our corner of the two-number advisory lock space. */
const NODE_LOCK_SPACE = 1_635_083_369
/** Above all nodes. */
const CHECKPOINT_LOCK = 1_000_001
const INDEX_LOCK = 1_000_002
const ARCHIVE_LOCK = 1_000_003

const LOG_COLUMNS = ['smallint', 'bigint', 'int', 'bigint', 'bytea', 'bytea[]'] as const

// The recursion stops at the first lock it gets: a plain filter might be evaluated, and so lock, beyond the first match.
const CLAIM_NODE: Statement = {
  text: `with recursive tried(node, got) as (
      select 0, pg_try_advisory_lock($1::int, 0)
      union all
      select node + 1, pg_try_advisory_lock($1::int, node + 1) from tried where not got and node + 1 < $2::int
    )
    select node from tried where got`,
}

/**
 * Take the lowest log number nobody writes, for as long as `connection` lives: a session lock, so that a dead process
 * gives its number back once PostgreSQL has ended its last statement. Faults: `audit.log.none-free`.
 */
export async function claimNode(connection: Connection): Promise<number> {
  const [row] = await connection.query(CLAIM_NODE, [NODE_LOCK_SPACE, NODES_MAX])
  return row
    ? Number(row[0])
    : raise({
        category: 'unavailable',
        code: 'audit.log.none-free',
        message: `${NODES_MAX} processes already write audit logs in this database. Stop some of them.`,
      })
}

const TAKE_LOCKS: Statement = {
  name: 'audit-take-locks',
  text: 'select pg_advisory_xact_lock(k) from unnest($1::bigint[]) k',
}

/** Take transaction locks in the order given; callers sort them, so that two processes never wait for each other. */
export async function takeLocks(connection: Connection, locks: readonly bigint[]): Promise<void> {
  await connection.query(TAKE_LOCKS, [int8Array(locks)])
}

const LIMIT_STATEMENTS: Statement = {
  name: 'audit-limit-statements',
  text: `select set_config('statement_timeout', $1, true)`,
}
const UNLIMIT_STATEMENTS: Statement = { text: 'set local statement_timeout to default' }

/** Longest time of each statement in the rest of the transaction, in ms; without it the session's own limit again. */
export async function limitStatements(connection: Connection, ms?: number): Promise<void> {
  if (ms === undefined) await connection.query(UNLIMIT_STATEMENTS)
  else await connection.query(LIMIT_STATEMENTS, [String(ms)])
}

const CANCEL: Statement = { text: 'select pg_cancel_backend($1::int)' }

/** End the statement that runs on `connection` in an error; nothing happens when none does. */
export async function cancelStatement(database: Queryable, connection: Connection): Promise<void> {
  const { processID } = connection.raw as unknown as { processID: number }
  await database.query(CANCEL, [processID])
}

const NODE_FREE: Statement = {
  name: 'audit-node-free',
  text: `select not exists (select from pg_locks where locktype = 'advisory' and granted
    and database = (select oid from pg_database where datname = current_database())
    and classid = $1::int::oid and objid = $2::int::oid and objsubid = 2)`,
}

/** Whether no session writes log `node` any more. */
export async function isNodeFree(database: Queryable, node: number): Promise<boolean> {
  const [row] = await database.query(NODE_FREE, [NODE_LOCK_SPACE, node])
  return row?.[0] === true
}

/** The part of a commit that adds one row to a log. */
export function logPart(row: { node: number; first: number; at: number; root: Buffer; leaves: Buffer[] }): Part {
  return {
    name: 'audit_log',
    text: (start) =>
      `insert into audit.log (node, first, n, at, root, leaves) values (${placeholders(start, LOG_COLUMNS)})`,
    values: [row.node, row.first, row.leaves.length, row.at, row.root, byteaArray(row.leaves)],
  }
}

const ROW_EXISTS: Statement = {
  name: 'audit-row-exists',
  text: 'select root = $3::bytea from audit.log where node = $1::smallint and first = $2::bigint',
}

/** Whether the log holds exactly that row: after a connection was lost under its commit. */
export async function logRowExists(
  database: Queryable,
  row: { node: number; first: number; root: Buffer },
): Promise<boolean> {
  const [found] = await database.query(ROW_EXISTS, [row.node, row.first, row.root])
  return found?.[0] === true
}

const ROWS: Statement = {
  name: 'audit-rows',
  text: `select node, first, n, at, root, leaves from audit.log
    where node = $1::smallint and first >= $2::bigint and first < $3::bigint order by first limit $4::int`,
}

/** Rows of one log that begin in `[from, until)`, in order, at most `rows`. */
export async function logRows(
  database: Queryable,
  where: { node: number; from: number; until?: number; rows: number },
): Promise<LogRow[]> {
  const until = where.until ?? Number.MAX_SAFE_INTEGER
  return (await database.query(ROWS, [where.node, where.from, until, where.rows])).map(logRow)
}

const ROW_OF_LEAF: Statement = {
  name: 'audit-row-of-leaf',
  text: `select node, first, n, at, root, leaves from audit.log
    where node = $1::smallint and first <= $2::bigint order by first desc limit 1`,
}

/** The row that holds leaf `index`; undefined when there is none. */
export async function rowOfLeaf(database: Queryable, node: number, index: number): Promise<LogRow | undefined> {
  const [found] = await database.query(ROW_OF_LEAF, [node, index])
  const row = found && logRow(found)
  return row && index < row.first + row.leaves.length ? row : undefined
}

const ROWS_AT: Statement = {
  name: 'audit-rows-at',
  text: `select node, first, n, at, root, leaves from (
      select l.node, l.first, l.n, l.at, l.root, l.leaves, place.position,
        sum(l.n) over (order by place.position) - l.n as before
      from unnest($1::smallint[], $2::bigint[]) with ordinality as place(node, first, position)
      join audit.log l on l.node = place.node and l.first = place.first
    ) found where before < $3::bigint order by position`,
}

/** The rows that begin at these places, in that order; none that follows `leaves` leaves, so that one row may go beyond. */
export async function logRowsAt(
  database: Queryable,
  places: readonly { node: number; first: number }[],
  leaves: number,
): Promise<LogRow[]> {
  const nodes = int2Array(places.map((place) => place.node))
  return (await database.query(ROWS_AT, [nodes, int8Array(places.map((place) => place.first)), leaves])).map(logRow)
}

const HEADS: Statement = {
  name: 'audit-heads',
  text: `with recursive nodes(node) as (
      select min(node) from audit.log
      union all
      select (select min(l.node) from audit.log l where l.node > nodes.node) from nodes where nodes.node is not null
    )
    select nodes.node, head.first + head.n, head.root, (select min(first) from audit.log l where l.node = nodes.node)
    from nodes cross join lateral (
      select first, n, root from audit.log l where l.node = nodes.node order by first desc limit 1
    ) head where nodes.node is not null order by nodes.node`,
}

/** Size and root of every log, read in one snapshot (an index skip scan), and the first leaf still in the table. */
export async function logHeads(database: Queryable): Promise<(Head & { oldest: number })[]> {
  return (await database.query(HEADS)).map(([node, size, root, oldest]) => ({
    node: Number(node),
    size: Number(size),
    root: root as Buffer,
    oldest: Number(oldest),
  }))
}

function logRow([node, first, count, at, root, leaves]: Row): LogRow {
  return {
    node: Number(node),
    first: Number(first),
    count: Number(count),
    at: Number(at),
    root: root as Buffer,
    leaves: (leaves as (Buffer | null)[]).map((leaf) => leaf ?? Buffer.alloc(0)),
  }
}

const TRY_LEAD: Statement = { name: 'audit-lead', text: 'select pg_try_advisory_lock($1::int, $2::int)' }

/** Become the one process that signs checkpoints, for as long as `connection` lives. */
export async function tryLead(connection: Connection): Promise<boolean> {
  const [row] = await connection.query(TRY_LEAD, [NODE_LOCK_SPACE, CHECKPOINT_LOCK])
  return row?.[0] === true
}

/** Become the one process that archives, for as long as `connection` lives. */
export async function tryArchive(connection: Connection): Promise<boolean> {
  const [row] = await connection.query(TRY_LEAD, [NODE_LOCK_SPACE, ARCHIVE_LOCK])
  return row?.[0] === true
}

const NEWEST_CHECKPOINT: Statement = {
  name: 'audit-newest-checkpoint',
  text: 'select id, at, body, signature from audit.checkpoint order by id desc limit 1',
}
const CHECKPOINTS: Statement = {
  name: 'audit-checkpoints',
  text: 'select id, at, body, signature from audit.checkpoint where id >= $1::bigint order by id limit $2::int',
}
const INSERT_CHECKPOINT: Statement = {
  name: 'audit-insert-checkpoint',
  text: 'insert into audit.checkpoint (id, at, body, signature) values ($1::bigint, $2::bigint, $3, $4::bytea)',
}

export async function newestCheckpoint(database: Queryable): Promise<StoredCheckpoint | undefined> {
  const [row] = await database.query(NEWEST_CHECKPOINT)
  return row && checkpointRow(row)
}

/** Checkpoints from `number` on, in order, at most `rows`. */
export async function checkpoints(database: Queryable, number: number, rows: number): Promise<StoredCheckpoint[]> {
  return (await database.query(CHECKPOINTS, [number, rows])).map(checkpointRow)
}

export async function insertCheckpoint(database: Queryable, checkpoint: StoredCheckpoint): Promise<void> {
  const { number, at, body, signature } = checkpoint
  await database.query(INSERT_CHECKPOINT, [number, at, body, signature])
}

function checkpointRow([number, at, body, signature]: Row): StoredCheckpoint {
  return { number: Number(number), at: Number(at), body: String(body), signature: signature as Buffer }
}

/** An edge of a log's tree as stored beside a checkpoint. */
export interface StoredFrontier {
  node: number
  size: number
  checkpoint: number
  bytes: Buffer
}

const INSERT_FRONTIER: Statement = {
  name: 'audit-insert-frontier',
  text: `insert into audit.frontier (node, size, checkpoint, frontier)
    values ($1::smallint, $2::bigint, $3::bigint, $4::bytea) on conflict do nothing`,
}
// Of the frontiers before this one, the last is only worth keeping when it is a spacing away from the one before it.
const THIN_FRONTIERS: Statement = {
  name: 'audit-thin-frontiers',
  text: `delete from audit.frontier old using (
      select size, lead(size) over (order by size desc) as earlier from audit.frontier
      where node = $1::smallint and size < $2::bigint order by size desc limit 1
    ) last
    where old.node = $1::smallint and old.size = last.size and last.size - coalesce(last.earlier, 0) < $3::bigint
      and not exists (select from audit.segment s where s.node = $1::smallint and s.next = old.size)`,
}
const FRONTIER_BEFORE: Statement = {
  name: 'audit-frontier-before',
  text: `select node, size, checkpoint, frontier from audit.frontier
    where node = $1::smallint and size <= $2::bigint order by size desc limit 1`,
}

/**
 * Store an edge and drop the one before it unless it is `spacing` leaves away from its predecessor, or the end of an
 * archived segment: trees and proofs of what follows start there once the rows are removed.
 */
export async function insertFrontier(database: Queryable, frontier: StoredFrontier, spacing: number): Promise<void> {
  const { node, size, checkpoint, bytes } = frontier
  await database.query(INSERT_FRONTIER, [node, size, checkpoint, bytes])
  await database.query(THIN_FRONTIERS, [node, size, spacing])
}

/** The stored edge with the most leaves, but no more than `size`. */
export async function frontierBefore(
  database: Queryable,
  node: number,
  size: number,
): Promise<StoredFrontier | undefined> {
  const [row] = await database.query(FRONTIER_BEFORE, [node, size])
  return row && { node: Number(row[0]), size: Number(row[1]), checkpoint: Number(row[2]), bytes: row[3] as Buffer }
}

const CHECKPOINT_BEFORE: Statement = {
  name: 'audit-checkpoint-before',
  text: 'select id, at, body, signature from audit.checkpoint where at < $1::bigint order by at desc, id desc limit 1',
}

/** The newest checkpoint signed before that moment (ms since 1970). */
export async function checkpointBefore(database: Queryable, at: number): Promise<StoredCheckpoint | undefined> {
  const [row] = await database.query(CHECKPOINT_BEFORE, [at])
  return row && checkpointRow(row)
}

/** An archived segment as the database knows it. */
export interface StoredSegment {
  node: number
  first: number
  next: number
  root: Buffer
  checkpoint: number
  file: string
  digest: Buffer
  at: number
}

const LAST_SEGMENT: Statement = {
  name: 'audit-last-segment',
  text: `select node, first, next, root, checkpoint, file, digest, at from audit.segment
    where node = $1::smallint order by first desc limit 1`,
}
const SEGMENT: Statement = {
  name: 'audit-segment',
  text: `select node, first, next, root, checkpoint, file, digest, at from audit.segment
    where node = $1::smallint and first = $2::bigint`,
}
const INSERT_SEGMENT: Statement = {
  name: 'audit-insert-segment',
  text: `insert into audit.segment (node, first, next, root, checkpoint, file, digest, at)
    values ($1::smallint, $2::bigint, $3::bigint, $4::bytea, $5::bigint, $6, $7::bytea, $8::bigint)`,
}
const REMOVE_ARCHIVED: Statement = { text: 'select audit.remove_archived($1::smallint, $2::bigint)' }

export async function lastSegment(database: Queryable, node: number): Promise<StoredSegment | undefined> {
  const [row] = await database.query(LAST_SEGMENT, [node])
  return row && segmentRow(row)
}

export async function segmentAt(database: Queryable, node: number, first: number): Promise<StoredSegment | undefined> {
  const [row] = await database.query(SEGMENT, [node, first])
  return row && segmentRow(row)
}

export async function insertSegment(database: Queryable, segment: StoredSegment): Promise<void> {
  const { node, first, next, root, checkpoint, file, digest, at } = segment
  await database.query(INSERT_SEGMENT, [node, first, next, root, checkpoint, file, digest, at])
}

/** Owner only: remove the rows of the archived segment that begins at `first`. Returns how many rows. */
export async function removeSegmentRows(owner: Queryable, node: number, first: number): Promise<number> {
  const [row] = await owner.query(REMOVE_ARCHIVED, [node, first])
  return Number(row?.[0])
}

function segmentRow([node, first, next, root, checkpoint, file, digest, at]: Row): StoredSegment {
  return {
    node: Number(node),
    first: Number(first),
    next: Number(next),
    root: root as Buffer,
    checkpoint: Number(checkpoint),
    file: String(file),
    digest: digest as Buffer,
    at: Number(at),
  }
}

/** A row of a log that holds records of one patient or actor; `at`: the newest of them. */
export interface IndexEntry {
  tenant: number
  at: number
  node: number
  first: number
}

const INDEX_POSITIONS: Statement = { name: 'audit-index-positions', text: 'select node, next from audit.index_cursor' }
const LOCK_INDEX: Statement = { name: 'audit-index-lock', text: 'select pg_advisory_xact_lock($1::int, $2::int)' }
const MOVE_INDEX: Statement = {
  name: 'audit-index-move',
  text: `insert into audit.index_cursor (node, next) values ($1::smallint, $2::bigint)
    on conflict (node) do update set next = greatest(audit.index_cursor.next, excluded.next)`,
}
const INDEX_PATIENTS: Statement = {
  name: 'audit-index-patients',
  text: `insert into audit.patient_index (tenant, at, node, first, patient)
    select * from unnest($1::int[], $2::bigint[], $3::smallint[], $4::bigint[], $5::bigint[]) on conflict do nothing`,
}
const INDEX_ACTORS: Statement = {
  name: 'audit-index-actors',
  text: `insert into audit.actor_index (tenant, at, node, first, actor)
    select * from unnest($1::int[], $2::bigint[], $3::smallint[], $4::bigint[], $5::text[]) on conflict do nothing`,
}
const BY_PATIENT: Statement = {
  name: 'audit-by-patient',
  text: `select at, node, first from audit.patient_index
    where tenant = $1::int and patient = $2::bigint and at >= $3::bigint and (at, node, first) <= ($4::bigint, $5::smallint, $6::bigint)
    order by at desc, node desc, first desc limit $7::int`,
}
const BY_ACTOR: Statement = {
  name: 'audit-by-actor',
  text: `select at, node, first from audit.actor_index
    where tenant = $1::int and actor = $2 and at >= $3::bigint and (at, node, first) <= ($4::bigint, $5::smallint, $6::bigint)
    order by at desc, node desc, first desc limit $7::int`,
}

/** How far each log is indexed. */
export async function indexPositions(database: Queryable): Promise<Map<number, number>> {
  return new Map((await database.query(INDEX_POSITIONS)).map(([node, next]) => [Number(node), Number(next)]))
}

/** Held to the end of the transaction: one indexer at a time. */
export async function lockIndex(database: Queryable): Promise<void> {
  await database.query(LOCK_INDEX, [NODE_LOCK_SPACE, INDEX_LOCK])
}

export async function insertIndex(
  database: Queryable,
  entries: { patients: (IndexEntry & { patient: number })[]; actors: (IndexEntry & { actor: string })[] },
): Promise<void> {
  const { patients, actors } = entries
  if (patients.length > 0)
    await database.query(INDEX_PATIENTS, [...indexColumns(patients), int8Array(patients.map((entry) => entry.patient))])
  if (actors.length > 0)
    await database.query(INDEX_ACTORS, [...indexColumns(actors), textArray(actors.map((entry) => entry.actor))])
}

export async function moveIndex(database: Queryable, node: number, next: number): Promise<void> {
  await database.query(MOVE_INDEX, [node, next])
}

/** Index entries of a patient (0: all of the tenant) or an actor, newest first, at or before `before`. */
export async function indexEntries(
  database: Queryable,
  where: {
    tenant: number
    key: { patient: number } | { actor: string }
    from: number
    before: { at: number; node: number; first: number }
    rows: number
  },
): Promise<{ at: number; node: number; first: number }[]> {
  const { tenant, key, from, before, rows } = where
  const [statement, value] = 'actor' in key ? [BY_ACTOR, key.actor] : [BY_PATIENT, key.patient]
  const found = await database.query(statement, [tenant, value, from, before.at, before.node, before.first, rows])
  return found.map(([at, node, first]) => ({ at: Number(at), node: Number(node), first: Number(first) }))
}

function indexColumns(entries: readonly IndexEntry[]): Buffer[] {
  return [
    int4Array(entries.map((entry) => entry.tenant)),
    int8Array(entries.map((entry) => entry.at)),
    int2Array(entries.map((entry) => entry.node)),
    int8Array(entries.map((entry) => entry.first)),
  ]
}
