import type { Connection, Database, Row, Statement } from '#db'
import { int2Array, int8Array } from '#db'

/** Anything that runs a statement: the shared connections, or one transaction. */
export type Queryable = Pick<Database | Connection, 'query'>

/** Types of the outbox columns, in the order of `outboxInsert`. */
export const OUTBOX_COLUMNS = [
  'smallint',
  'bigint',
  'int',
  'bigint',
  'int[]',
  'smallint[]',
  'smallint[]',
  'bigint[]',
  'int[]',
  'bigint[]',
] as const

export function outboxInsert(values: string): string {
  return `insert into events.outbox (node, first, n, at, tenants, actions, types, rids, versions, patients) values (${values})`
}

/** Every node that has outbox rows, with its oldest entry number: an index skip scan, one probe per node. */
const NODES: Statement = {
  name: 'events-nodes',
  text: `with recursive nodes(node) as (
      select min(node) from events.outbox
      union all
      select (select min(o.node) from events.outbox o where o.node > nodes.node) from nodes where nodes.node is not null
    )
    select node, (select min(first) from events.outbox o where o.node = nodes.node) from nodes where node is not null`,
}

const NEXT_ENTRY: Statement = {
  name: 'events-next-entry',
  text: 'select first + n from events.outbox where node = $1::smallint order by first desc limit 1',
}

/** Rows of one node that hold entries from `$2` on; the row in which `$2` lies starts before it. */
const ROWS: Statement = {
  name: 'events-rows',
  text: `select node, first, n, at, tenants, actions, types, rids, versions, patients from events.outbox
    where node = $1::smallint and first >= coalesce(
      (select first from events.outbox where node = $1::smallint and first <= $2::bigint order by first desc limit 1), $2::bigint)
    order by first limit $3::int`,
}

const LOAD_CURSOR: Statement = { name: 'events-cursor', text: 'select node, next from events.cursor where name = $1' }

const SAVE_CURSOR: Statement = {
  name: 'events-cursor-save',
  text: `insert into events.cursor (name, node, next)
    select $1, node, next from unnest($2::smallint[], $3::bigint[]) as moved(node, next)
    on conflict (name, node) do update set next = greatest(events.cursor.next, excluded.next)`,
}

/** Held to the end of the transaction: one reader per name at a time. 1702257011: 'even' in ASCII, our corner of the key space. */
const LOCK_CURSOR: Statement = {
  name: 'events-cursor-lock',
  text: 'select pg_advisory_xact_lock(1702257011, hashtext($1))',
}

/** Nodes that have entries, with the number of the oldest one kept. */
export async function outboxNodes(database: Queryable): Promise<{ node: number; oldest: number }[]> {
  const rows = await database.query(NODES)
  return rows.map(([node, oldest]) => ({ node: Number(node), oldest: Number(oldest) }))
}

/**
 * Number the next outbox entry of `node` gets: for a process that takes over the node's log. Retention must keep each
 * node's newest row, or numbering would start again at 0.
 */
export async function nextOutboxEntry(database: Queryable, node: number): Promise<number> {
  const [row] = await database.query(NEXT_ENTRY, [node])
  return Number(row?.[0] ?? 0)
}

/** Every node that has outbox rows, with the number its next entry gets: two index probes per node. */
const ENDS: Statement = {
  name: 'events-ends',
  text: `with recursive nodes(node) as (
      select min(node) from events.outbox
      union all
      select (select min(o.node) from events.outbox o where o.node > nodes.node) from nodes where nodes.node is not null
    )
    select node, (select first + n from events.outbox o where o.node = nodes.node order by first desc limit 1)
    from nodes where node is not null`,
}

/** The end of each node's entries: one statement, one moment. */
export async function outboxEnds(database: Queryable): Promise<Map<number, number>> {
  const rows = await database.query(ENDS)
  return new Map(rows.map(([node, next]) => [Number(node), Number(next)]))
}

export async function outboxRows(
  database: Queryable,
  from: { node: number; next: number; rows: number },
): Promise<Row[]> {
  return database.query(ROWS, [from.node, from.next, from.rows])
}

export async function loadPositions(database: Queryable, name: string): Promise<Map<number, number>> {
  const rows = await database.query(LOAD_CURSOR, [name])
  return new Map(rows.map(([node, next]) => [Number(node), Number(next)]))
}

export async function savePositions(
  database: Queryable,
  name: string,
  positions: ReadonlyMap<number, number>,
): Promise<void> {
  await database.query(SAVE_CURSOR, [name, int2Array([...positions.keys()]), int8Array([...positions.values()])])
}

export async function lockCursor(database: Queryable, name: string): Promise<void> {
  await database.query(LOCK_CURSOR, [name])
}
